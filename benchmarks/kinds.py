"""What generators, coroutines, exceptions and threads cost, traced and excluded.

CPU time of the program's threads; one span for each generator and coroutine, and for each frame
that an exception leaves. An excluded frame that an exception leaves is the one thing that
code which is not traced still pays for, because PY_UNWIND cannot be switched off for a function.

usage: python -m benchmarks.kinds [--rounds N]
"""

from __future__ import annotations

import argparse
import functools
import platform
import threading
import time
from typing import TYPE_CHECKING

from tools.numeric_arguments import whole_from

from benchmarks.calls import under_session, untraced
from benchmarks.filter_header import HEADER
from benchmarks.measuring import Series, interleave, untraced_of
from benchmarks.workloads import kinds as workload
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Buffer

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = "benchmarks.workloads.kinds"
DRIVERS = "{drive,refused,refused_below}"  # of what is measured: a span each, were they traced
TRACE = (
    HEADER
    + f"[[scope.rules]]\nselector = 'pkg:{PACKAGE}'\nexec = 'trace'\n"
    + f"[[scope.rules]]\nselector = 'obj:{PACKAGE}.{DRIVERS}'\nexec = 'skip'\n"
)
OTHER_CODE = HEADER + f"[[scope.rules]]\nselector = 'obj:{PACKAGE}.never'\nexec = 'trace'\n"
THREADS = 8


KINDS = {
    "generator, one item": workload.generators,
    "coroutine without a suspension": workload.coroutines,
    "exception that leaves one frame": workload.exceptions,
    "exception that leaves two frames": workload.deep_exceptions,
}


def in_threads(body: Callable[[int], None], count: int) -> None:
    """Run the same number of calls, split over threads."""
    workers = [threading.Thread(target=body, args=(count // THREADS,)) for _ in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def process_time_per_call(toml: str | None) -> float:
    if toml is None:
        began = time.process_time_ns()
        in_threads(workload.returns, 20_000)
        return (time.process_time_ns() - began) / 20_000
    buffer = Buffer(records=100_000, interval_ms=600_000)
    source = filter_from_text(toml)
    with configure(source, "none", set_global=False, buffer=buffer) as session:
        workload.returns(20_000)
        session.flush()
        began = time.process_time_ns()
        in_threads(workload.returns, 20_000)
        return (time.process_time_ns() - began) / 20_000


def measure(rounds: int) -> dict[str, Series]:
    variants: dict[str, Callable[[], float]] = {}
    for name, body in KINDS.items():
        variants[f"{name}: untraced"] = untraced(body)
        variants[f"{name}: excluded, other code traced"] = under_session(OTHER_CODE, body)
        variants[f"{name}: traced"] = under_session(TRACE, body)
    variants[f"call in {THREADS} threads: untraced"] = functools.partial(
        process_time_per_call, None
    )
    variants[f"call in {THREADS} threads: traced"] = functools.partial(process_time_per_call, TRACE)
    return interleave(variants, rounds)


def report(figures: dict[str, Series]) -> list[str]:
    version = platform.python_version()
    lines = [
        f"CPython {version}: CPU ns of the program's threads, median (lowest-highest)",
        "",
        "| variant | ns | added ns |",
        "|---|---|---|",
    ]
    for name, series in figures.items():
        base = untraced_of(figures, name)
        lines.append(f"| {name} | {series.text()} | {series.minus(base).text()} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=7)
    print("\n".join(report(measure(parser.parse_args().rounds))))


if __name__ == "__main__":
    main()
