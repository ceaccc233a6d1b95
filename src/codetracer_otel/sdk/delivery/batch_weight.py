"""How much memory a batch takes that waits for its exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.spans.record_buffer import RECORD_BYTES
from codetracer_otel.model.record import ARGUMENTS, EXTRAS, NOT_CAPTURED, RESULT
from codetracer_otel.model.record_block import RecordBlock
from codetracer_otel.model.value import weight

_ITEM_BYTES: Final = 40  # of a compiled block, beside the bytes of the record
_SEGMENT_BYTES: Final = 230  # with its integers; a loop of calls without a parent has one for each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.model.record import Record, SpanDetails
    from codetracer_otel.model.span_view import Batch, SpanView
    from codetracer_otel.model.value import Captured


def batch_bytes(batch: Batch) -> int:
    """Return about how much memory the records and spans of a batch take."""
    block = RecordBlock.of(batch.records)
    records = block.size + sum(map(_record_bytes, block.owned()))
    return records + sum(map(_view_bytes, batch.spans)) + RECORD_BYTES * len(batch)


def held_bytes(block: RecordBlock) -> int:
    """Return about how much memory the records of a block take that stays as it is."""
    others = block.size + _ITEM_BYTES * len(block) + sum(map(weight, block.objects()))
    others += _SEGMENT_BYTES * len(set(block.segments()))
    return others + sum(RECORD_BYTES + _record_bytes(record) for record in block.owned())


def _record_bytes(record: Record) -> int:
    values: tuple[Captured, ...] = record[ARGUMENTS]
    extras: SpanDetails | None = record[EXTRAS]
    size = sum(map(weight, values))
    if record[RESULT] is not NOT_CAPTURED:
        size += weight(record[RESULT])
    if extras is None:
        return size
    captured = [value for value in (*extras.locals, *extras.globals) if value is not NOT_CAPTURED]
    text = 0 if extras.exception is None else len(extras.exception.stack_trace)
    return size + text + sum(map(weight, captured)) + _attribute_bytes(extras.attributes or {})


def _view_bytes(view: SpanView) -> int:
    events = sum(_attribute_bytes(event.attributes) for event in view.events)
    return _attribute_bytes(view.attributes) + events


def _attribute_bytes(attributes: Mapping[str, Any]) -> int:
    return sum(len(value) for value in attributes.values() if isinstance(value, str | tuple))
