"""Reads a running function's span as any span of OpenTelemetry's SDK can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link as OtelLink
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, TraceState

from codetracer_otel.model.record import (
    EXTRAS,
    PARENT_ID,
    PLAN,
    SEGMENT,
    START,
    SpanDetails,
    otel_span_id,
)
from codetracer_otel.model.value import Node
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event as OtelEvent
    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.model.record import Event, Link, Record, TraceOnThread

_SCOPE: Final = InstrumentationScope("codetracer_otel", VERSION)
_RESOURCE: Final = Resource({})  # without one the SDK's class would detect one, 9 ms


def readable(context: SpanContext, record: Record | None) -> ReadableSpan:
    """Return what the program and its libraries have made of a function's span so far.

    The function's arguments and lines are not in it: they are not judged by content yet.

    Args:
        context: the ids.
        record: of the running function; None once it has ended, and there is nothing to read.
    """
    # Imported, it reads the environment, and raises where a variable is bad: a session has imported
    # it by now, with such ones hidden.
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415

    if record is None:
        return ReadableSpan("", context, resource=_RESOURCE, instrumentation_scope=_SCOPE)
    segment: TraceOnThread = record[SEGMENT]
    extras: SpanDetails = record[EXTRAS] or SpanDetails()
    parent = otel_span_id(record[PARENT_ID]) if record[PARENT_ID] else 0
    is_remote = bool(parent) and record[PARENT_ID] == segment.remote_parent_id
    return ReadableSpan(
        extras.name or record[PLAN].name,
        context,
        parent=_context(segment, parent, is_remote=is_remote) if parent else None,
        resource=_RESOURCE,
        attributes=dict(extras.attributes or {}),
        events=[_event(event) for event in extras.events or ()],
        links=[_link(link) for link in extras.links or ()],
        status=Status(StatusCode[extras.status.name] if extras.status else StatusCode.UNSET),
        start_time=record[START] + segment.wall_offset_ns,
        instrumentation_scope=_SCOPE,
    )


def _context(segment: TraceOnThread, span_id: int, *, is_remote: bool) -> SpanContext:
    state = TraceState.from_header([segment.trace_state])
    return SpanContext(segment.trace_id, span_id, is_remote, TraceFlags(segment.trace_flags), state)


def _event(event: Event) -> OtelEvent:
    from opentelemetry.sdk.trace import Event as OtelEvent  # noqa: PLC0415 - as above

    plain = {key: value for key, value in event.attributes.items() if type(value) is not Node}
    return OtelEvent(event.name, plain, event.time_ns)


def _link(link: Link) -> OtelLink:
    state = TraceState.from_header([link.trace_state])
    flags = TraceFlags(link.trace_flags)
    context = SpanContext(link.trace_id, link.span_id, link.is_remote, flags, state)
    return OtelLink(context, link.attributes)
