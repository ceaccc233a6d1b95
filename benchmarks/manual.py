"""Costs of hand-written spans, off and recorded, beside OpenTelemetry's.

CPU time of the calling thread, so that other work on the machine tells less. Run as
``python -m benchmarks.manual``.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import codetracer_otel as ct
from benchmarks.measuring import interleave
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.entry_points.manual_api import PolicyTracer, instrument, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

    from codetracer_otel.model.span_view import Batch

ROUNDS = 31
OFF_CALLS = 20_000
ON_CALLS = 200
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


def loop_span_with_fields(calls: int) -> None:
    for _ in range(calls):
        with span("load", rows=3, table="orders"):
            pass


numbers: Iterator[int] = itertools.count()


def loop_span_with_new_texts(calls: int) -> None:
    for _ in range(calls):
        with span("load", rows=3, table=f"order {next(numbers)}"):
            pass


def loop_span_with_event(calls: int) -> None:
    for _ in range(calls):
        with span("load") as s:
            s.event("missed", key="k1", attempts=2)


policy = PolicyTracer()


def loop_stage(calls: int) -> None:
    for _ in range(calls):
        with policy.routing("PreToolUse:Bash") as routing:
            routing.matched(["policies.shell"])


PAIRS: dict[str, tuple[Callable[[int], None], Callable[[int], None]]] = {
    "instrumented function": (loop_bare, loop_instrumented),
    "instrumented coroutine": (loop_coroutine, loop_instrumented_coroutine),
    "instrumented generator, one item": (loop_generator, loop_instrumented_generator),
    "with span": (loop_empty, loop_span),
    "with span, one field": (loop_empty, loop_span_with_field),
}
RECORDED: dict[str, Callable[[int], None]] = {
    "with span": loop_span,
    "with span, two fields": loop_span_with_fields,
    "with span, two fields, new text": loop_span_with_new_texts,
    "with span, an event of two fields": loop_span_with_event,
    "instrumented function": loop_instrumented,
    "instrumented coroutine": loop_instrumented_coroutine,
    "instrumented generator, one item": loop_instrumented_generator,
    "policy stage, two records": loop_stage,
}


class NowhereOpenTelemetry(SpanExporter):
    """OpenTelemetry's batch processor delivers to it."""

    def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Nowhere:
    """Our worker delivers to it."""

    def export(self, _batch: Batch) -> ExportResult:
        return ExportResult.SUCCESS

    def flush(self, _timeout: float) -> bool:
        return True

    def shutdown(self, _timeout: float) -> None:
        return None


def opentelemetry_loops(tracer: Tracer) -> dict[str, Callable[[int], None]]:
    """Return the loops with OpenTelemetry's own spans; the first is what others are related to."""

    def with_attributes(calls: int) -> None:
        for _ in range(calls):
            with tracer.start_as_current_span("load") as current:
                current.set_attributes({"rows": 3, "table": "orders"})

    def with_event(calls: int) -> None:
        for _ in range(calls):
            with tracer.start_as_current_span("load") as current:
                current.add_event("missed", {"key": "k1", "attempts": 2})

    return {
        "OpenTelemetry's span, two attributes": with_attributes,
        "OpenTelemetry's span, an event": with_event,
    }


def cpu_time_per_operation(body: Callable[[int], object], operations: int) -> float:
    """Return ns of this thread's CPU time per operation of ``body(operations)``."""
    began = time.thread_time_ns()
    body(operations)
    return (time.thread_time_ns() - began) / operations


def report_off() -> None:
    """Print what each variant adds to its plain counterpart: median, and range of the rounds."""
    loops = {loop for pair in PAIRS.values() for loop in pair}
    variants = {
        loop.__name__: (lambda loop=loop: cpu_time_per_operation(loop, OFF_CALLS)) for loop in loops
    }
    figures = interleave(variants, ROUNDS)
    for name, (without, with_it) in PAIRS.items():
        added = figures[with_it.__name__].minus(figures[without.__name__])
        limit = f"   limit {LIMITS_NS[name]} ns" if name in LIMITS_NS else ""
        print(f"  {name:38} + {added.text(' ns')}{limit}")


def report_recorded(session: Any) -> None:
    """Print each variant's cost and its ratio to OpenTelemetry's span, round by round."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NowhereOpenTelemetry()))
    loops = opentelemetry_loops(provider.get_tracer("benchmarks")) | RECORDED
    for loop in loops.values():
        loop(ON_CALLS)

    def measured(loop: Callable[[int], None]) -> Callable[[], float]:
        def run() -> float:
            session.flush()
            return cpu_time_per_operation(loop, ON_CALLS) / 1000

        return run

    figures = interleave({name: measured(loop) for name, loop in loops.items()}, ROUNDS)
    first = figures[next(iter(loops))]
    for name, series in figures.items():
        print(f"  {name:38} {series.text(' us', 1):24} {series.over(first).text('x', 2)}")
    provider.shutdown()


def main() -> None:
    """Print the figures of this interpreter."""
    print(f"hand-written spans, CPython {sys.version.split()[0]}, CPU time of the calling thread")
    print(" nothing is traced: added per call")
    report_off()
    print(" recorded, topics off: per call, and related to OpenTelemetry's span")
    with ct.configure(exporter=Nowhere(), functions=False) as session:
        report_recorded(session)
    print(" recorded, and a line of each written to a file")
    os.environ["CODETRACER_TRACE_OUTPUT"] = f"file:{os.devnull}"
    with ct.configure(exporter=Nowhere(), functions=False, trace="app,eval") as session:
        report_recorded(session)


if __name__ == "__main__":
    main()
