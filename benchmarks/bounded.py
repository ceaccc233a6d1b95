"""Times a busy loop of tiny calls under `--max-overhead 5%` beside the same loop untraced.

Both run at the same time, on one core where the system allows that, so that other load slows both
alike; what counts is CPU per call, second by second: of the whole process, and of the thread that
makes the calls.

    python -m benchmarks.bounded [SECONDS]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.numeric_arguments import whole_from

from benchmarks.measuring import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS = 40
FROM_SECOND = 10
CALLS = 200_000  # of the tiny function in a turn
BOUND = "5%"
PROGRAM = """
import sys, time

def tiny(first, second):
    return first + second

def slow():
    time.sleep(0.02)
    return "slow"

def failing(number):
    raise ValueError(number)

def turn():
    for number in range(200_000):
        tiny(number, 1)

def main(seconds):
    for _ in range(seconds):
        began, cpu, own, turns = time.monotonic(), time.process_time_ns(), time.thread_time_ns(), 0
        while time.monotonic() - began < 1:
            turn()
            turns += 1
            slow()
            try:
                failing(turns)
            except ValueError:
                pass
        own = (time.thread_time_ns() - own) / turns / 200_000
        process = (time.process_time_ns() - cpu) / turns / 200_000
        print(process, own, turns, time.monotonic() - 0.5, flush=True)

main(int(sys.argv[1]))
"""


def run(seconds: int, trace: Path, program: Path) -> list[list[list[float]]]:
    """Return for each second ns a call of process and thread, turns, and when: plain, traced."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    tracer = ["-m", "codetracer_otel", "run", "--quiet", "--max-overhead", BOUND]
    commands = [[], [*tracer, "--exporter", f"jsonl={trace}"]]
    started = [
        subprocess.Popen(
            [sys.executable, *command, str(program), str(seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for command in commands
    ]
    told = [process.communicate()[0].splitlines() for process in started]
    return [[[float(word) for word in line.split()] for line in lines] for lines in told]


def beside(plain: list[list[float]], second: list[float]) -> list[float]:
    """Return the second of the plain run that was nearest to one of the traced run."""
    return min(plain, key=lambda each: abs(each[3] - second[3]))


def recorded(trace: Path) -> dict[str, int]:
    """Return the spans of each function in a trace, failed ones apart."""
    found: dict[str, int] = {}
    for line in trace.open():
        if '"schema":"span/1"' in line:
            span = json.loads(line)
            name = f"{span['name'].rpartition('.')[2]} {span['status']['code']}"
            found[name] = found.get(name, 0) + 1
    return found


def median_of(seconds: Sequence[list[float]], column: int) -> float:
    return statistics.median(each[column] for each in seconds)


def rows(plain: list[list[float]], traced: list[list[float]]) -> Iterator[str]:
    yield f"| CPU ns a call | untraced | at most | from {FROM_SECOND} s on | of untraced then |"
    yield "|---" + "|--:" * 4 + "|"
    began = plain[0][3] - 0.5
    late = [each for each in traced if each[3] - 0.5 - began >= FROM_SECOND]
    for column, what in enumerate(("all threads", "the thread that calls")):
        of_plain = Series(tuple(each[column] / beside(plain, each)[column] for each in late))
        costs = [
            median_of(plain, column),
            max(each[column] for each in traced),
            median_of(late, column),
        ]
        yield f"| {what} | {' | '.join(f'{ns:.0f}' for ns in costs)} | {of_plain.text(digits=3)} |"


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=whole_from(1), default=SECONDS)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        program, trace = Path(folder, "program.py"), Path(folder, "trace.jsonl")
        program.write_text(PROGRAM)
        plain, traced = run(seconds, trace, program)
        spans = recorded(trace)
    print(f"CPython {platform.python_version()}: {seconds} s, at most {BOUND}\n")
    print("\n".join(rows(plain, traced)))
    turns, tiny = (round(sum(each[2] for each in traced)), spans.get("tiny UNSET", 0))
    slow, failing = spans.get("slow UNSET", 0), spans.get("failing ERROR", 0)
    print(
        f"\nIn the trace are {slow:,} calls of the slow and {failing:,} of the failing function,"
        f" of {turns:,} each, and {tiny:,} spans of {turns * CALLS:,} calls of the tiny one."
    )


if __name__ == "__main__":
    main()
