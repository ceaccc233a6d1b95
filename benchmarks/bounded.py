"""Times a busy loop of tiny calls under `--max-overhead 5%` beside the same loop untraced.

Both run at the same time, on one core where the system allows that, so that other load slows both
alike; what counts is CPU per call, second by second: of the whole process, and of the thread that
makes the calls.

    python -m benchmarks.bounded [SECONDS]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FROM_SECOND = 10
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


def main() -> None:
    """Print the figures of one run."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        program, trace = Path(folder, "program.py"), Path(folder, "trace.jsonl")
        program.write_text(PROGRAM)
        plain, traced = run(seconds, trace, program)
        for number, what in enumerate(("process", "thread")):
            print(f"{what}, ns a call, plain:", *(f"{each[number]:.0f}" for each in plain))
            print(f"{what}, ns a call, traced:", *(f"{each[number]:.0f}" for each in traced))
            late = [
                second[number] / beside(plain, second)[number] for second in traced[FROM_SECOND:]
            ]
            print(f"{what}: {statistics.median(late):.3f} of plain from second {FROM_SECOND} on")
        print(f"{sum(each[2] for each in traced):.0f} turns, spans:", recorded(trace))


if __name__ == "__main__":
    main()
