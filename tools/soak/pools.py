"""Runs `pool_rounds.py` under tracing with both cores busy, and counts every job's span.

usage: python -m tools.soak.pools [--runs N] [--methods fork,spawn,forkserver]
                [--exporters jsonl,otlp,...] [--rounds N] [--idle]

Each run is one program of ``--rounds`` pools. A run fails when it does not end in five minutes,
when its output differs from plain Python's, when a span is missing or comes twice, or when its
summary does not add up. Prints one line per kind of run, and each failure; the status is 1 if
there was one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.numeric_arguments import whole_from
from tools.soak.groups import PATIENCE_S, Group
from tools.soak.targets import EXPORTERS, target

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("pool_rounds.py")
WORKERS, JOBS = 3, 20
FILTER = """
[meta]
name = "soak"
version = 1
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "obj:glob:__main__.*"
exec = "trace"
"""
SUMMARY = re.compile(r"(\d+) (?:spans|calls) recorded(?:, (\d+) exported)?, (\d+) dropped")


def failures_of(method: str, exporter: str, rounds: int) -> list[str]:
    """Run the program once; return what was wrong."""
    arguments = [str(PROGRAM), method, str(rounds), str(WORKERS), str(JOBS)]
    with tempfile.TemporaryDirectory() as name, target(exporter, Path(name)) as where:
        folder = Path(name)
        (folder / "filter.toml").write_text(FILTER)
        options = ["--trace-filter", str(folder / "filter.toml"), "--exporter", where.spec]
        group = Group(["-m", "codetracer_otel", "run", *options, *arguments], folder)
        status = group.wait(lambda _: None)
        if left := group.end():
            return [f"{len(left)} processes had no end; status {status}"]
        if status is None:
            return [f"no end within {PATIENCE_S} s"]
        output = (folder / "stdout").read_text()
        return problems((status, output, errors_of(folder)), where.count(), rounds)


def errors_of(folder: Path) -> str:
    """Return our lines on stderr without trees of calls."""
    lines = (folder / "stderr").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith((" ", "trace ")))


def problems(ended: tuple[int, str, str], names: Counter[str], rounds: int) -> list[str]:
    status, output, errors = ended
    jobs = rounds * JOBS
    found = []
    if (status, output) != (0, f"{rounds * sum(range(1, JOBS + 1))}\n"):
        found.append(f"status {status}, output {output!r}")
    if names["__main__.job"] != jobs:
        found.append(f"{names['__main__.job']} spans of {jobs} jobs")
    summary = SUMMARY.search(errors)
    if summary is None or len(errors.splitlines()) != 1:
        found.append(f"stderr {errors!r}")
    elif summary[2] is not None and int(summary[1]) != int(summary[2]) + int(summary[3]):
        found.append(f"sum of {summary[0]!r}")
    return found


@contextlib.contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Keep as many cores busy as there are, with work of the same priority."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=whole_from(1), default=10)
    parser.add_argument("--rounds", type=whole_from(1), default=20)
    parser.add_argument("--methods", default="fork,spawn,forkserver")
    parser.add_argument("--exporters", default=",".join(EXPORTERS))
    parser.add_argument("--idle", action="store_true", help="do not keep the cores busy")
    options = parser.parse_args(arguments)
    failed = 0
    with contextlib.nullcontext() if options.idle else busy_cores(os.cpu_count() or 1):
        for method in options.methods.split(","):
            for exporter in options.exporters.split(","):
                failed += repeat(method, exporter, options.runs, options.rounds)
    return 1 if failed else 0


def repeat(method: str, exporter: str, runs: int, rounds: int) -> int:
    """Run one kind ``runs`` times, print what came of it, and return how many runs failed."""
    begin = time.monotonic()
    failed = 0
    for number in range(runs):
        found = failures_of(method, exporter, rounds)
        failed += bool(found)
        for each in found:
            print(f"  {method} {exporter} run {number}: {each}", flush=True)
    version = ".".join(map(str, sys.version_info[:3]))
    took = time.monotonic() - begin
    print(f"{version} {method} {exporter}: {runs} runs of {rounds} pools, {failed} failed, "
          f"{took:.0f} s", flush=True)  # fmt: skip
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
