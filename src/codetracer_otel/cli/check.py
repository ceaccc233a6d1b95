"""``codetracer-otel check``: validates filter files and prints every problem."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import FilterError
from codetracer_otel.filters import builtin_sources, load_chain, parse_stated_chain

if TYPE_CHECKING:
    import argparse

    from codetracer_otel.filters import FilterSource
    from codetracer_otel.filters.language.chain import FilterChain

INVALID = 2

_EXAMPLES: Final = """\
examples:
  codetracer-otel check .codetracer/trace-filter.toml
  codetracer-otel check base.toml::local.toml
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="validate filter files",
        description="Validate filter files as one chain, in the order given.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("filters", nargs="+", metavar="FILTER", help='a file, or "a.toml::b.toml"')
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the filters and return 0, or 2 after printing every problem."""
    try:
        sources = [source for text in arguments.filters for source in parse_stated_chain(text)]
        chain = load_chain([*builtin_sources(), *sources])
    except FilterError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        print(_count(len(error.problems)), file=sys.stderr)
        return INVALID
    _print_summary(chain, sources)
    return 0


def _count(problems: int) -> str:
    return "1 problem" if problems == 1 else f"{problems} problems"


def _print_summary(chain: FilterChain, sources: list[FilterSource]) -> None:
    given = {source.label for source in sources}
    for file in chain.files:
        if file.provenance.path in given:
            rules = "1 rule" if len(file.rules) == 1 else f"{len(file.rules)} rules"
            print(f"{file.provenance.path}: ok, {rules}")
    for notice in chain.notices:
        print(f"note: {notice}")
