"""Runs tests/behaviours in the modes that change an interpreter most, and records what came out.

usage: python -m tools.behaviours_hard [--write docs/hard-modes.md] PYTHON ...

Each mode runs on both recorders. With ``--write`` each row replaces the older one of its
interpreter, recorder and mode as soon as it is there.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tools.cores import cores_of, environment

_HEADER = "| CPython | core | mode | result | failed |\n|---|---|---|---|---|\n"
_IGNORED = "ignore::pytest.PytestConfigWarning"  # -O: pytest says that it rewrites no assertion
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
TIME_LIMIT_S = 1800


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to run an interpreter."""

    name: str
    flags: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)


MODES = (
    Mode("`PYTHONASYNCIODEBUG=1`", environ={"PYTHONASYNCIODEBUG": "1"}),
    Mode("`-X dev`", ("-X", "dev")),
    Mode("`-O`", ("-O",)),
    Mode("`gc.set_threshold(1)`", environ={"CODETRACER_TESTS_COLLECT": "1"}),
)


def run(python: str, core: str, mode: Mode, select: str) -> tuple[str, bool]:
    """Return a row of the table, and whether everything passed."""
    command = [python, *mode.flags, "-m", "pytest", "-q", "-W", _IGNORED]
    name = f"| {version(python)} | {core} | {mode.name} |"
    try:
        done = subprocess.run(
            [*command, "-k", select, "tests/behaviours"],
            env={**environment(core), **mode.environ},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{name} no end within {TIME_LIMIT_S} s |  |", False
    counts = ", ".join(" ".join(found) for found in _COUNT.findall(done.stdout[-300:]))
    failed = ", ".join(test.rpartition("::")[2] for test in _FAILED.findall(done.stdout))
    return f"{name} {counts} | {failed} |", done.returncode == 0


def version(python: str) -> str:
    """Return an interpreter's version."""
    asked = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def write_row(path: Path, line: str) -> None:
    """Put a row into the table, instead of the older one of interpreter, recorder and mode."""
    head, _, table = path.read_text().partition(_HEADER)
    lines = {_key(each): each for each in [*table.splitlines(), line]}
    path.write_text(head + _HEADER + "\n".join(lines[key] for key in sorted(lines)) + "\n")


def _key(line: str) -> tuple[str, ...]:
    return tuple(line.split("|")[1:4])


def main() -> int:
    """Run every mode on every interpreter that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--select", default="", help="which tests, as pytest's -k")
    options = parser.parse_args()
    passed = True
    for python in filter(os.path.exists, options.pythons):
        for core, mode in product(cores_of(python), MODES):
            row, is_good = run(python, core, mode, options.select)
            print(row, flush=True)
            if options.write:
                write_row(options.write, row)
            passed = passed and is_good
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
