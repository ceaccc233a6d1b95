"""What a call costs: untraced, excluded, traced, sampled out, and under OpenTelemetry's decorator.

CPU time of the program's thread; what the worker does stands in ``benchmarks.delivery``. Calls
stand below one that is traced, as nearly all calls do, but for the rows named "a root each". The
memory of the log is used again: on fresh pages a call takes 65 ns more.

usage: python -m benchmarks.calls [--rounds N]
"""

from __future__ import annotations

import argparse
import functools
import platform
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from benchmarks.measuring import Series, interleave, untraced_of
from benchmarks.workloads import calls as workload
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Buffer

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

CALLS = 20_000
WARM_UP = 200
RULES = "benchmarks.workloads.calls"

TRACE = HEADER + f"[[scope.rules]]\nselector = 'pkg:{RULES}'\nexec = 'trace'\n"
SAMPLED_OUT = (
    TRACE
    + f"[[scope.rules]]\nselector = 'obj:{RULES}.two'\n"
    + ("[scope.rules.sampling]\nratio = 0.0\n")
)
OTHER_CODE = HEADER + f"[[scope.rules]]\nselector = 'obj:{RULES}.never'\nexec = 'trace'\n"
NAMES = TRACE + "capture = []\n"
REDACTED = TRACE + (
    "[[scope.rules.value_patterns]]\nselector = 'arg:literal:second'\naction = 'redact'\n"
)

Body = Callable[[int], object]


def untraced(body: Body) -> Callable[[], float]:
    def run() -> float:
        body(WARM_UP)
        return thread_time_per_call(body, CALLS)

    return run


def under_session(toml: str, body: Body) -> Callable[[], float]:
    def run() -> float:
        session = configure(
            filter_from_text(toml),
            "none",
            set_global=False,
            buffer=Buffer(records=4 * CALLS, interval_ms=600_000),
        )
        with session:
            workload.never(1)
            body(CALLS)  # then the log has its memory, as it has beside a worker that empties it
            session.flush()
            return thread_time_per_call(body, CALLS)

    return run


def thread_time_per_call(body: Body, calls: int) -> float:
    began = time.thread_time_ns()
    body(calls)
    return (time.thread_time_ns() - began) / calls


def decorated_two(tracer: Tracer) -> Callable[[int, str], object]:
    """Return the same call under OpenTelemetry's SDK, with the same values as attributes."""

    @functools.wraps(workload.two)
    def two(first: int, second: str) -> object:
        with tracer.start_as_current_span("benchmarks.workloads.calls.two") as span:
            span.set_attribute("code.function.name", "benchmarks.workloads.calls.two")
            span.set_attribute("codetracer.arg.first", first)
            span.set_attribute("codetracer.arg.second", second)
            result = workload.two(first, second)
            span.set_attribute("codetracer.return", result)
            return result

    return two


def decorated(tracer: Tracer) -> Callable[[], float]:
    function = decorated_two(tracer)

    def run() -> float:
        with tracer.start_as_current_span("parent"):
            workload.parent_of(function, WARM_UP)
            return thread_time_per_call(functools.partial(workload.parent_of, function), CALLS // 4)

    return run


def measure(rounds: int) -> dict[str, Series]:
    two = functools.partial(workload.parent_of, workload.two)
    four = workload.parent_of_four
    roots = workload.loop_of(workload.two)
    return interleave(
        {
            "two: untraced": untraced(two),
            "two: everything excluded": under_session(HEADER, two),
            "two: other code traced": under_session(OTHER_CODE, two),
            "two: names only": under_session(NAMES, two),
            "two: arguments and return": under_session(TRACE, two),
            "two: one redacted": under_session(REDACTED, two),
            "two: sampled out": under_session(SAMPLED_OUT, two),
            "two: OpenTelemetry decorator": decorated(
                TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")
            ),
            "four: untraced": untraced(four),
            "four: arguments and return": under_session(TRACE, four),
            "root: untraced": untraced(roots),
            "root: names only, a root each": under_session(NAMES, roots),
            "root: arguments and return, a root each": under_session(TRACE, roots),
            "root: sampled out, a root each": under_session(SAMPLED_OUT, roots),
        },
        rounds,
    )


def report(figures: dict[str, Series]) -> list[str]:
    version = platform.python_version()
    lines = [
        f"CPython {version}: CPU ns of the program's thread per call, median (lowest-highest)",
        "",
        "| variant | ns per call | ratio to untraced | added ns |",
        "|---|---|---|---|",
    ]
    for name, series in figures.items():
        base = untraced_of(figures, name)
        ratio, added = series.over(base).text(digits=3), series.minus(base).text()
        lines.append(f"| {name} | {series.text()} | {ratio} | {added} |")
    peer = figures["two: OpenTelemetry decorator"].minus(figures["two: untraced"])
    ours = figures["two: arguments and return"].minus(figures["two: untraced"])
    lines += ["", f"OpenTelemetry decorator / ours, added cost: {peer.over(ours).text('x', 1)}"]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=7)
    print("\n".join(report(measure(parser.parse_args().rounds))))


if __name__ == "__main__":
    main()
