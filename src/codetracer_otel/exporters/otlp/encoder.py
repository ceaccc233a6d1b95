"""Encodes batches as OTLP requests, straight from records to protobuf bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.attributes import function_scope, scope_of
from codetracer_otel.exporters.otlp.fields import (
    ATTRIBUTE_TAG,
    END_TAG,
    FLAGS_TAG,
    NAME_TAG,
    PARENT_ID_TAG,
    SPAN_ID_TAG,
    SPAN_TAG,
    START_TAG,
    STATUS_UNSET,
    TRACE_ID_TAG,
    flag_bits,
    kind_field,
    scope_fields,
    trace_state_field,
    view_details,
    view_head,
)
from codetracer_otel.exporters.otlp.request import Request, Spans
from codetracer_otel.exporters.otlp.wire import (
    VALUE_TAG,
    Attribute,
    Budget,
    any_value,
    attributes,
    framed,
    last_field,
    pack_double,
    utf8,
    varint,
)
from codetracer_otel.model.record import (
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
    NotCaptured,
    TraceOnThread,
)
from codetracer_otel.model.record_block import RecordBlock, free_output
from codetracer_otel.model.span_view import SpanView, apply_extras, span_view, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetracer_otel.exporters.otlp.exception_logs import ExceptionLog
    from codetracer_otel.model.record import Plan, Record, SpanDetails
    from codetracer_otel.model.record_block import Texts
    from codetracer_otel.model.span_view import Batch
    from codetracer_otel.model.value import Captured

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024 - 1

_TABLE_ENTRIES: Final = 100_000  # about 15 MB when every one is taken
_ENTRIES_PER_KEY: Final = 10
_ENTRIES_PER_PLAN: Final = 8

_child_head: Final = struct.Struct("<2s16s2sQ2sQBQBQ2sI").pack
_root_head: Final = struct.Struct("<2s16s2sQBQBQ2sI").pack

_RETURN: Final = "codetracer.return"
_THREAD: Final = ("thread.id", "thread.name")
_ABSENT: Final = ""
# What a generator or coroutine that ended as usual has set, of which two are delivered.
_ONLY_TIMES: Final = frozenset(
    {"busy_ns", "suspensions", "resumed_at", "frame_id", "as_context", "is_hooked", "is_known"}
)


class _PlanForm:
    """What the spans of one plan have in common.

    Attributes:
        static: the encoded name, kind and constant attributes.
        keys: the captured arguments' attributes, in the order of a record's values.
        names: the names of every attribute that a record has without its extras.
        plan: the plan itself, held so that its ``id`` stays its own.
        fits: whether a record without extras is within the limits, whatever thread it is of.
    """

    __slots__ = ("_parts", "fits", "keys", "names", "plan", "static")

    def __init__(self, plan: Plan, key: Callable[[str], Attribute]) -> None:
        self.plan = plan
        self._parts: tuple[Any, ...] | None = None
        by_name = {variable.name: variable.attribute for variable in plan.arguments}
        captured = [by_name[name] for name in plan.argument_names]
        self.keys = tuple(key(name) for name in captured)
        view = _bare_view(plan)
        self.names = view.attributes.keys() | {_RETURN, *_THREAD}
        self.fits = len(self.names) <= plan.bounds.attributes
        constants = {k: v for k, v in view.attributes.items() if k not in captured}
        self.static = (
            framed(NAME_TAG, utf8(plan.name))
            + kind_field(view.kind)
            + attributes(ATTRIBUTE_TAG, constants)
        )

    def parts(
        self, result: Attribute, busy_ns: Attribute, suspensions: Attribute
    ) -> tuple[Any, ...] | None:
        """Return what compiled code makes spans of, or None where it makes none."""
        if self._parts is None and self.fits:
            fixed = self.plan.fixed_result
            self._parts = (
                self.static,
                None if self.plan.ratio_bound is None else trace_state_field(_state_of(self.plan)),
                tuple([key.head for key in self.keys]),
                result.head,
                b"" if isinstance(fixed, NotCaptured) else result.encode_captured(fixed),
                busy_ns.head,
                suspensions.head,
                STATUS_UNSET,
            )
        return self._parts


def _bare_view(plan: Plan) -> SpanView:
    """Return a view that has what every record of the plan has."""
    values = (_ABSENT,) * len(plan.argument_names)
    return span_view(
        [None, plan, 0, TraceOnThread(0, 0), None, 0, values, 0, 0, NOT_CAPTURED, None]
    )


class _SegmentForm:
    """What the spans of one segment have in common."""

    __slots__ = ("flags", "offset", "remote", "remote_flags", "state", "suffix", "trace")

    def __init__(self, segment: TraceOnThread) -> None:
        self.trace = segment.trace_id.to_bytes(16, "big")
        self.offset = segment.wall_offset_ns
        self.remote = segment.remote_parent_id
        self.flags = flag_bits(segment.trace_flags, is_remote=False)
        self.remote_flags = flag_bits(segment.trace_flags, is_remote=True)
        self.state = trace_state_field(segment.stored_state)
        self.suffix = b""
        if segment.thread_id:
            values = (segment.thread_id, segment.thread_name)
            self.suffix = attributes(ATTRIBUTE_TAG, dict(zip(_THREAD, values, strict=True)))


def _state_of(plan: Plan) -> str:
    """Return the trace state of a plan's spans in a trace that has none."""
    return state_of(plan, TraceOnThread(0, 0), None)


def _segment_parts(segment: TraceOnThread) -> tuple[Any, ...] | None:
    """Return the heads of a segment's spans, its suffix, remote parent and offset."""
    try:
        form = _SegmentForm(segment)
        heads = [_head(_with_parent(parent), form) for parent in (1, form.remote or 1)]
    except (ValueError, struct.error):  # what only the long way can write
        return None
    return (*heads, form.state, form.suffix, form.remote, form.offset)


def _with_parent(parent: int, span_id: int = 0, start: int = 0, end: int = 0) -> Record:
    return [None, None, span_id, None, None, parent, (), start, end, None, None]


class OtlpEncoder:
    """Encodes batches; keeps tables of what it has encoded, so it belongs to one thread.

    Attributes:
        unencodable: how many spans could not be encoded at all and were left out.
    """

    content_type = "application/x-protobuf"

    def __init__(self, *, max_bytes: int = MAX_REQUEST_BYTES) -> None:
        self.unencodable = 0
        self._max_bytes = max_bytes
        self._output: Texts | None = None
        self._forget()

    def requests(self, batch: Batch) -> list[Request]:
        """Return requests that carry the batch, none larger than the limit.

        A single span that is larger gets a request of its own.
        """
        if self._budget.left <= 0:
            self._forget()
        groups: dict[tuple[bytes, bytes], list[bytes] | Texts] = {}
        if batch.records:
            groups[scope_fields(function_scope())] = self._encode_records(batch.records)
        for view in batch.spans:
            self._encode_slowly(view, groups.setdefault(self._scope_of(view), []))
        return self._within(batch, groups)

    def log_requests(self, batch: Batch, logs: Sequence[ExceptionLog]) -> list[Request]:
        """Return requests that carry log records about spans of the batch."""
        groups: dict[tuple[bytes, bytes], list[bytes] | Texts] = {}
        for log in logs:
            found = groups.setdefault(self._scope_of(log.view), [])
            found.append(log.field())
        return self._within(batch, groups)

    def rejected(self, body: bytes) -> int:
        """Return how many spans or records a collector's answer refused; 0 if unreadable."""
        try:
            partial_success = last_field(body, 1)
            rejected = last_field(partial_success, 1) if isinstance(partial_success, bytes) else 0
        except ValueError:
            return 0
        # int64: what is beyond is a negative number
        return rejected if isinstance(rejected, int) and rejected < 1 << 63 else 0

    def _within(
        self, batch: Batch, groups: dict[tuple[bytes, bytes], list[bytes] | Texts]
    ) -> list[Request]:
        resource = framed(b"\x0a", attributes(b"\x0a", batch.resource))
        if batch.resource_schema:
            resource += framed(b"\x1a", utf8(batch.resource_schema))
        whole = Request(resource, tuple((*scope, _spans(made)) for scope, made in groups.items()))
        return list(whole.within(self._max_bytes))

    def _scope_of(self, view: SpanView) -> tuple[bytes, bytes]:
        if view.scope_attributes:
            return scope_fields(scope_of(view))
        key = (view.scope, view.scope_version, view.scope_schema_url)
        found = self._scopes.get(key)
        if found is None:
            found = scope_fields(scope_of(view))
            if self._budget.take():
                self._scopes[key] = found
        return found

    def _forget(self) -> None:
        self._scopes: dict[tuple[str, str, str], tuple[bytes, bytes]] = {}
        self._budget = Budget(_TABLE_ENTRIES)
        self._keys: dict[str, Attribute] = {}
        self._forms: dict[int, _PlanForm] = {}
        self._return = self._key(_RETURN)
        self._busy_ns = self._key("codetracer.busy_ns")
        self._suspensions = self._key("codetracer.suspensions")

    def _key(self, name: str) -> Attribute:
        found = self._keys.get(name)
        if found is None:
            found = Attribute(ATTRIBUTE_TAG, name, self._budget)
            if self._budget.take(_ENTRIES_PER_KEY):
                self._keys[name] = found
        return found

    def _form(self, plan: Plan) -> _PlanForm:
        form = _PlanForm(plan, self._key)
        if self._budget.take(_ENTRIES_PER_PLAN):
            self._forms[id(plan)] = form
        return form

    def _encode_records(self, records: Sequence[Record]) -> list[bytes] | Texts:
        block = RecordBlock.of(records).native
        if block is not None:
            return self._encode_block(block)
        spans: list[bytes] = []
        forms = self._forms
        last: TraceOnThread | None = None
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
                spans.append(SPAN_TAG + varint(len(body)) + body)
        return spans

    def _encode_block(self, block: Any) -> Texts:
        """Encode what is plain in compiled code, and each other record in Python."""
        output = self._output = free_output(self._output, block)
        plans = [self._plan_parts(plan) for plan, _ in block.plans]
        segments = [_segment_parts(segment) for segment in block.segments]
        values = [_value_field(value) for value in block.objects]
        block.encode(output, plans, segments, values, _LAYOUT, lambda i: self._span_of(block[i]))
        return output

    def _plan_parts(self, plan: Plan) -> tuple[Any, ...] | None:
        try:
            form = self._forms.get(id(plan)) or self._form(plan)
            return form.parts(self._return, self._busy_ns, self._suspensions)
        except Exception:  # noqa: BLE001 - what only the long way can write
            return None

    def _span_of(self, record: Record) -> bytes | None:
        spans = self._encode_records([record])
        return bytes(spans[0]) if spans else None

    def _record(self, record: Record, form: _PlanForm, segment: _SegmentForm) -> bytes | None:
        """Return the span of a record, or None for one that needs the long way."""
        values, extras, result = record[ARGUMENTS], record[EXTRAS], record[RESULT]
        if not form.fits or len(values) != len(form.keys):
            return None
        plain = form.plan.ratio_bound is None
        state = (
            segment.state
            if plain
            else trace_state_field(state_of(form.plan, record[SEGMENT], extras))
        )
        parts = [_head(record, segment), state, form.static, segment.suffix]
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
            append(STATUS_UNSET)
        elif extras.__dict__.keys() <= _ONLY_TIMES:  # half the time of what `_add_extras` takes
            if extras.busy_ns or extras.suspensions:
                append(self._busy_ns.integers[extras.busy_ns])
                append(self._suspensions.integers[extras.suspensions])
            append(STATUS_UNSET)
        elif not self._add_extras(append, form, extras):
            return None
        return b"".join(parts)

    def _add_extras(
        self, append: Callable[[bytes], None], form: _PlanForm, extras: SpanDetails
    ) -> bool:
        """Add what only some spans have; return False if it changes what all of them have."""
        view = SpanView(form.plan.name, "", "", None, 0, 0, {})
        apply_extras(view, form.plan, extras)
        if (
            extras.sampling_ratio is not None
            or view.name != form.plan.name
            or len(form.names) + len(view.attributes) > form.plan.bounds.attributes
            or not form.names.isdisjoint(view.attributes)
        ):
            return False
        self._add_attributes(append, view.attributes)
        append(view_details(view))
        return True

    def _add_attributes(self, append: Callable[[bytes], None], mapping: Mapping[str, Any]) -> None:
        for name, value in mapping.items():
            key = self._key(name)
            if value is None:  # no value here; of captured values None is text
                append(key.encode(None))
            else:
                _add(append, key, value)

    def _encode_slowly(self, span: Record | SpanView, spans: list[bytes] | Texts) -> None:
        try:
            view = span if isinstance(span, SpanView) else span_view(span)
            spans.append(framed(SPAN_TAG, self._view(view)))
        except Exception:  # noqa: BLE001 - one span of whoever's making never loses a batch
            self.unencodable += 1

    def _view(self, view: SpanView) -> bytes:
        parts = [view_head(view)]
        try:
            self._add_attributes(parts.append, view.attributes)
        except UnicodeEncodeError:
            parts[1:] = [attributes(ATTRIBUTE_TAG, view.attributes)]
        parts.append(view_details(view))
        return b"".join(parts)


def _spans(made: list[bytes] | Texts) -> Spans:
    return Spans.of(made) if isinstance(made, list) else Spans(made, made)


def _value_field(value: object) -> bytes:
    """Return the value of an attribute, or nothing where a record needs the long way."""
    if value is NOT_CAPTURED or type(value) is str:
        return b""
    return framed(VALUE_TAG, any_value(value))


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
            TRACE_ID_TAG, segment.trace, SPAN_ID_TAG, record[SPAN_ID],
            START_TAG, record[START] + offset, END_TAG, record[END] + offset,
            FLAGS_TAG, segment.flags,
        )  # fmt: skip
    return _child_head(
        TRACE_ID_TAG, segment.trace, SPAN_ID_TAG, record[SPAN_ID], PARENT_ID_TAG, parent,
        START_TAG, record[START] + offset, END_TAG, record[END] + offset,
        FLAGS_TAG, segment.remote_flags if parent == segment.remote else segment.flags,
    )  # fmt: skip


def _layout() -> tuple[int, ...]:
    """Return the positions of a span's id, its parent's id and its times in its head."""
    numbers = [int.from_bytes(bytes([mark]) * 8) for mark in (0xA1, 0xA2, 0xA3, 0xA4)]
    span_id, parent, start, end = numbers
    form = _SegmentForm(TraceOnThread(0, 0))
    head = _head(_with_parent(parent, span_id, start, end), form)
    return tuple([head.index(number.to_bytes(8)) for number in numbers])


_LAYOUT: Final = _layout()
