"""Events: on the OpenTelemetry span of the moment, and as lines of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.instrumentation.manual.content import deliverable, encodable, has_inner_texts
from codetracer_otel.instrumentation.manual.field_policy import (
    changed_texts,
    shown_text,
    shown_value,
)
from codetracer_otel.instrumentation.values.exceptions import type_name
from codetracer_otel.instrumentation.values.safe_access import exact_text

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from codetracer_otel.filters.types import ContentRules
    from codetracer_otel.instrumentation.manual.backend import HappenedEvent, SpanBackend
    from codetracer_otel.instrumentation.manual.field_policy import FieldPolicy


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
        _redact(happened, rules)
    if span.is_recording():
        attributes = {encodable(key): deliverable(it) for key, it in happened.fields.items()}
        span.add_event(happened.name, attributes, happened.time_ns)
    if is_printed:
        backend.event_happened(happened)


def _redact(happened: HappenedEvent, rules: ContentRules) -> None:
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


def text_of_name(name: object) -> str:
    """Return a name as a plain text; no code of a subclass or of a foreign object runs."""
    text = exact_text(name)
    return f"<{type_name(type(name))}>" if text is None else text
