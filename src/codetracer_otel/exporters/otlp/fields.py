"""The fields of OTLP's ``Span`` and ``InstrumentationScope`` for a `SpanView`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from codetracer_otel.exporters.attributes import unix_ns
from codetracer_otel.exporters.otlp.wire import attributes, framed, utf8, varint
from codetracer_otel.model.record import StatusCode

if TYPE_CHECKING:
    from codetracer_otel.exporters.attributes import Scope
    from codetracer_otel.model.record import Event, Link
    from codetracer_otel.model.span_view import SpanView

_UINT32: Final = 2**32 - 1
_fixed64: Final = struct.Struct("<Q").pack
_fixed32: Final = struct.Struct("<I").pack

# the fields of a Span: tag, and for ids the length that they always have
TRACE_ID_TAG: Final = b"\x0a\x10"
SPAN_ID_TAG: Final = b"\x12\x08"
_TRACE_STATE: Final = b"\x1a"
PARENT_ID_TAG: Final = b"\x22\x08"
NAME_TAG: Final = b"\x2a"
_KIND: Final = b"\x30"
START_TAG: Final = 0x39
END_TAG: Final = 0x41
ATTRIBUTE_TAG: Final = b"\x4a"
_DROPPED_ATTRIBUTES: Final = b"\x50"
_EVENT: Final = b"\x5a"
_DROPPED_EVENTS: Final = b"\x60"
_LINK: Final = b"\x6a"
_DROPPED_LINKS: Final = b"\x70"
_STATUS: Final = b"\x7a"
FLAGS_TAG: Final = b"\x85\x01"
SPAN_TAG: Final = b"\x12"  # ScopeSpans.spans

_KINDS: Final = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_LOCAL: Final = 0x100  # whether the parent, or what is linked to, is remote is known
_REMOTE: Final = 0x200
_W3C_FLAGS: Final = 0xFF
STATUS_UNSET: Final = b"\x7a\x00"


def view_head(view: SpanView) -> bytes:
    """Return ids, name, kind, times and flags of a span."""
    parent = view.parent_span_id
    return b"".join(
        (
            TRACE_ID_TAG,
            bytes.fromhex(view.trace_id),
            SPAN_ID_TAG,
            bytes.fromhex(view.span_id),
            PARENT_ID_TAG + bytes.fromhex(parent) if parent else b"",
            trace_state_field(view.trace_state),
            framed(NAME_TAG, utf8(view.name)),
            kind_field(view.kind),
            START_TAG.to_bytes() + _fixed64(unix_ns(view.start_ns)),
            END_TAG.to_bytes() + _fixed64(unix_ns(view.end_ns)),
            FLAGS_TAG
            + _fixed32(
                flag_bits(view.trace_flags, is_remote=bool(parent and view.parent_is_remote))
            ),
        )
    )


def flag_bits(trace_flags: int, *, is_remote: bool) -> int:
    """Return the flags of a span or a link: the W3C ones of its context, and whether remote."""
    return trace_flags & _W3C_FLAGS | _LOCAL | (_REMOTE if is_remote else 0)


def kind_field(name: str) -> bytes:
    """Return the field of the kind."""
    return _KIND + varint(kind_number(name))


def kind_number(name: str) -> int:
    """Return the number of a kind; an unknown one is ``INTERNAL``."""
    return _KINDS.get(name, _KINDS["INTERNAL"])


def trace_state_field(text: str) -> bytes:
    """Return the trace state, or nothing for none."""
    return framed(_TRACE_STATE, utf8(text)) if text else b""


def view_details(view: SpanView) -> bytes:
    """Return events, links, dropped counts and status."""
    dropped = view.dropped_attributes or view.dropped_events or view.dropped_links
    if not (dropped or view.events or view.links or view.status):
        return STATUS_UNSET
    return b"".join(
        (
            *map(_event, view.events),
            *map(_link, view.links),
            _dropped(_DROPPED_ATTRIBUTES, view.dropped_attributes),
            _dropped(_DROPPED_EVENTS, view.dropped_events),
            _dropped(_DROPPED_LINKS, view.dropped_links),
            framed(_STATUS, _status(view)),
        )
    )


def _dropped(tag: bytes, count: int) -> bytes:
    return tag + varint(min(count, _UINT32)) if count else b""


def _status(view: SpanView) -> bytes:
    if view.status is StatusCode.UNSET:
        return b""
    # OpenTelemetry allows a message on errors only
    has_message = view.status is StatusCode.ERROR and view.status_message
    message = framed(b"\x12", utf8(view.status_message)) if has_message else b""  # type: ignore[arg-type]
    return message + b"\x18" + varint(view.status)


def _event(event: Event) -> bytes:
    body = (
        b"\x09"
        + _fixed64(unix_ns(event.time_ns))
        + framed(b"\x12", utf8(event.name))
        + attributes(b"\x1a", event.attributes)
        + _dropped(b"\x20", event.dropped_attributes)
    )
    return framed(_EVENT, body)


def _link(link: Link) -> bytes:
    body = (
        TRACE_ID_TAG
        + link.trace_id.to_bytes(16, "big")
        + SPAN_ID_TAG
        + link.span_id.to_bytes(8, "big")
        + trace_state_field(link.trace_state)
        + attributes(b"\x22", link.attributes)
        + _dropped(b"\x28", link.dropped_attributes)
        + b"\x35"
        + _fixed32(flag_bits(link.trace_flags, is_remote=link.is_remote))
    )
    return framed(_LINK, body)


def scope_fields(scope: Scope) -> tuple[bytes, bytes]:
    """Return the scope field and the schema field of a ``ScopeSpans``."""
    body = (
        framed(b"\x0a", utf8(scope.name))
        + framed(b"\x12", utf8(scope.version))
        + attributes(b"\x1a", scope.attributes)
    )
    schema = framed(b"\x1a", utf8(scope.schema_url)) if scope.schema_url else b""
    return framed(b"\x0a", body), schema
