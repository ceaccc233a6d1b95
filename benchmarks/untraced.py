"""What exceptions and closed generators cost in untraced code while other code is traced.

The events of an exception are global before CPython 3.15: a callback is called for every frame that
one leaves, and for every generator that is closed or thrown into, traced or not. From 3.15 on they
are asked for by code object, and the interpreter calls nobody. Each core runs in a process of its
own.

usage: python -m benchmarks.untraced [--rounds N] [--core c|python]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys

from tools.numeric_arguments import whole_from

from benchmarks.calls import OTHER_CODE, under_session, untraced
from benchmarks.measuring import Series, interleave, untraced_of
from benchmarks.workloads import untraced as workload

WAYS = {
    "exception that leaves three frames": workload.exceptions,
    "generator closed early": workload.closed_generators,
    "exception thrown into a generator": workload.thrown_into,
}


def measure(rounds: int) -> dict[str, Series]:
    variants = {}
    for name, body in WAYS.items():
        variants[f"{name}: untraced"] = untraced(body)
        variants[f"{name}: other code traced"] = under_session(OTHER_CODE, body)
    return interleave(variants, rounds)


def report(figures: dict[str, Series], core: str) -> list[str]:
    version = platform.python_version()
    lines = [
        f"CPython {version}, recorder in {core}: CPU ns of the thread, median (lowest-highest)",
        "",
        "| in untraced code | ns, nothing traced | ns, other code traced | ratio | added ns |",
        "|---|---|---|---|---|",
    ]
    for name in WAYS:
        series = figures[f"{name}: other code traced"]
        base = untraced_of(figures, name)
        lines.append(
            f"| {name} | {base.text()} | {series.text()} | {series.over(base).text(digits=2)} "
            f"| {series.minus(base).text()} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=7)
    parser.add_argument("--core", choices=("c", "python"))
    arguments = parser.parse_args()
    if arguments.core:
        print("\n".join(report(measure(arguments.rounds), arguments.core)))
        return
    for core in ("c", "python"):
        command = [sys.executable, "-m", "benchmarks.untraced", "--core", core]
        environ = {**os.environ, "CODETRACER_OTEL_CORE": core}
        subprocess.run([*command, "--rounds", str(arguments.rounds)], env=environ, check=True)
        print()


if __name__ == "__main__":
    main()
