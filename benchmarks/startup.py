"""What starting costs: the import of the package, and ``codetracer-otel run`` of an empty program.

CPU time of whole processes, a bare interpreter's subtracted; variants in turn. The program is a
file ``*.py``: of any other name the installed distributions are asked whether it is their command.

usage: python -m benchmarks.startup [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.numeric_arguments import whole_from

from benchmarks.measuring import Series, interleave

if TYPE_CHECKING:
    from collections.abc import Callable

IMPORT_BUDGET_MS = 40
NOTHING = str(Path(__file__).parent / "workloads" / "__init__.py")
COMMANDS = {
    "import codetracer_otel": ["-c", "import codetracer_otel"],
    "import opentelemetry.trace": ["-c", "import opentelemetry.trace"],
    "import opentelemetry.sdk.trace": ["-c", "import opentelemetry.sdk.trace"],
    "codetracer-otel run, empty program, no exporter": [
        *("-m", "codetracer_otel", "run", "--exporter", "none", NOTHING),
    ],
    "codetracer-otel run, empty program, OTLP": [
        *("-m", "codetracer_otel", "run", "--exporter", "otlp=http://127.0.0.1:9", NOTHING),
    ],
}
BARE = ["-c", "pass"]


def cpu_ms(arguments: list[str]) -> float:
    """Return user and system CPU of a process, in ms."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it was waited for
    return (usage.ru_utime + usage.ru_stime) * 1000


def measure(rounds: int) -> dict[str, Series]:
    for arguments in COMMANDS.values():
        cpu_ms(arguments)  # writes byte code
    variants: dict[str, Callable[[], float]] = {"bare": lambda: cpu_ms(BARE)}
    for name, arguments in COMMANDS.items():
        variants[name] = lambda arguments=arguments: cpu_ms(arguments)
    return interleave(variants, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=15)
    figures = measure(parser.parse_args().rounds)
    bare = figures.pop("bare")
    print(
        f"CPython {platform.python_version()}: CPU ms beyond {bare.text(' ms')} of python -c pass"
    )
    print("\n| process | ms: median (lowest-highest) |\n|---|---|")
    for name, series in figures.items():
        print(f"| {name} | {series.minus(bare).text()} |")
    print(f"\nBudget of the import: {IMPORT_BUDGET_MS} ms.")


if __name__ == "__main__":
    main()
