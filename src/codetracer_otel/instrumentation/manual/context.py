"""Attaches and detaches OpenTelemetry's context for hand-written spans, without its log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import opentelemetry.context as context_api
from opentelemetry.context import Context, create_key
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from codetracer_otel.instrumentation.context.runtime_context import FunctionRuntimeContext
from codetracer_otel.instrumentation.manual.backend import LocalRoot
from codetracer_otel.instrumentation.spans.readable.function_span import FunctionSpan

if TYPE_CHECKING:
    from codetracer_otel.instrumentation.manual.backend import SpanBackend
    from codetracer_otel.model.record import RemoteParent

Parent = Context | Span | SpanContext


def attach(context: Context) -> Any:
    """Make ``context`` current and return what `detach` needs."""
    return context_api.attach(context)


def detach(token: Any) -> None:
    """Restore what was current before; a token of another ``contextvars`` context is no error.

    OpenTelemetry's own ``detach`` logs that, but it also happens whenever an event loop closes an
    asynchronous generator.
    """
    try:
        context_api._RUNTIME_CONTEXT.detach(token)  # noqa: SLF001 - no public quiet way
    except (ValueError, RuntimeError):
        return


def attached() -> Context:
    """Return what is attached, without the span of a running function."""
    runtime = context_api._RUNTIME_CONTEXT  # noqa: SLF001
    if isinstance(runtime, FunctionRuntimeContext):
        return runtime.read()
    return runtime.get_current()


def context_of(parent: object) -> Context:
    """Return the context of a stated parent.

    Raises:
        TypeError: it is neither a context, a span, a span's context nor a hand-written span.
    """
    if isinstance(parent, Context):
        return parent
    span = parent
    if isinstance(span, SpanContext):
        span = NonRecordingSpan(span)
    if isinstance(span, Span):
        return set_span_in_context(span, context_api.get_current())
    raise TypeError(
        f"parent: not a parent, got {type(parent).__name__}; "
        "expected an OpenTelemetry Context, Span or SpanContext, or a hand-written span"
    )


def link_to(target: object) -> Link:
    """Return a link to a span, to a span's context, or the link itself.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(target, Link):
        return target
    span = getattr(target, "otel_span", target)
    context = span.get_span_context() if isinstance(span, Span) else span
    if isinstance(context, SpanContext):
        return Link(context)
    raise TypeError(
        f"links: not a span, got {type(target).__name__}; "
        "expected an OpenTelemetry Link, Span or SpanContext, or a hand-written span"
    )


def below_remote(context: Context, remote: RemoteParent) -> Context:
    """Return ``context`` with the span of another process, or of another recorder, in it."""
    span_context = SpanContext(
        remote.trace_id,
        remote.span_id,
        is_remote=remote.is_remote,
        trace_flags=TraceFlags(remote.trace_flags),
        trace_state=TraceState.from_header([remote.trace_state]),
    )
    return set_span_in_context(NonRecordingSpan(span_context), context)


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
