"""Ends a hand-written span: makes an OpenTelemetry span of it, and a line where one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry.trace import Status, StatusCode

from codetracer_otel.instrumentation.manual.backend import ClosedSpan
from codetracer_otel.instrumentation.manual.content import deliverable, has_inner_texts
from codetracer_otel.instrumentation.manual.field_policy import (
    changed_texts,
    shown_text,
    shown_value,
)
from codetracer_otel.instrumentation.topics import Level
from codetracer_otel.model.record import exception_event
from codetracer_otel.model.value_texts import encodable

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from codetracer_otel.filters.types import ContentRules
    from codetracer_otel.instrumentation.manual.backend import HappenedEvent, LocalRoot, SpanBackend
    from codetracer_otel.instrumentation.manual.call_adoption import AdoptedCall
    from codetracer_otel.instrumentation.manual.content import SpanContent
    from codetracer_otel.instrumentation.manual.field_policy import FieldPolicy


class EndingSpan(Protocol):
    """What is read of a hand-written span whose body has ended."""

    backend: SpanBackend
    content: SpanContent
    field_policy: FieldPolicy
    otel_span: Span
    root: LocalRoot
    topic: str
    level: Level
    number: int
    parent_id: int
    began_ns: int
    busy_ns: int
    is_root: bool
    suspends: bool
    adopted_call: AdoptedCall | None


def deliver(span: EndingSpan, now: int) -> None:
    """Redact a span by shape, print its line and end its OpenTelemetry span.

    Args:
        span: whose body has ended.
        now: when it did, ns of the monotonic clock.
    """
    content, backend = span.content, span.backend
    level = span.level if content.error is None else Level.ERROR
    trace_id = span.otel_span.get_span_context().trace_id
    is_printed = backend.is_printed(span.topic, level, trace_id)
    may_print = is_printed or backend.is_printed("redact", Level.DEBUG, trace_id)
    if may_print or not _is_redacted_later(span):
        _redact(span)
    try:  # the line first: an exporter on the same output must find it printed
        if is_printed or (may_print and content.withheld):
            backend.span_closed(_closed(span, now, level))
        if span.is_root:
            backend.root_closed(span.root)
    finally:
        _end_otel_span(span, now)
        content.clear()


def _is_redacted_later(span: EndingSpan) -> bool:
    rules = span.field_policy.text_rules
    if rules is None:
        return True
    return span.content.is_plain and span.backend.redacted_on_worker(span.otel_span, rules)


def _redact(span: EndingSpan) -> None:
    content, otel_span = span.content, span.otel_span
    name = content.name
    content.redact(span.field_policy.text_rules)
    # the provider must not show what the line withholds, unless the body has renamed the span
    if content.name is not name and getattr(otel_span, "name", None) == name:
        otel_span.update_name(content.name)


def _closed(span: EndingSpan, now: int, level: Level) -> ClosedSpan:
    content, context = span.content, span.otel_span.get_span_context()
    error, duration = content.error, now - span.began_ns
    return ClosedSpan(
        span.topic,
        level,
        content.name,
        context.trace_id,
        context.span_id,
        span.parent_id,
        content.session_id,
        span.began_ns + span.root.wall_offset_ns,
        {**content.arguments, **content.fields},
        duration_ns=duration,
        busy_ns=min(span.busy_ns, duration) if span.suspends else None,
        error=None if error is None else (error.type_name, error.message),
        result=content.result,
        redacted=content.withheld,
        number=span.number,
        root=span.root,
    )


def _end_otel_span(span: EndingSpan, now: int) -> None:
    otel_span, content = span.otel_span, span.content
    if otel_span.is_recording():
        attributes = content.attributes()
        if span.suspends:
            attributes["codetracer.busy_ns"] = span.busy_ns
        if span.adopted_call is not None and span.adopted_call.record is not None:
            rules = span.field_policy.text_rules
            attributes |= content.attributes_of_call(span.adopted_call.record, rules)
        if attributes:
            otel_span.set_attributes(attributes)
        if content.dropped:
            span.backend.count_dropped(otel_span, content.dropped)
        if content.error is not None:
            told = exception_event(content.error)
            otel_span.add_event(told.name, dict(told.attributes), told.time_ns)
            otel_span.set_status(Status(StatusCode.ERROR, content.error.type_name))
    otel_span.end(now + span.root.wall_offset_ns)


def emit_event(
    backend: SpanBackend, span: Span, field_policy: FieldPolicy, happened: HappenedEvent
) -> None:
    """Redact an event by shape, add it to ``span`` and hand it to the topics."""
    context, rules = span.get_span_context(), field_policy.text_rules
    if context.is_valid:
        happened.trace_id, happened.span_id = context.trace_id, context.span_id
    is_printed = backend.is_printed(happened.topic, happened.level, happened.trace_id)
    if rules is not None and (
        is_printed
        or has_inner_texts(happened.fields)
        or not backend.redacted_on_worker(span, rules)
    ):
        _redact_event(happened, rules)
    if span.is_recording():
        attributes = {encodable(key): deliverable(it) for key, it in happened.fields.items()}
        span.add_event(happened.name, attributes, happened.time_ns)
    if is_printed:
        backend.event_happened(happened)


def _redact_event(happened: HappenedEvent, rules: ContentRules) -> None:
    fields = happened.fields
    texts = [happened.name, happened.span, happened.session_id, *fields, *fields.values()]
    changes = changed_texts(texts, rules)
    if changes:
        happened.name = shown_text(happened.name, changes)
        happened.span = happened.span and shown_text(happened.span, changes)
        happened.session_id = happened.session_id and shown_text(happened.session_id, changes)
        happened.fields = {
            shown_text(name, changes): shown_value(value, changes) for name, value in fields.items()
        }
