"""Write what stands elsewhere about the options: docs/options.md, the signature of `configure`.

usage: python -m tools.options [--check]     --check only compares
"""

from __future__ import annotations

import re
import sys
import textwrap
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import codetracer_otel as ct
from codetracer_otel.sdk.settings.options.table import (
    BUFFER,
    ENVIRONMENT,
    LIMITS,
    OPTIONS,
    POLICY,
    RUN,
    TOPIC_VARIABLES,
)

if TYPE_CHECKING:
    from codetracer_otel.sdk.settings.options.option import Flag, Option, Options

PROJECT = Path(__file__).parent.parent
PAGE = PROJECT / "docs" / "options.md"
SOURCE = PROJECT / "src" / "codetracer_otel" / "sdk" / "session" / "configure.py"
LINE = 100
MIB = 1024 * 1024
POSITIONAL = ("trace_filter", "exporter")
_NAMES = re.compile(r"`([^`]+)`")


def build_page(page: str) -> str:
    """Return docs/options.md with the tables made anew; what stands around them stays."""
    options = ("flag of `run`", "environment", "default", "meaning")
    session = [
        *map(row, OPTIONS.values()),
        *(row(option, is_named=False) for option in (*RUN.values(), *ENVIRONMENT.values())),
    ]
    page = with_table(page, ("keyword of `configure()`", *options), session)
    page = with_table(page, ("key of `policy`", *options), [*map(row, POLICY.values())])
    topics = [row(option)[2:] for option in TOPIC_VARIABLES.values()]
    page = with_table(page, ("variable of topics", "default", "meaning"), topics)
    page = with_table(page, ("field of `Limits`", *options), bound_rows(LIMITS))
    return with_table(page, ("field of `Buffer`", *options), bound_rows(BUFFER))


def with_table(page: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a page with another table where one stands with this first column."""
    lines = [header, ("---",) * len(header), *rows]
    table = "\n".join(re.sub(" +", " ", f"| {' | '.join(cells)} |") for cells in lines)
    table = table.replace("| --- ", "|---").replace("|--- |", "|---|").replace("--- |", "---|")
    start = re.escape(f"| {header[0]} |")
    found = re.compile(rf"^{start}.*?(?=\n\n)", re.MULTILINE | re.DOTALL)
    return found.sub(lambda _: table, page)


def row(option: Option, *, is_named: bool = True) -> tuple[str, ...]:
    """Return the cells of one option: name, flag, variables, default, meaning."""
    return (
        f"`{option.name}`" if is_named else "",
        "" if option.flag is None else shown_flag(option.flag),
        ", ".join(f"`{variable}`" for variable in option.variables),
        option.shown_default or shown_default(option.default),
        "; ".join(filter(None, (option.help, option.more))),
    )


def bound_rows(table: Options) -> list[tuple[str, ...]]:
    return [
        (
            f"`{bound.name}`",
            "" if bound.flag is None else shown_flag(bound.flag),
            ", ".join(f"`{variable}`" for variable in bound.variables),
            shown_default(bound.default) or "none",
            "; ".join(filter(None, (bound.help, bound.more))),
        )
        for bound in table.values()
    ]


def shown_flag(flag: Flag) -> str:
    opposite = f", `--no-{flag.name[2:]}`" if flag.has_opposite else ""
    return f"`{' '.join(filter(None, (flag.name, flag.metavar)))}`{opposite}"


def shown_default(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value // MIB} MiB" if value % MIB == 0 and value else f"{value:,}"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def build_source(source: str) -> str:
    """Return the module of `configure` with its signature and arguments as the table has them."""
    before, signature, rest = source.partition("def configure(\n")
    _, result, rest = rest.partition(") -> Session:\n")
    doc, args, rest = rest.partition("    Args:\n")
    blank = rest.index("\n\n    Returns:")
    parameters = "".join(map(parameter, OPTIONS.values()))
    described = "\n".join(map(argument, OPTIONS.values()))
    return f"{before}{signature}{parameters}{result}{doc}{args}{described}{rest[blank:]}"


def parameter(option: Option) -> str:
    """Return the line of one keyword; the first one that may not be given by place says so."""
    star = "    *,\n" if option is first_by_name() else ""
    return f"{star}    {option.name}: {option.type} | None = None,\n"


def first_by_name() -> Option:
    return next(option for name, option in OPTIONS.items() if name not in POSITIONAL)


def argument(option: Option) -> str:
    """Return what the docstring says of one keyword; a name of the API has single quotes there."""
    text = _NAMES.sub(
        lambda found: found[0] if found[1] in ct.__all__ else f"`{found[0]}`", option.help
    )
    indent = " " * 8
    return "\n".join(
        textwrap.wrap(
            f"{option.name}: {text}.",
            LINE,
            initial_indent=indent,
            subsequent_indent=f"{indent}    ",
            break_on_hyphens=False,
        )
    )


def main(arguments: list[str]) -> int:
    """Write both files, or return 1 when one is not what it should be."""
    made = {
        PAGE: build_page(PAGE.read_text(encoding="utf-8")),
        SOURCE: build_source(SOURCE.read_text(encoding="utf-8")),
    }
    stale = [path for path, text in made.items() if path.read_text(encoding="utf-8") != text]
    if arguments == ["--check"]:
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
        print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
