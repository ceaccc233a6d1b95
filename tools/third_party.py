"""Run test suites of real libraries with and without tracing and compare every outcome.

usage: third_party.py [NAME...]     all of LIBRARIES without a name
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

UNTRACED = ("-m", "pytest")
TRACED = ("-m", "codetracer_otel", "run", "--exporter", "none", "--pytest")
PYTEST_OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")
SECONDS = 1200


@dataclass(frozen=True)
class Library:
    """A library whose source distribution carries its tests."""

    name: str
    version: str
    tests: str

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


LIBRARIES = {
    library.name: library
    for library in (
        Library("toolz", "1.2.0", "toolz/tests"),
        Library("boltons", "26.2.0", "tests"),
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


@dataclass(frozen=True)
class Comparison:
    """The same suite without and with tracing."""

    library: Library
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
            f"{self.library.requirement}: {verdict}; {self.untraced.counts()};"
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
    command = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:")
    subprocess.run(
        [sys.executable, *command, "--dest", str(downloads), library.requirement],
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def run_suite(runner: tuple[str, ...], source: Path, tests: str, report: Path) -> Outcome:
    """Run the tests of an unpacked library; ``runner`` is what comes before pytest's arguments."""
    began = time.monotonic()
    answer = subprocess.run(
        [sys.executable, *runner, *PYTEST_OPTIONS, f"--junitxml={report}", tests],
        cwd=source,
        env=os.environ | {"PYTHONPATH": str(source)},  # noqa: TID251 - a tool, not the package
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


def compare(library: Library, downloads: Path, folder: Path) -> Comparison:
    """Unpack a library into ``folder`` and run its tests twice."""
    source = fetch(library, downloads, folder)
    untraced = run_suite(UNTRACED, source, library.tests, folder / "untraced.xml")
    traced = run_suite(TRACED, source, library.tests, folder / "traced.xml")
    return Comparison(library, untraced, traced)


def main(names: list[str]) -> int:
    """Compare the named libraries; return 1 if tracing changed any outcome."""
    comparisons = []
    for name in names or list(LIBRARIES):
        with tempfile.TemporaryDirectory(prefix="third-party-") as folder:
            comparison = compare(LIBRARIES[name], Path(folder), Path(folder))
        comparisons.append(comparison)
        print(comparison, *comparison.differences(), sep="\n  ", flush=True)
    return 0 if all(comparison.is_equal for comparison in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
