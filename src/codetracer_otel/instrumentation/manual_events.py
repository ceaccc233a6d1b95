"""Events: on the OpenTelemetry span of the moment, and as lines of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.instrumentation.exceptions import type_name
from codetracer_otel.instrumentation.introspection import exact_text
from codetracer_otel.instrumentation.manual_content import deliverable
from codetracer_otel.instrumentation.manual_judgement import redact_content
from codetracer_otel.instrumentation.manual_tracing import HappenedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

    from codetracer_otel.captured import Captured
    from codetracer_otel.instrumentation.manual_judgement import Judgement
    from codetracer_otel.instrumentation.manual_topics import Level
    from codetracer_otel.instrumentation.manual_tracing import Tracing


def tell_event(tracing: Tracing, span: Span, judgement: Judgement, happened: HappenedEvent) -> None:
    """Redact an event by shape, add it to ``span`` and hand it to the topics."""
    texts = [happened.name, happened.span, happened.session_id]
    told: list[Any] = redact_content([*texts, *happened.fields.values()], judgement.content)
    happened.name, happened.span, happened.session_id, *values = told
    happened.fields = dict(zip(happened.fields, values, strict=True))
    context = span.get_span_context()
    if context.is_valid:
        happened.trace_id, happened.span_id = context.trace_id, context.span_id
    if span.is_recording():
        attributes = {key: deliverable(value) for key, value in happened.fields.items()}
        span.add_event(happened.name, attributes, happened.time_ns)
    tracing.event_happened(happened)


def build_event(
    name: str,
    topic: str,
    level: Level,
    fields: Mapping[str, Captured],
    time_ns: int,
) -> HappenedEvent:
    """Return an event that belongs to no span yet."""
    text = text_of_name(name)
    return HappenedEvent(topic, level, None, 0, 0, 0, None, time_ns, fields, name=text)


def text_of_name(name: object) -> str:
    """Return a name as a plain text; no code of a subclass or of a foreign object runs."""
    text = exact_text(name)
    return f"<{type_name(type(name))}>" if text is None else text
