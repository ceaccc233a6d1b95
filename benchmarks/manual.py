"""Costs of hand-written spans, off and recorded. ``python -m benchmarks.manual``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import codetracer_otel as ct
from benchmarks.measuring import interleave, time_per_operation
from codetracer_otel.sdk.diagnostics.hand_written import instrument, span

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 31
OFF_CALLS = 20_000
ON_CALLS = 500
LIMITS_NS = {"instrumented function": 150, "with span, one field": 350}


def bare(a: int, _b: str) -> int:
    return a


@instrument(topic="app", fields={"twice": lambda a: a * 2})
def instrumented(a: int, _b: str) -> int:
    return a


async def bare_coroutine(a: int) -> int:
    return a


instrumented_coroutine = instrument(bare_coroutine)


def bare_generator(count: int) -> Any:
    yield from range(count)


instrumented_generator = instrument(bare_generator)


def loop_empty(calls: int) -> None:
    for _ in range(calls):
        pass


def loop_bare(calls: int) -> None:
    for _ in range(calls):
        bare(1, "x")


def loop_instrumented(calls: int) -> None:
    for _ in range(calls):
        instrumented(1, "x")


def loop_coroutine(calls: int) -> None:
    for _ in range(calls):
        finish(bare_coroutine(1))


def loop_instrumented_coroutine(calls: int) -> None:
    for _ in range(calls):
        finish(instrumented_coroutine(1))


def finish(coroutine: Any) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return


def loop_generator(calls: int) -> None:
    for _ in range(calls):
        for _item in bare_generator(1):
            pass


def loop_instrumented_generator(calls: int) -> None:
    for _ in range(calls):
        for _item in instrumented_generator(1):
            pass


def loop_span(calls: int) -> None:
    for _ in range(calls):
        with span("load"):
            pass


def loop_span_with_field(calls: int) -> None:
    for _ in range(calls):
        with span("load", topic="app", rows=3):
            pass


PAIRS: dict[str, tuple[Callable[[int], None], Callable[[int], None]]] = {
    "instrumented function": (loop_bare, loop_instrumented),
    "instrumented coroutine": (loop_coroutine, loop_instrumented_coroutine),
    "instrumented generator, one item": (loop_generator, loop_instrumented_generator),
    "with span": (loop_empty, loop_span),
    "with span, one field": (loop_empty, loop_span_with_field),
}


def report(calls: int) -> None:
    """Print what each variant adds to its plain counterpart: median, and range of the rounds."""
    loops = {loop for pair in PAIRS.values() for loop in pair}
    variants = {
        loop.__name__: (lambda loop=loop: time_per_operation(loop, calls)) for loop in loops
    }
    figures = interleave(variants, ROUNDS)
    for name, (without, with_it) in PAIRS.items():
        added = figures[with_it.__name__].minus(figures[without.__name__])
        limit = f"   limit {LIMITS_NS[name]} ns" if name in LIMITS_NS else ""
        print(f"  {name:34} + {added.text(' ns')}{limit}")


def main() -> None:
    """Print the figures of this interpreter."""
    print(f"hand-written spans, CPython {sys.version.split()[0]}, added per call")
    print(" nothing is traced")
    report(OFF_CALLS)
    print(" recorded, delivered nowhere; no topic is printed")
    with ct.configure(exporter=[], functions=False):
        report(ON_CALLS)


if __name__ == "__main__":
    main()
