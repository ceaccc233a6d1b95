"""Provides `span` and `event`, with which programs write spans and events by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from codetracer_otel.instrumentation.manual.backend import SLOT, HappenedEvent
from codetracer_otel.instrumentation.manual.context import enclosing_span
from codetracer_otel.instrumentation.manual.noop import NOOP, OffSpan
from codetracer_otel.instrumentation.manual.session_scope import session_of
from codetracer_otel.instrumentation.manual.span import HandWrittenSpan
from codetracer_otel.instrumentation.manual.span_end import emit_event
from codetracer_otel.instrumentation.topics import level_named, topic_named
from codetracer_otel.instrumentation.values.safe_access import exact_text
from codetracer_otel.model.value_texts import text_of_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from codetracer_otel.instrumentation.manual.backend import SpanBackend
    from codetracer_otel.instrumentation.manual.context import Parent
    from codetracer_otel.instrumentation.topics import Level

_frame_of: Final = sys._getframe  # noqa: SLF001 - the documented way to the caller's frame


def span(
    name: str,
    /,
    topic: str = "app",
    level: str = "info",
    parent: Parent | HandWrittenSpan | None = None,
    links: Sequence[object] = (),
    **fields: object,
) -> OffSpan:
    """Record a block of code as a span, for use in ``with``.

    Args:
        name: of the span.
        topic: full or short name of a topic.
        level: ``error``, ``warn``, ``info``, ``debug`` or ``trace``.
        parent: a span, a span context or a context of OpenTelemetry, instead of the current span.
        links: spans, span contexts or links of OpenTelemetry.
        fields: what is known now; ``record`` of the span adds more.

    Returns:
        The span, which has begun; it is the current span inside the ``with`` block.

    Raises:
        ValueError: unknown topic or level, while anything is traced.
    """
    if SLOT.active is None:
        return NOOP
    backend = SLOT.current()
    if backend is None:
        return NOOP
    full, rank = topic_named(topic), level_named(level)
    try:
        frame = _frame_of(1)
        field_policy = backend.field_policies.about(frame.f_code, frame.f_globals)
        started = HandWrittenSpan(backend, text_of_name(name), full, rank, field_policy)
        started.add_fields(fields)
        return started.start(parent=parent, links=links)
    except Exception as failure:  # noqa: BLE001 - the program goes on
        backend.failed(failure)
        return NOOP


def event(name: str, /, *, topic: str | None = None, level: str = "info", **fields: object) -> None:
    """Add an event to the current span, whoever made it, and print a line if its topic is on.

    Args:
        name: of the event.
        topic: full or short name; by default the enclosing hand-written span's, else ``app``.
        level: ``error``, ``warn``, ``info``, ``debug`` or ``trace``.
        fields: attributes of the event.

    Raises:
        ValueError: unknown topic or level, while anything is traced.
    """
    if SLOT.active is None:
        return
    backend = SLOT.current()
    if backend is None:
        return
    full, rank = None if topic is None else topic_named(topic), level_named(level)
    try:
        _tell(backend, name, full, rank, fields, _frame_of(1))
    except Exception as failure:  # noqa: BLE001 - the program goes on
        backend.failed(failure)


def _tell(
    backend: SpanBackend,
    name: str,
    topic: str | None,
    level: Level,
    fields: dict[str, Any],
    frame: FrameType,
) -> None:
    context = get_current()
    current = get_current_span(context)
    around: HandWrittenSpan | None = enclosing_span(context, current)
    if around is not None and around.otel_span is current:
        around.emit_event(name, topic or around.topic, level, fields)
        return
    field_policy = backend.field_policies.about(frame.f_code, frame.f_globals)
    happened = HappenedEvent(
        topic or ("app" if around is None else around.topic),
        level,
        exact_text(getattr(current, "name", None)),
        0,
        0,
        0,
        session_of(context, backend.session_id),
        backend.clock.wall_ns(),
        field_policy.fields(fields.items()),
        text_of_name(name),
    )
    emit_event(backend, current, field_policy, happened)
