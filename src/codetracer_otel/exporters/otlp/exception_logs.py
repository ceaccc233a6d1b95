"""Turns the exceptions of spans into log records, which OpenTelemetry prefers to span events."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass, replace
from codetracer_otel.exporters.attributes import SCOPE_NAME, unix_ns
from codetracer_otel.exporters.otlp.wire import attributes, framed, utf8, varint

if TYPE_CHECKING:
    from codetracer_otel.model.record import Event
    from codetracer_otel.model.span_view import Batch, SpanView

_EXCEPTION: Final = "exception"
_RECORD_TAG: Final = b"\x12"  # ScopeLogs.log_records
_ERROR: Final = 17  # an exception that a function has not handled
_fixed64: Final = struct.Struct("<Q").pack
_fixed32: Final = struct.Struct("<I").pack


@dataclass(frozen=True, slots=True)
class ExceptionLog:
    """An exception that left a call, with the span of the call.

    Attributes:
        view: the span.
        event: what it would be as an event of the span.
    """

    view: SpanView
    event: Event
    severity_number = _ERROR
    severity_text = "ERROR"

    def field(self) -> bytes:
        """Return the encoded record as a field of its scope."""
        moment = _fixed64(unix_ns(self.event.time_ns))
        dropped = self.event.dropped_attributes
        body = (
            b"\x09" + moment,
            b"\x10" + varint(self.severity_number),
            framed(b"\x1a", self.severity_text.encode()),
            attributes(b"\x32", self.event.attributes),
            b"\x38" + varint(dropped) if dropped else b"",
            b"\x45" + _fixed32(self.view.trace_flags),
            framed(b"\x4a", bytes.fromhex(self.view.trace_id)),
            framed(b"\x52", bytes.fromhex(self.view.span_id)),
            b"\x59" + moment,
            framed(b"\x62", utf8(self.event.name)),
        )
        return framed(_RECORD_TAG, b"".join(body))


def taken(batch: Batch, *, keeps_events: bool) -> tuple[Batch, list[ExceptionLog]]:
    """Return a batch, and the exceptions of its calls and manual spans.

    Args:
        batch: whatever it holds.
        keeps_events: the exceptions stay events of the spans as well.
    """
    views = list(batch.views())
    logs = [
        ExceptionLog(view, event)
        for view in views
        if view.scope == SCOPE_NAME
        for event in view.events
        if event.name == _EXCEPTION
    ]
    if keeps_events or not logs:
        return batch, logs
    return replace(batch, records=(), spans=[_without_exceptions(view) for view in views]), logs


def _without_exceptions(view: SpanView) -> SpanView:
    if view.scope != SCOPE_NAME or not view.events:
        return view
    return replace(view, events=[event for event in view.events if event.name != _EXCEPTION])
