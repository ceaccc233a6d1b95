"""Costs of hand-written spans, off and on. ``python -m benchmarks.manual``."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import codetracer_otel as ct
from codetracer_otel.sdk.diagnostics.hand_written import instrument, span

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15
CALLS = 100_000
LIMITS_NS = {"instrumented function": 150, "with span": 350}


def bare(a: int, b: str) -> int:
    """Do next to nothing."""
    return a


@instrument(topic="app", ret=True, fields={"twice": lambda a: a * 2})
def instrumented(a: int, b: str) -> int:
    """Do the same with a decorator around it."""
    return a


def bare_generator(count: int) -> Any:
    """Yield a few numbers."""
    yield from range(count)


instrumented_generator = instrument(bare_generator)


def empty_loop(calls: int) -> None:
    """Loop and do nothing."""
    for _ in range(calls):
        pass


def bare_loop(calls: int) -> None:
    """Call the bare function."""
    for _ in range(calls):
        bare(1, "x")


def instrumented_loop(calls: int) -> None:
    """Call the decorated function."""
    for _ in range(calls):
        instrumented(1, "x")


def bare_generator_loop(calls: int) -> None:
    """Run the bare generator."""
    for _ in range(calls):
        for _item in bare_generator(1):
            pass


def instrumented_generator_loop(calls: int) -> None:
    """Run the decorated generator."""
    for _ in range(calls):
        for _item in instrumented_generator(1):
            pass


def span_loop(calls: int) -> None:
    """Enter and leave a span."""
    for _ in range(calls):
        with span("load", topic="app", rows=3):
            pass


def per_call_ns(loop: Callable[[int], None], calls: int) -> float:
    """Return what one turn of a loop costs."""
    began = time.perf_counter_ns()
    loop(calls)
    return (time.perf_counter_ns() - began) / calls


PAIRS = {
    "instrumented function": (bare_loop, instrumented_loop),
    "instrumented generator, one item": (bare_generator_loop, instrumented_generator_loop),
    "with span": (empty_loop, span_loop),
}


def measure(calls: int) -> dict[str, Any]:
    """Return the added ns of each pair: median and range of interleaved rounds."""
    added: dict[str, list[float]] = {name: [] for name in PAIRS}
    for _ in range(ROUNDS):
        for name, (without, with_it) in PAIRS.items():
            added[name].append(-per_call_ns(without, calls) + per_call_ns(with_it, calls))
    return {
        name: {
            "median_ns": round(statistics.median(values)),
            "low_ns": round(min(values)),
            "high_ns": round(max(values)),
            **({"limit_ns": LIMITS_NS[name]} if name in LIMITS_NS else {}),
        }
        for name, values in added.items()
    }


def main() -> None:
    """Print the figures as JSON: off, recorded, recorded and printed to nowhere."""
    figures: dict[str, Any] = {"python": sys.version.split()[0], "off": measure(CALLS)}
    with ct.configure(exporter=[], functions=False):
        figures["recorded"] = measure(CALLS // 200)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
