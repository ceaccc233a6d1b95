"""Takes single figures out of ``benchmarks/results``, so that documents quote what was measured.

A document holds a table between ``<!-- figures: NAME -->`` and ``<!-- end of figures -->``; NAME is
one of ``TABLES``. ``<!-- result: NAME -->`` instead stands for what a file of the results holds.
``python -m benchmarks --write`` writes them anew; a test compares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "scale.md")  # beside those made whole
VERSIONS = ("3.12", "3.13", "3.14", "3.15")
ABSENT = "-"
_NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?")
_REGION = re.compile(
    r"(<!-- (?P<kind>figures|result): (?P<name>[\w .-]+) -->\n).*?(<!-- end of figures -->)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Row:
    """A row of a table: where its figures stand in the results.

    Attributes:
        label: what the reader sees.
        section: the benchmark.
        name: the first cell of the row there.
        column: the number of the cell, from 0.
        core: ``c`` or ``python``.
        target: what ``core.md`` and the like ask for; empty where nothing is asked.
        divisor: of the figure, for another unit.
        digits: after the decimal point.
    """

    label: str
    section: str
    name: str
    column: int
    core: str = "c"
    target: str = ""
    divisor: float = 1
    digits: int = 0

    def value(self, version: str) -> float | None:
        """Return what was measured on an interpreter; None where nothing was."""
        cells = cells_of(self.section, self.name, version, self.core)
        found = _NUMBER.search(cells[self.column]) if len(cells) > self.column else None
        return None if found is None else float(found[0].replace(",", "")) / self.divisor

    def figure(self, version: str) -> str:
        """Return the value as a document shows it."""
        value = self.value(version)
        return ABSENT if value is None else f"{value:,.{self.digits}f}"


@dataclass(frozen=True)
class Ratio:
    """How many times as much one row is as another, of the same run."""

    label: str
    row: Row
    base: Row
    target: str = ""

    def figure(self, version: str) -> str:
        """Return the ratio as a document shows it."""
        value, base = self.row.value(version), self.base.value(version)
        return ABSENT if value is None or not base else f"{value / base:.1f}x"


@dataclass(frozen=True)
class Table:
    """Rows under one heading; with ``has_target`` the second column is what was asked for."""

    heading: str
    rows: tuple[Row | Ratio, ...]
    has_target: bool = False

    def lines(self) -> Iterator[str]:
        targets = ("target",) if self.has_target else ()
        head = (self.heading, *targets, *VERSIONS)
        yield f"| {' | '.join(head)} |"
        yield "|---" + "|--:" * (len(head) - 1) + "|"
        for row in self.rows:
            target = (row.target,) if self.has_target else ()
            figures = (row.figure(version) for version in VERSIONS)
            yield f"| {' | '.join((row.label, *target, *figures))} |"


def results_of(section: str, version: str, core: str) -> Path:
    """Return the file with what a benchmark printed."""
    ending = "" if core == "c" else f"-{core}"
    return RESULTS / f"{section}-{version}{ending}.txt"


def cells_of(section: str, name: str, version: str, core: str) -> list[str]:
    """Return the cells of the first row that begins with a name; none without such a row."""
    path = results_of(section, version, core)
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if cells[0] == name:
            return cells
    return []


def _field(label: str, name: str, core: str = "c") -> Row:
    return Row(label, "field", name, 4, core)


def _exporter(name: str, core: str = "c") -> Row:
    label = name if core == "c" else f"{name}, Python core"
    return Row(label, "exporters", name, 1, core, digits=1)


def _call(label: str, name: str, target: str) -> Row:
    return Row(label, "calls", name, 3, target=target)


def _kind(label: str, name: str, target: str) -> Row:
    return Row(label, "kinds", name, 2, target=target)


def _stage(name: str, target: str) -> Row:
    return Row(name, "stages", name, 1, target=target)


def _program(label: str, name: str, target: str) -> Row:
    return Row(label, "real_programs", name, 2, target=target, digits=2)


def _ratio(label: str, theirs: str, ours: str, target: str, *, column: int) -> Ratio:
    return Ratio(label, Row("", "field", theirs, column), Row("", "field", ours, column), target)


NAMES = "ours, names only"
OTEL = "OpenTelemetry decorator with values"
OURS = "ours, arguments and return"
TABLES = {
    "field": Table(
        "added to a call, ns of CPU",
        (
            _field("**codetracer-otel**, names only", NAMES),
            _field("**codetracer-otel**, arguments and result", OURS),
            _field("the same without a compiled core", OURS, "python"),
            _field("VizTracer, names only", "VizTracer"),
            _field("VizTracer, arguments and result", "VizTracer with values"),
            _field("kolo, arguments and result", "kolo"),
            _field("OpenTelemetry decorator, arguments and result", OTEL),
            _field("Logfire auto-tracing, names only", "Logfire auto-tracing"),
            _field("CodeTracer recorder, every line", "CodeTracer recorder"),
        ),
    ),
    "whole cost": Table(
        "us of CPU a span, all threads",
        tuple(
            _exporter(name, core)
            for core in ("c", "python")
            for name in ("otlp", "jsonl", "chrome", "native")
        ),
    ),
    "targets": Table(
        "compiled core, ns of CPU added",
        (
            _call("names only", "two: names only", "150"),
            _call("two arguments and return", "two: arguments and return", "200"),
            _call("four arguments and return", "four: arguments and return", "250"),
            _call("sampled out", "two: sampled out", "100"),
            _kind("generator with one item", "generator, one item: traced", "350"),
            _kind("coroutine", "coroutine without a suspension: traced", "350"),
            _kind(
                "exception that leaves one frame",
                "exception that leaves one frame: traced",
                "1,000",
            ),
            _stage("scan of the texts", "with the next: 200"),
            _stage("OTLP encoding", ""),
            _stage("from the call to a socket (OTLP), texts words", "1,000"),
            _stage("from the call to a socket (OTLP), texts with ids", "1,000"),
            _stage("from the call to a file (JSON lines), texts words", "3,000"),
            _stage("from the call to a file (Chrome), texts words", "3,000"),
            Row(
                "instructions, two arguments and return",
                "instructions",
                "arguments and return",
                2,
                target="2,200",
            ),
        ),
        has_target=True,
    ),
    "ratios": Table(
        "added CPU of the program's thread, times ours",
        tuple(
            _ratio(f"{label}, {workload}", theirs, ours, target, column=column)
            for label, theirs, ours, target in (
                ("VizTracer names / ours names", "VizTracer", NAMES, "at least 1"),
                ("VizTracer names / ours with values", "VizTracer", OURS, "at least 0.67"),
                ("VizTracer values / ours", "VizTracer with values", OURS, "at least 5"),
                ("kolo / ours", "kolo", OURS, "at least 5"),
                ("OpenTelemetry decorator / ours", OTEL, OURS, "at least 80, as whole cost"),
            )
            for column, workload in ((3, "fib"), (4, "handle"))
        ),
        has_target=True,
    ),
    "start": Table(
        "CPU ms beyond those of `python -c pass`",
        tuple(
            Row(name, "startup", name, 1)
            for name in (
                "import codetracer_otel",
                "import opentelemetry.sdk.trace",
                "codetracer-otel run, empty program, no exporter",
                "codetracer-otel run, empty program, OTLP",
            )
        ),
    ),
    "real programs": Table(
        "CPU of the program's thread, times that of an untraced run",
        tuple(
            _program(f"{program}, {kind}", f"{program}: {kind}, warm", target)
            for program in ("pip list", "sphinx build", "click's tests")
            for kind, target in (("names", "1.15"), ("values", "1.3"))
        ),
        has_target=True,
    ),
}


def filled(text: str) -> str:
    """Return a document with its tables as the results have them now."""

    def region(found: re.Match[str]) -> str:
        name = found["name"]
        if found["kind"] == "result":
            lines = iter((RESULTS / f"{name}.txt").read_text().strip().splitlines())
        else:
            lines = TABLES[name].lines()
        return "".join((found[1], "\n", *(f"{line}\n" for line in lines), "\n", found[4]))

    return _REGION.sub(region, text)
