"""Cost of a step in a native trace, beside the CodeTracer recorder. ``python -m benchmarks.steps``.

Each figure is the CPU time of a whole process, start to files on disk, for a large and a small
number of rounds, divided by the steps between them; the smallest of the interleaved runs counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tools.numeric_arguments import whole_from

from codetracer_otel.exporters.native import iter_trace

PROGRAM = """
import sys


def fib(n):
    if n < 2:
        return n
    a = fib(n - 1)
    b = fib(n - 2)
    return a + b


def handle(order_id, user, amount, rate, note):
    total = amount * rate
    label = user + str(order_id)
    return validate(order_id, total) and label


def validate(order_id, total):
    limit = 1000
    return total < limit


def five_locals(count):
    name = "ada"
    rate = 0.5
    total = 0
    for number in range(count):
        total += number
        if total > 100:
            total -= 100
    return total


WORKLOADS = {
    "fib": lambda rounds: [fib(8) for _ in range(rounds)],
    "handle": lambda rounds: [handle(i, "ada", i * 2, 0.5, "x") for i in range(rounds)],
    "five_locals": lambda rounds: five_locals(rounds),
}

WORKLOADS[sys.argv[1]](int(sys.argv[2]))
"""
ROUNDS = {"fib": (2, 200), "handle": (10, 5000), "five_locals": (10, 10000)}


def cpu_seconds(command: list[str], folder: str) -> float:
    """Return the CPU time of a command and the processes that it waited for."""
    actions = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    shutil.rmtree(folder, ignore_errors=True)
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime


def count_steps(folder: str) -> int:
    return sum("Step" in event for event in iter_trace(folder) if isinstance(event, dict))


def measure(name: str, program: Path, folder: str, repeats: int) -> dict[str, float]:
    """Return steps, and for each tool microseconds of CPU per step."""
    python = [sys.executable]
    tools = {
        "untraced": python,
        "ours": [
            *python,
            "-m",
            "codetracer_otel",
            "run",
            "--quiet",
            "--exporter",
            f"native={folder}",
        ],
    }
    if find_spec("codetracer_python_recorder") is not None:  # it has no wheels from 3.14 on
        recorder = ["-m", "codetracer_python_recorder", "--format", "json", "--trace-dir", folder]
        tools["recorder"] = [*python, *recorder]
    least: dict[tuple[str, int], float] = {}
    steps: dict[int, int] = {}
    for _ in range(repeats):
        for tool, command in tools.items():
            for rounds in ROUNDS[name]:
                seconds = cpu_seconds([*command, str(program), name, str(rounds)], folder)
                key = (tool, rounds)
                least[key] = min(seconds, least.get(key, seconds))
                if tool == "ours":
                    steps[rounds] = count_steps(folder)
    small, large = ROUNDS[name]
    count = steps[large] - steps[small]
    cost = {tool: (least[tool, large] - least[tool, small]) / count * 1e6 for tool in tools}
    return {"steps": count, **{tool: round(value, 2) for tool, value in cost.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=whole_from(1), default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        program = Path(temporary, "workload.py")
        program.write_text(PROGRAM)
        for name in ROUNDS:
            figures = measure(name, program, str(Path(temporary, "trace")), options.repeats)
            added = {tool: figures[tool] - figures["untraced"] for tool in figures}
            if "recorder" in figures:
                figures["ratio"] = round(added["recorder"] / added["ours"], 2)
            print(json.dumps({"workload": name, **figures}), flush=True)


if __name__ == "__main__":
    main()
