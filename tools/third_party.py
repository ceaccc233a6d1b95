"""Run test suites of real libraries with and without tracing and compare every outcome.

usage: python -m tools.third_party [NAME...]     all of LIBRARIES
       python -m tools.third_party --forest [--write docs/third-party.md] [NAME...]     of SUITES

Each suite runs once without tracing and once with each recorder. With ``--forest`` the library and
its tests are traced entirely, and the trace must be a forest, as ``forest.py`` checks it.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tools.cores import cores_of, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

UNTRACED = ("-m", "pytest")
TRACED = ("-m", "codetracer_otel", "run", "--exporter", "none", "--pytest")
PYTEST_OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")
# Property tests take the same examples each time, however long they take.
PYTEST_OPTIONS += ("--hypothesis-profile=ci",)
FOREST = (str(Path(__file__).with_name("forest.py")),)
SECONDS = 1200
HEADER = """\
| suite | core | outcome against untraced | results | spans | forest \
| time without / with | only with tracing (+), only without (-) |
|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Library:
    """A library whose source distribution carries its tests.

    Attributes:
        needs: distributions that its tests import, beside what this project's tests need.
        options: of pytest, for both runs.
    """

    name: str
    version: str
    tests: str
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


_TIME_STAMPER = "--deselect=tests/processors/test_renderers.py::TestTimeStamper"
# They expect to be the first to look at a clock that begins to tick then: docs/third-party.md.
LOOKS_AT_THE_CLOCK = tuple(
    f"{_TIME_STAMPER}::{name}" for name in ("test_local", "test_adds_Z_to_iso")
)
LIBRARIES = {
    library.name: library
    for library in (
        Library("toolz", "1.2.0", "toolz/tests"),
        Library("boltons", "26.2.0", "tests"),
    )
}
# Sockets, programs, interpreters, and pytest in pytest: what waits for others, and is long.
OUTSIDE_OF_THE_LOOP = tuple(
    f"--ignore=tests/{name}.py"
    for name in (
        "streams/test_tls",
        "test_pytest_plugin",
        "test_sockets",
        "test_subprocesses",
        "test_to_interpreter",
        "test_to_process",
    )
)
SUITES = {
    library.name: library
    for library in (
        Library(
            "anyio",
            "4.16.0",
            "tests",
            ("blockbuster", "psutil", "pytest-mock", "trio", "trustme", "truststore", "uvloop"),
            OUTSIDE_OF_THE_LOOP,
        ),
        Library("attrs", "26.1.0", "tests"),
        Library("cachetools", "8.0.0", "tests"),
        Library(
            "janus",
            "2.0.0",
            "tests",
            ("pytest-asyncio", "typing-extensions"),
            ("-o", "addopts=", "--ignore=tests/test_benchmarks.py"),
        ),
        Library("jinja2", "3.1.6", "tests", ("markupsafe",)),
        Library("pluggy", "1.7.0", "testing", (), ("--ignore=testing/benchmark.py",)),
        Library(
            "structlog",
            "26.1.0",
            "tests",
            ("pytest-asyncio", "simplejson", "time-machine", "python-dateutil", "six"),
            LOOKS_AT_THE_CLOCK,
        ),
        LIBRARIES["toolz"],
    )
}


@dataclass(frozen=True)
class Outcome:
    """What one run of a suite gave: every test with its result, and how long it took."""

    status: int
    results: Counter[tuple[str, str, str]]
    seconds: float
    errors: str  # what the run wrote on stderr, the summary of a traced run among it

    def counts(self) -> dict[str, int]:
        counts = Counter[str]()
        for (_, _, result), number in self.results.items():
            counts[result] += number
        return dict(counts)

    def spans(self) -> int:
        found = re.search(r"([\d,]+) spans? recorded", self.errors)
        return int(found[1].replace(",", "")) if found else 0

    def forest(self) -> str:
        """Return what the check of the trace said."""
        found = re.search(r"^forest: .*$", self.errors, re.MULTILINE)
        return found[0] if found else "forest: not checked"


@dataclass(frozen=True)
class Comparison:
    """The same suite without and with tracing by one recorder."""

    library: Library
    core: str
    untraced: Outcome
    traced: Outcome

    @property
    def is_equal(self) -> bool:
        return (self.untraced.status, self.untraced.results) == (
            self.traced.status,
            self.traced.results,
        )

    def differences(self) -> list[str]:
        gone = self.untraced.results - self.traced.results
        come = self.traced.results - self.untraced.results
        return [f"- {entry}" for entry in gone] + [f"+ {entry}" for entry in come]

    def __str__(self) -> str:
        verdict = "equal" if self.is_equal else "DIFFERENT"
        return (
            f"{self.library.requirement}, recorder in {self.core}: {verdict};"
            f" {self.untraced.counts()};"
            f" {self.untraced.seconds:.1f} s untraced, {self.traced.seconds:.1f} s traced,"
            f" {self.traced.spans():,} spans"
        )


def fetch(library: Library, downloads: Path, folder: Path) -> Path:
    """Unpack a library's source distribution into ``folder``; return its root folder.

    It is downloaded only if it does not stand in ``downloads`` yet.
    """
    if not archives(library, downloads):
        download(library, downloads)
    (archive,) = archives(library, downloads)
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def archives(library: Library, downloads: Path) -> list[Path]:
    return list(downloads.glob(f"{library.name}-{library.version}.tar.gz"))


def download(library: Library, downloads: Path) -> None:
    # What builds its metadata may come as wheels.
    command = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", library.name)
    subprocess.run(
        [sys.executable, *command, "--dest", str(downloads), library.requirement],
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def run_suite(
    runner: tuple[str, ...], source: Path, tests: str, report: Path, core: str = "auto"
) -> Outcome:
    """Run the tests of an unpacked library; ``runner`` is what comes before pytest's arguments."""
    report.unlink(missing_ok=True)
    began = time.monotonic()
    places = (source / "src", source, source.parent / "needs")
    variables = {"PYTHONPATH": os.pathsep.join(map(str, places)), "CI": "1"}
    answer = subprocess.run(
        [sys.executable, *runner, *PYTEST_OPTIONS, f"--junitxml={report}", *tests.split()],
        cwd=source,
        env=environment(core) | variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if not report.exists():
        raise RuntimeError(f"{runner}: {answer.stdout}\n{answer.stderr}")
    seconds = time.monotonic() - began
    return Outcome(answer.returncode, read_report(report), seconds, answer.stderr)


def read_report(report: Path) -> Counter[tuple[str, str, str]]:
    return Counter(
        (case.get("classname", ""), case.get("name", ""), result_of(case))
        for case in ET.parse(report).iter("testcase")
    )


def result_of(case: ET.Element) -> str:
    for result in ("failure", "error", "skipped"):
        if case.find(result) is not None:
            return result
    return "passed"


def compare(
    library: Library, downloads: Path, folder: Path, *, is_forest: bool = False
) -> Iterator[Comparison]:
    """Unpack a library and what its tests need into ``folder``; run them without and with tracing.

    Args:
        is_forest: trace all of it in one process, and check the trace.
    """
    source = fetch(library, downloads, folder)
    install(library.needs, folder / "needs")
    tests = " ".join((*library.options, library.tests))
    report = folder / "report.xml"
    untraced = run_suite(UNTRACED, source, tests, report)
    tracing = (*FOREST, str(source)) if is_forest else TRACED
    for core in cores_of(sys.executable):
        traced = run_suite(tracing, source, tests, report, core)
        yield Comparison(library, core, untraced, traced)


def install(needs: tuple[str, ...], folder: Path) -> None:
    if needs:
        command = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder))
        subprocess.run(
            [sys.executable, *command, *needs],
            check=True,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )


def row(comparison: Comparison) -> str:
    untraced, traced = comparison.untraced, comparison.traced
    counts = ", ".join(f"{number:,} {result}" for result, number in untraced.counts().items())
    spans, _, forest = traced.forest().removeprefix("forest: ").partition(" spans, ")
    cells = (
        comparison.library.requirement.replace("==", " "),
        comparison.core,
        "same" if comparison.is_equal else "**differs**",
        counts,
        spans,
        forest,
        f"{untraced.seconds:.0f} s / {traced.seconds:.0f} s",
        "; ".join(comparison.differences()),
    )
    return f"| {' | '.join(cells)} |"


def write_row(path: Path, line: str) -> None:
    """Put a row into this interpreter's section, instead of the older one of its suite and core."""
    title = f"## CPython {platform.python_version()}\n"
    before, found, rest = path.read_text().partition(title)
    section, next_title, after = rest.partition("\n## ") if found else ("", "", "")
    older = [old for old in section.splitlines() if old.startswith("| ")][1:]
    lines = {_key(each): each for each in (*older, line)}
    body = f"{title}\n{HEADER}" + "\n".join(lines[key] for key in sorted(lines)) + "\n"
    path.write_text(before.rstrip() + "\n\n" + body + next_title + after)


def _key(line: str) -> tuple[str, str]:
    _, suite, core, *_ = (cell.strip() for cell in line.split("|"))
    return suite.split()[0], core


def check_forests(names: list[str], document: Path | None) -> int:
    """Trace the named suites entirely; return 1 if an outcome differs or a trace is no forest."""
    is_good = True
    for comparison in comparisons(SUITES, names, is_forest=True):
        line = row(comparison)
        print(line, flush=True)
        if document is not None:
            write_row(document, line)
        is_good = is_good and comparison.is_equal and "problems none" in line
    return 0 if is_good else 1


def compare_all(names: list[str]) -> int:
    """Compare the named libraries; return 1 if tracing changed any outcome."""
    is_good = True
    for comparison in comparisons({**SUITES, **LIBRARIES}, names or [*LIBRARIES], is_forest=False):
        print(comparison, *comparison.differences(), sep="\n  ", flush=True)
        is_good = is_good and comparison.is_equal
    return 0 if is_good else 1


def comparisons(
    libraries: dict[str, Library], names: list[str], *, is_forest: bool
) -> Iterator[Comparison]:
    """Yield what each of the named libraries came to with each recorder; all without a name."""
    for name in names or libraries:
        with tempfile.TemporaryDirectory(prefix="third-party-") as folder:
            yield from compare(libraries[name], Path(folder), Path(folder), is_forest=is_forest)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--forest", action="store_true")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    if options.forest:
        return check_forests(options.names, options.write)
    return compare_all(options.names)


if __name__ == "__main__":
    sys.exit(main())
