"""The whole cost of a span by exporter: CPU of all threads of the program, until all is delivered.

usage: python -m benchmarks.exporters [--rounds N] [--calls N]

A program calls a function of two arguments so many times; each exporter in a process of its own, in
turn. The CPU time of a process that calls nothing is subtracted. Without --calls it is
300,000: what a start takes differs by ten milliseconds, and is in the difference.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.exporters.collector import running_collector
from tools.numeric_arguments import whole_from

from benchmarks.measuring import Series

PROGRAM = """
import sys

def handle(number, user):
    return "accepted"

for number in range(int(sys.argv[1])):
    handle(number, "user-17")
"""


def cpu_seconds(words: list[str], folder: str) -> float:
    """Return user and system time of a process, in s."""
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words}: exit status {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def microseconds(exporter: list[str], calls: int) -> float:
    """Return what a span costs in all, in us."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(PROGRAM)
        buffer = ["--buffer", "block"]
        run = ["-m", "codetracer_otel", "run", "--quiet", *buffer, *exporter, "app.py"]
        traced = cpu_seconds([*run, str(calls)], folder) - cpu_seconds([*run, "0"], folder)
        plain = cpu_seconds(["app.py", str(calls)], folder) - cpu_seconds(["app.py", "0"], folder)
    return (traced - plain) / calls * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole cost of a span by exporter.")
    parser.add_argument("--rounds", type=whole_from(1), default=5)
    parser.add_argument("--calls", type=whole_from(1), default=300_000)
    options = parser.parse_args()
    with running_collector() as collector:
        variants = {
            "none": ["--exporter", "none"],
            "otlp": ["--exporter", f"otlp={collector.url}"],
            "jsonl": ["--exporter", "jsonl=spans.jsonl"],
            "chrome": ["--exporter", "chrome=trace.json"],
            "native": ["--exporter", "native=recording"],
        }
        found: dict[str, list[float]] = {name: [] for name in variants}
        for _ in range(options.rounds):
            for name, words in variants.items():
                found[name].append(microseconds(words, options.calls))
    print(f"CPython {platform.python_version()}: us of CPU a span, all threads of the program\n")
    print("| exporter | median (lowest-highest) |\n|---|---|")
    for name, figures in found.items():
        print(f"| {name} | {Series(tuple(figures)).text(digits=2)} |")


if __name__ == "__main__":
    main()
