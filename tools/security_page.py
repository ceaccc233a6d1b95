"""The tables of docs/security.md that are made of the package's own.

usage: python -m tools.security_page [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.redaction import table
from tools.prose import reflowed

from codetracer_otel.filters.patterns.secret_names import EXCUSES, FOREIGN_NAMES, SECRET_NAMES
from codetracer_otel.filters.secrets.shapes.vendors import FORMATS

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"
PAGE = Path(__file__).parent.parent / "docs" / "security.md"


def _cells(words: str) -> str:
    return " ".join(f"`{word.strip()}`" for word in words.split(","))


def names_table() -> str:
    """Return the words of secret names and why."""
    rows = [f"| {_cells(group.words)} | {group.why} |" for group in SECRET_NAMES]
    return "\n".join(["| words | why |", "|---|---|", *rows])


def foreign_table() -> str:
    """Return the words of other languages."""
    rows = [f"| {_cells(group.words)} | {group.why} |" for group in FOREIGN_NAMES]
    return "\n".join(["| words | language |", "|---|---|", *rows])


def excuses_table() -> str:
    """Return what makes of a secret's name another one."""
    rows = [f"| {_cells(group.words)} | {group.why} |" for group in EXCUSES]
    return "\n".join(["| words | why not |", "|---|---|", *rows])


def formats_table() -> str:
    """Return the formats of vendors and where each is documented."""
    rows = [
        f"| {row.vendor} | {_cells(','.join(row.prefixes.split()))} | {row.source} |"
        for row in FORMATS
    ]
    return "\n".join(["| vendor | prefix | documented in |", "|---|---|---|", *rows])


def benchmark_table() -> str:
    """Return what the stored results of ``benchmarks.redaction`` say."""
    lines: list[str] = []
    for path in sorted(RESULTS.glob("redaction-*.json")):
        results = json.loads(path.read_text("utf-8"))
        lines += [f"CPython {results['python']}, seed {results['seed']}.", ""]
        lines += [*table(results), ""]
    return reflowed("\n".join(lines)).rstrip()


TABLES = {
    "benchmark": benchmark_table,
    "names": names_table,
    "languages": foreign_table,
    "excuses": excuses_table,
    "formats": formats_table,
}


def filled(page: str) -> str:
    """Return the page with every table between its marks made anew."""
    for name, make in TABLES.items():
        begin, end = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"{PAGE}: no place for the table {name!r}")
        page = f"{before}{begin}\n\n{make()}\n\n{end}{after}"
    return page


def main() -> None:
    page = PAGE.read_text("utf-8")
    made = filled(page)
    if "--check" in sys.argv[1:]:
        raise SystemExit(0 if page == made else f"{PAGE} differs; run python -m {__spec__.name}")
    PAGE.write_text(made, "utf-8")


if __name__ == "__main__":
    main()
