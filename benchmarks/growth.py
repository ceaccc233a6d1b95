"""How the cost of a call grows: with calls, functions, rules and threads; and what memory does.

usage: python -m benchmarks.growth [--calls 6]   (10**7 calls, the default, take minutes)
"""

from __future__ import annotations

import argparse
import platform
import resource
import threading
import time
from typing import TYPE_CHECKING

from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure

if TYPE_CHECKING:
    from collections.abc import Callable

TRACE = "[[scope.rules]]\nselector = 'file:literal:<growth>'\nexec = 'trace'\n"
RULE = "[[scope.rules]]\nselector = 'pkg:glob:other{0}.*'\nexec = 'trace'\n"


def functions(count: int) -> list[Callable[[int], int]]:
    """Return functions of distinct code objects."""
    source = "\n".join(f"def f{n}(number): return number" for n in range(count))
    namespace: dict = {"__name__": "growth_workload"}
    exec(compile(source, "<growth>", "exec"), namespace)
    return [namespace[f"f{n}"] for n in range(count)]


def call(workload: list[Callable[[int], int]], calls: int) -> None:
    for number in range(calls // len(workload)):
        for function in workload:
            function(number)


def cost(workload, calls: int, rules: int = 0, threads: int = 1) -> float:
    """Return ns of CPU per call, of all threads."""
    toml = HEADER + "".join(RULE.format(n) for n in range(rules)) + TRACE
    with configure(filter_from_text(toml), "none", set_global=False) as session:
        call(workload, len(workload))
        session.flush()
        began = time.process_time_ns()
        if threads == 1:
            call(workload, calls)
        else:
            workers = [
                threading.Thread(target=call, args=(workload, calls // threads))
                for _ in range(threads)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        session.flush(60)
        return (time.process_time_ns() - began) / calls


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=whole_from(3), default=7, help="largest power of ten")
    largest = parser.parse_args().calls
    print(f"CPython {platform.python_version()}: ns of CPU per call, all threads")
    ten = functions(10)
    for power in range(3, largest + 1):
        value = cost(ten, 10**power)
        print(f"10**{power} calls           {value:8.0f}   peak {peak_mb():6.0f} MB")
    for count in (10, 100, 1_000, 10_000):
        print(f"{count:6} functions        {cost(functions(count), 100_000):8.0f}")
    for rules in (1, 10, 100, 1_000):
        print(f"{rules:6} rules            {cost(ten, 100_000, rules=rules):8.0f}")
    for threads in (1, 4, 16, 64):
        print(f"{threads:6} threads          {cost(ten, 100_000, threads=threads):8.0f}")


if __name__ == "__main__":
    main()
