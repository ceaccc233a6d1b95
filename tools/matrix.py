"""Run the tests on every supported CPython that this machine has, and say what ran where.

usage: python -m tools.matrix [pytest's options]     one environment an interpreter
       python -m tools.matrix --environments         print their folders, made where missing
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.suite_plan import EVERYTHING, Plan, plans

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parent.parent
VERSIONS = ("3.12", "3.13", "3.14", "3.15")
_SUMMARY = re.compile(r"^=* ?((?:\d+ \w+(?:, )?)+) in [\d.]+s.*?=*$", re.MULTILINE)
_FAILURES = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_FEW = 8
_SKIPS = re.compile(r"^SKIPPED \[(\d+)\] (\S+): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """How the tests ended on one interpreter.

    Attributes:
        name: what they ran on.
        core: which recorder: ``c`` or ``python``.
        status: pytest's exit status.
        summary: its closing line, such as ``4606 passed``.
        skips: a line for each reason of a test that was left out.
        again: tests that failed beside others and were run again alone, with this ``status``.
        plan: what was left out, and how deep the rest went.
    """

    name: str
    core: str
    status: int
    summary: str
    skips: tuple[str, ...]
    again: tuple[str, ...] = ()
    plan: Plan = EVERYTHING


def main(options: list[str]) -> int:
    """Return 0 when the tests passed on every interpreter that is here."""
    found = {version: environment(version) for version in VERSIONS}
    places = [place for place in found.values() if place]
    set_up([place for place in places if place.name != ".venv"])
    if options == ["--environments"]:
        print(*(place.name for place in places))
        return 0
    cores = ["auto"] * len(places)
    has_core = interpreter_of(places[-1], "auto")[1] == "c"
    if has_core:
        # The recorder in Python is what runs where nothing is compiled, and what the other one is
        # compared with.
        places, cores = [*places, places[-1]], [*cores, "python"]
    found_plans = plans(len(cores), ends_with_python=has_core)
    if names_tests(options):  # what somebody asked for runs everywhere
        found_plans = [EVERYTHING] * len(cores)
    runs = [
        run_tests(place, core, plan, options)
        for place, core, plan in zip(places, cores, found_plans, strict=True)
    ]
    missing = [version for version, place in found.items() if place is None]
    print(report(runs, missing))
    return max(run.status for run in runs)


def environment(version: str) -> Path | None:
    """Return the folder of a version's environment, or None without interpreter."""
    first = PROJECT / ".venv"
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return first
    return PROJECT / f".venv-{version}" if find_python(version) else None


def find_python(version: str) -> str:
    """Return the path of an interpreter of a version, or nothing if there is none."""
    search = [PROJECT / "tools" / "find-python", version]
    return subprocess.run(search, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


def set_up(places: list[Path]) -> None:
    """Let make set environments up, two at a time: half of that is waiting for an index."""
    targets = [f"{place.name}/.installed" for place in places]
    # by itself, not as a part of a make that may have called this
    environ = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}  # noqa: TID251
    command = ["make", "--no-print-directory", "-j", "2", *targets]
    if targets:
        subprocess.run(command, cwd=PROJECT, stdout=sys.stderr, env=environ, check=True)


def names_tests(options: list[str]) -> bool:
    """Return whether pytest's options name a test, a file or a folder."""
    words = (option.partition("::")[0] for option in options if not option.startswith("-"))
    return any((PROJECT / word).exists() for word in words)


def interpreter_of(place: Path, core: str) -> tuple[str, str]:
    """Return the name of an environment's interpreter, and which recorder is used there."""
    command = [place / "bin" / "python", "-c", _NAME]
    asked = subprocess.check_output(command, env=environ_of(core, EVERYTHING), text=True)
    name, core = asked.strip().split("\t")
    return name, core


def environ_of(core: str, plan: Plan) -> dict[str, str]:
    """Return what the tests find in the environment."""
    depth = "whole" if plan.is_whole else "ordinary"
    stated = {"CODETRACER_OTEL_CORE": core, "CODETRACER_TESTS_DEPTH": depth}
    return {**os.environ, **stated}  # noqa: TID251 - handed on to the tests


def run_tests(place: Path, core: str, plan: Plan, options: list[str]) -> Run:
    """Run pytest in an environment; its output is shown as it comes."""
    environ = environ_of(core, plan)
    name, core = interpreter_of(place, core)
    print(f"\n{name}, recorder in {core}", flush=True)
    pytest = [str(place / "bin" / "python"), "-m", "pytest"]
    left_out = [f"--ignore={path}" for path in plan.left_out]
    status, output = show([*pytest, *options, *left_out], environ)
    run = replace(read_run(name, core, status, output), plan=plan)
    if not may_be_load(status, output):
        return run
    print("\nonce more, one at a time:", flush=True)
    status, _ = show([*pytest, "-q", "--last-failed", "-n", "0", *left_out], environ)
    return replace(run, status=status, again=tuple(_FAILURES.findall(output)))


def show(command: list[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a command and show its output as it comes; return its exit status and the output."""
    lines = []
    with subprocess.Popen(
        command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def may_be_load(status: int, output: str) -> bool:
    """Return whether a few tests failed that may pass alone: many wait for processes of theirs.

    A worker that crashed is a defect, and so are many failures.
    """
    failures = _FAILURES.findall(output)
    return status == 1 and 0 < len(failures) <= _FEW and "crashed while running" not in output


_NAME = """
import os, platform
from codetracer_otel._core import load
uses_c = os.environ["CODETRACER_OTEL_CORE"] != "python" and load().module is not None
print(f"CPython {platform.python_version()}\\t{'c' if uses_c else 'python'}")
"""


def read_run(name: str, core: str, status: int, output: str) -> Run:
    """Return what pytest's output says of a run."""
    closing = _SUMMARY.findall(output)
    skips = (f"{count} of {where}: {reason}" for count, where, reason in _SKIPS.findall(output))
    return Run(
        name, core, status, closing[-1] if closing else f"exit status {status}", tuple(skips)
    )


def report(runs: list[Run], missing: list[str]) -> str:
    """Return the closing table: interpreters, results, reasons of skipped tests."""
    lines = ["", "What ran where:"]
    for run in runs:
        lines.append(f"  {run.name:<16} {run.core:<7} {run.summary}")
        lines += plan_lines(run.plan)
        lines += [f"    skipped {reason}" for reason in run.skips]
        outcome = "failed again" if run.status else "passed"
        lines += [f"    {outcome} alone, after failing beside others: {test}" for test in run.again]
    lines += [
        f"  CPython {version:<8} not found here; tools/get-python {version} fetches it"
        for version in missing
    ]
    return "\n".join(lines)


def plan_lines(plan: Plan) -> list[str]:
    """Return what the table says of a plan."""
    why = f"    left out: {len(plan.left_out)} files and folders, see tools/suite_plan.py"
    depth = "    random tests: a quarter of the examples that the first interpreter tried"
    return [why] * bool(plan.left_out) + [depth] * (not plan.is_whole)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
