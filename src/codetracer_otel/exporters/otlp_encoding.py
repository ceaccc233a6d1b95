"""Encodes batches as OTLP requests, straight from records to protobuf bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.attributes import unix_ns
from codetracer_otel.exporters.otlp_request import Request
from codetracer_otel.exporters.otlp_wire import (
    Attribute,
    Budget,
    attributes,
    framed,
    pack_double,
    utf8,
    varint,
)
from codetracer_otel.exporters.scope import function_scope, scope_of
from codetracer_otel.records import (
    ARGUMENTS,
    END,
    EXTRAS,
    NOT_CAPTURED,
    PARENT_ID,
    PLAN,
    RESULT,
    SEGMENT,
    SPAN_ID,
    START,
    Segment,
    SpanView,
    StatusCode,
    apply_extras,
    span_view,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetracer_otel.captured import Captured
    from codetracer_otel.exporters.scope import Scope
    from codetracer_otel.records import Batch, Event, Extras, Link, Plan, Record

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024 - 1

_TABLE_ENTRIES: Final = 100_000  # about 15 MB when every one is taken
_ENTRIES_PER_KEY: Final = 10
_ENTRIES_PER_PLAN: Final = 8
_UINT32: Final = 2**32 - 1

# the fields of a Span: tag, and for ids the length that they always have
_TRACE_ID: Final = b"\x0a\x10"
_SPAN_ID: Final = b"\x12\x08"
_TRACE_STATE: Final = b"\x1a"
_PARENT_ID: Final = b"\x22\x08"
_NAME: Final = b"\x2a"
_KIND: Final = b"\x30"
_START: Final = 0x39
_END: Final = 0x41
_ATTRIBUTE: Final = b"\x4a"
_DROPPED_ATTRIBUTES: Final = b"\x50"
_EVENT: Final = b"\x5a"
_DROPPED_EVENTS: Final = b"\x60"
_LINK: Final = b"\x6a"
_DROPPED_LINKS: Final = b"\x70"
_STATUS: Final = b"\x7a"
_FLAGS: Final = b"\x85\x01"
_SPAN: Final = b"\x12"  # ScopeSpans.spans

_KINDS: Final = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
# OpenTelemetry's encoder writes the two is-remote bits, and never the W3C flags
_LOCAL: Final = 0x100
_REMOTE: Final = 0x300
_STATUS_UNSET: Final = b"\x7a\x00"

_child_head: Final = struct.Struct("<2s16s2sQ2sQBQBQ2sI").pack
_root_head: Final = struct.Struct("<2s16s2sQBQBQ2sI").pack
_fixed64: Final = struct.Struct("<Q").pack
_fixed32: Final = struct.Struct("<I").pack

_RETURN: Final = "codetracer.return"
_THREAD: Final = ("thread.id", "thread.name")
_ABSENT: Final = ""


class _PlanForm:
    """What the spans of one plan have in common.

    Attributes:
        static: the encoded name, kind and constant attributes.
        keys: the captured arguments' attributes, in the order of a record's values.
        names: the names of every attribute that a record has without its extras.
        plan: the plan itself, held so that its ``id`` stays its own.
    """

    __slots__ = ("keys", "names", "plan", "static")

    def __init__(self, plan: Plan, key: Callable[[str], Attribute]) -> None:
        self.plan = plan
        by_name = {variable.name: variable.attribute for variable in plan.arguments}
        captured = [by_name[name] for name in plan.argument_names]
        self.keys = tuple(key(name) for name in captured)
        view = _bare_view(plan)
        self.names = view.attributes.keys() | {_RETURN, *_THREAD}
        constants = {k: v for k, v in view.attributes.items() if k not in captured}
        self.static = (
            framed(_NAME, utf8(plan.name)) + _kind(view.kind) + attributes(_ATTRIBUTE, constants)
        )


def _bare_view(plan: Plan) -> SpanView:
    """Return a view that has what every record of the plan has."""
    values = (_ABSENT,) * len(plan.argument_names)
    return span_view([None, plan, 0, Segment(0, 0), None, 0, values, 0, 0, NOT_CAPTURED, None])


class _SegmentForm:
    """What the spans of one segment have in common."""

    __slots__ = ("offset", "remote", "suffix", "trace")

    def __init__(self, segment: Segment) -> None:
        self.trace = segment.trace_bytes
        self.offset = segment.wall_offset_ns
        self.remote = segment.remote_parent_id
        self.suffix = _trace_state(segment.trace_state)
        if segment.thread_id:
            values = (segment.thread_id, segment.thread_name)
            self.suffix += attributes(_ATTRIBUTE, dict(zip(_THREAD, values, strict=True)))


class OtlpEncoder:
    """Encodes batches; keeps tables of what it has encoded, so it belongs to one thread.

    Attributes:
        unencodable: how many spans could not be encoded at all and were left out.
    """

    def __init__(self, *, max_bytes: int = MAX_REQUEST_BYTES) -> None:
        self.unencodable = 0
        self._max_bytes = max_bytes
        self._forget()

    def requests(self, batch: Batch) -> list[Request]:
        """Return requests that carry the batch, none larger than the limit.

        A single span that is larger gets a request of its own.
        """
        if self._budget.left <= 0:
            self._forget()
        groups: dict[tuple[bytes, bytes], list[bytes]] = {}
        if batch.records:
            groups[_scope_fields(function_scope())] = self._encode_records(batch.records)
        for view in batch.spans:
            self._encode_slowly(view, groups.setdefault(self._scope_of(view), []))
        resource = framed(b"\x0a", attributes(b"\x0a", batch.resource))
        whole = Request(resource, tuple((*scope, spans) for scope, spans in groups.items()))
        return list(whole.within(self._max_bytes))

    def _scope_of(self, view: SpanView) -> tuple[bytes, bytes]:
        if view.scope_attributes:
            return _scope_fields(scope_of(view))
        key = (view.scope, view.scope_version, view.scope_schema_url)
        found = self._scopes.get(key)
        if found is None:
            found = _scope_fields(scope_of(view))
            if self._budget.take():
                self._scopes[key] = found
        return found

    def _forget(self) -> None:
        self._scopes: dict[tuple[str, str, str], tuple[bytes, bytes]] = {}
        self._budget = Budget(_TABLE_ENTRIES)
        self._keys: dict[str, Attribute] = {}
        self._forms: dict[int, _PlanForm] = {}
        self._return = self._key(_RETURN)

    def _key(self, name: str) -> Attribute:
        found = self._keys.get(name)
        if found is None:
            found = Attribute(_ATTRIBUTE, name, self._budget)
            if self._budget.take(_ENTRIES_PER_KEY):
                self._keys[name] = found
        return found

    def _form(self, plan: Plan) -> _PlanForm:
        form = _PlanForm(plan, self._key)
        if self._budget.take(_ENTRIES_PER_PLAN):
            self._forms[id(plan)] = form
        return form

    def _encode_records(self, records: Sequence[Record]) -> list[bytes]:
        spans: list[bytes] = []
        forms = self._forms
        last: Segment | None = None
        for record in records:
            plan = record[PLAN]
            try:
                if record[SEGMENT] is not last:
                    segment = _SegmentForm(record[SEGMENT])
                    last = record[SEGMENT]
                body = self._record(record, forms.get(id(plan)) or self._form(plan), segment)
            except Exception:  # noqa: BLE001 - text or a time that only the long way can write
                body = None
            if body is None:
                self._encode_slowly(record, spans)
            else:
                spans.append(_SPAN + varint(len(body)) + body)
        return spans

    def _record(self, record: Record, form: _PlanForm, segment: _SegmentForm) -> bytes | None:
        """Return the span of a record, or None for one that needs the long way."""
        values, extras, result = record[ARGUMENTS], record[EXTRAS], record[RESULT]
        if len(values) != len(form.keys):
            return None
        parts = [_head(record, segment), form.static, segment.suffix]
        append = parts.append
        for key, value in zip(form.keys, values):  # noqa: B905 - checked above; strict costs 5 %
            # the two kinds that make up nearly all values; `_add` knows the others
            kind = type(value)
            if kind is str:
                data = value.encode()
                append(key.texts[len(data)])
                append(data)
            elif kind is int:
                append(key.integers[value])
            else:
                _add(append, key, value)
        if result is not NOT_CAPTURED:
            _add(append, self._return, result)
        if extras is None:
            append(_STATUS_UNSET)
        elif not self._add_extras(append, form, extras):
            return None
        return b"".join(parts)

    def _add_extras(self, append: Callable[[bytes], None], form: _PlanForm, extras: Extras) -> bool:
        """Add what only some spans have; return False if it changes what all of them have."""
        view = SpanView(form.plan.name, "", "", None, 0, 0, {})
        apply_extras(view, form.plan, extras)
        if (
            extras.sampling_ratio is not None
            or view.name != form.plan.name
            or not form.names.isdisjoint(view.attributes)
        ):
            return False
        self._add_attributes(append, view.attributes)
        append(_details(view))
        return True

    def _add_attributes(self, append: Callable[[bytes], None], mapping: Mapping[str, Any]) -> None:
        for name, value in mapping.items():
            key = self._key(name)
            if value is None:  # no value here; of captured values None is text
                append(key.encode(None))
            else:
                _add(append, key, value)

    def _encode_slowly(self, span: Record | SpanView, spans: list[bytes]) -> None:
        try:
            view = span if isinstance(span, SpanView) else span_view(span)
            spans.append(framed(_SPAN, self._view(view)))
        except Exception:  # noqa: BLE001 - one span of whoever's making never loses a batch
            self.unencodable += 1

    def _view(self, view: SpanView) -> bytes:
        parts = [_view_head(view)]
        try:
            self._add_attributes(parts.append, view.attributes)
        except UnicodeEncodeError:
            parts[1:] = [attributes(_ATTRIBUTE, view.attributes)]
        parts.append(_details(view))
        return b"".join(parts)


def _add(append: Callable[[bytes], None], key: Attribute, value: Captured) -> None:
    kind = type(value)
    if kind is str:
        data = value.encode()  # type: ignore[union-attr]
        append(key.texts[len(data)])
        append(data)
    elif kind is int:
        append(key.integers[value])  # type: ignore[index]
    elif kind is float:
        append(key.double)
        append(pack_double(value))
    else:
        append(key.encode_captured(value))


def _head(record: Record, segment: _SegmentForm) -> bytes:
    offset, parent = segment.offset, record[PARENT_ID]
    if not parent:
        return _root_head(
            _TRACE_ID, segment.trace, _SPAN_ID, record[SPAN_ID],
            _START, record[START] + offset, _END, record[END] + offset, _FLAGS, _LOCAL,
        )  # fmt: skip
    return _child_head(
        _TRACE_ID, segment.trace, _SPAN_ID, record[SPAN_ID], _PARENT_ID, parent,
        _START, record[START] + offset, _END, record[END] + offset,
        _FLAGS, _REMOTE if parent == segment.remote else _LOCAL,
    )  # fmt: skip


def _view_head(view: SpanView) -> bytes:
    parent = view.parent_span_id
    return b"".join(
        (
            _TRACE_ID,
            bytes.fromhex(view.trace_id),
            _SPAN_ID,
            bytes.fromhex(view.span_id),
            _PARENT_ID + bytes.fromhex(parent) if parent else b"",
            _trace_state(view.trace_state),
            framed(_NAME, utf8(view.name)),
            _kind(view.kind),
            _START.to_bytes() + _fixed64(unix_ns(view.start_ns)),
            _END.to_bytes() + _fixed64(unix_ns(view.end_ns)),
            _FLAGS + _fixed32(_REMOTE if parent and view.parent_is_remote else _LOCAL),
        )
    )


def _kind(name: str) -> bytes:
    return _KIND + varint(_KINDS.get(name, _KINDS["INTERNAL"]))


def _trace_state(text: str) -> bytes:
    return framed(_TRACE_STATE, utf8(text)) if text else b""


def _details(view: SpanView) -> bytes:
    """Return events, links, dropped counts and status."""
    dropped = view.dropped_attributes or view.dropped_events or view.dropped_links
    if not (dropped or view.events or view.links or view.status):
        return _STATUS_UNSET
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
    )
    return framed(_EVENT, body)


def _link(link: Link) -> bytes:
    # without the trace state, as OpenTelemetry's encoder has it
    body = (
        _TRACE_ID
        + link.trace_id.to_bytes(16, "big")
        + _SPAN_ID
        + link.span_id.to_bytes(8, "big")
        + attributes(b"\x22", link.attributes)
        + b"\x35"
        + _fixed32(_LOCAL)
    )
    return framed(_LINK, body)


def _scope_fields(scope: Scope) -> tuple[bytes, bytes]:
    """Return the scope field and the schema field of a ``ScopeSpans``."""
    body = (
        framed(b"\x0a", utf8(scope.name))
        + framed(b"\x12", utf8(scope.version))
        + attributes(b"\x1a", scope.attributes)
    )
    schema = framed(b"\x1a", utf8(scope.schema_url)) if scope.schema_url else b""
    return framed(b"\x0a", body), schema


def encode_batch(batch: Batch, *, max_bytes: int = MAX_REQUEST_BYTES) -> list[bytes]:
    """Return the bodies of the requests that carry a batch, none larger than ``max_bytes``."""
    return [request.body() for request in OtlpEncoder(max_bytes=max_bytes).requests(batch)]
