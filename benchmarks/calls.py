"""What a call costs: untraced, excluded, traced, sampled out, and under OpenTelemetry's decorator.

usage: python -m benchmarks.calls [--rounds N]
"""

from __future__ import annotations

import argparse
import functools
import platform
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider

from benchmarks.measuring import Series, interleave, time_per_operation
from benchmarks.workloads import calls as workload
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.configure import configure

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

CALLS = 20_000
WARM_UP = 200

HEADER = """
[meta]
name = "benchmark"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
"""
TRACE = HEADER + "[[scope.rules]]\nselector = 'pkg:benchmarks.workloads.calls'\nexec = 'trace'\n"
SAMPLED_OUT = TRACE + "[scope.rules.sampling]\nratio = 0.0\n"
OTHER_CODE = (
    HEADER
    + "[[scope.rules]]\nselector = 'obj:benchmarks.workloads.calls.never'\n"
    + ("exec = 'trace'\n")
)
NAMES = TRACE + "capture = []\n"


def untraced(body: Callable[[int], object]) -> Callable[[], float]:
    def run() -> float:
        body(WARM_UP)
        return time_per_operation(body, CALLS)

    return run


def under_session(
    toml: str, body: Callable[[int], object], *, builtin: bool = True
) -> Callable[[], float]:
    def run() -> float:
        session = configure(
            filter_from_text(toml), "none", builtin_filter=builtin, set_global=False
        )
        with session:
            workload.never(1)
            body(WARM_UP)
            session.flush()
            return time_per_operation(body, CALLS)

    return run


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


def decorated(body_of: Callable[[Callable[..., object]], Callable[[int], object]]):
    body = body_of(decorated_two(TracerProvider().get_tracer("benchmark")))

    def run() -> float:
        body(WARM_UP)
        return time_per_operation(body, CALLS // 4)

    return run


def measure(rounds: int) -> dict[str, Series]:
    two = workload.loop_of(workload.two)
    four = workload.loop_of(workload.four_of)
    return interleave(
        {
            "two: untraced": untraced(two),
            "two: everything excluded": under_session(HEADER, two),
            "two: other code traced": under_session(OTHER_CODE, two),
            "two: names only": under_session(NAMES, two),
            "two: arguments and return": under_session(TRACE, two),
            "two: sampled out": under_session(SAMPLED_OUT, two),
            "two: OpenTelemetry decorator": decorated(workload.loop_of),
            "four: untraced": untraced(four),
            "four: arguments and return": under_session(TRACE, four),
        },
        rounds,
    )


def report(figures: dict[str, Series]) -> list[str]:
    lines = [
        f"CPython {platform.python_version()}, ns per call, median (lowest-highest)",
        "",
        "| variant | ns per call | ratio to untraced | added ns |",
        "|---|---|---|---|",
    ]
    for name, series in figures.items():
        base = figures[f"{name.partition(':')[0]}: untraced"]
        ratio, added = series.over(base).text(digits=3), series.minus(base).text()
        lines.append(f"| {name} | {series.text()} | {ratio} | {added} |")
    peer = figures["two: OpenTelemetry decorator"].minus(figures["two: untraced"])
    ours = figures["two: arguments and return"].minus(figures["two: untraced"])
    lines += ["", f"OpenTelemetry decorator / ours, added cost: {peer.over(ours).text('x', 1)}"]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    print("\n".join(report(measure(parser.parse_args().rounds))))


if __name__ == "__main__":
    main()
