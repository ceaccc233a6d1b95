"""Which hand-written span a new one stands in, and the root that its trace has in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import create_key

from codetracer_otel.instrumentation.manual.backend import LocalRoot
from codetracer_otel.instrumentation.spans.readable.function_span import FunctionSpan

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from codetracer_otel.instrumentation.manual.backend import SpanBackend

CURRENT_KEY: Final = create_key("codetracer-hand-written-span")


def enclosing_span(context: Context, current: Span) -> Any:
    """Return the open `HandWrittenSpan` of a context, or None.

    Args:
        context: that may hold one.
        current: the span of the context, whoever made it: what is of another trace encloses
            nothing.
    """
    found: Any = context.get(CURRENT_KEY)
    if found is None or not found.is_open:
        return None
    trace_id = found.otel_span.get_span_context().trace_id
    return found if trace_id == current.get_span_context().trace_id else None


def root_at(backend: SpanBackend, current: Span) -> LocalRoot:
    """Return the root of a trace that no hand-written span has begun in this process.

    Args:
        backend: where its spans go.
        current: the span around it, whoever made it.
    """
    if type(current) is FunctionSpan:
        return LocalRoot(current.segment.wall_offset_ns)
    backend.root_begins()
    clock = backend.clock
    return LocalRoot(clock.wall_ns() - clock.monotonic_ns())
