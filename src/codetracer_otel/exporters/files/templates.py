"""Builds the templates of compiled code for spans as JSON, from what the writer in Python writes.

The view of a record whose values are marks is written as any other, and what was written is cut at
the marks: so both write the same.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.files.json_text import encoded
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.model.record import NOT_CAPTURED, TraceOnThread
from codetracer_otel.model.record_block import free_output
from codetracer_otel.model.span_view import SpanView, span_view
from codetracer_otel.model.value import attribute_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.model.record import Plan, Record
    from codetracer_otel.model.record_block import Texts

    Template = tuple[bytes | int, ...]
    Form = tuple[Template, Template, int]  # of a child, of a root, and how many values they have
    Write = Callable[[SpanView, Plan], Mapping[str, Any]]

_MAX_TEMPLATES: Final = 10_000


class Field(IntEnum):
    """What differs between the spans of a plan, as `_core/json.c` numbers it."""

    TIMESTAMP = 0
    TRACE_ID = 1
    SPAN_ID = 2
    PARENT_ID = 3
    MILLISECONDS = 4
    THREAD = 5  # what a segment's spans have beside each other
    VALUE = 6  # the next captured value
    START_US = 7
    DURATION_US = 8


def mark(field: Field) -> str:
    """Return the placeholder of a field, at which the template is cut."""
    return f"\0{field.value}\0"


# A mark as a value; one as a key, with the comma before it and the null behind, is replaced whole.
_MARK: Final = lazy_regex(r',"\\u0000([0-8])\\u0000":null|"\\u0000([0-8])\\u0000"')
_THREAD: Final = ("thread.id", "thread.name")


class Templates:
    """Templates of plans, and how the rest of a block is written.

    Args:
        write: returns the fields of a span from a view with marks.
        end: text behind each span.
    """

    def __init__(self, write: Write, end: str = "") -> None:
        self._write = write
        self._end = end
        self._of_plans: dict[int, tuple[Plan, Form | None]] = {}
        self._output: Texts | None = None

    def render(
        self,
        block: Any,
        of_segment: Callable[[TraceOnThread], bytes],
        longest: int,
        one: Callable[[Record], bytes | None],
        origin_ns: int = 0,
    ) -> Texts:
        """Return the texts of a compiled block's spans.

        Args:
            block: the block.
            of_segment: returns what `Field.THREAD` stands for.
            longest: bytes of a text; one that would be longer is written by ``one``.
            one: writes a record that is not plain, or returns None for one that cannot be.
            origin_ns: Unix time that microseconds count from.
        """
        output = self._output = free_output(self._output, block)
        segments = [
            (b'"%032x"' % segment.trace_id, of_segment(segment), segment.wall_offset_ns)
            for segment in block.segments
        ]
        values = [_json_value(value) for value in block.objects]
        plans = [self._form(plan) for plan, _ in block.plans]
        block.render(output, plans, segments, values, origin_ns, longest, lambda i: one(block[i]))
        return output

    def _form(self, plan: Plan) -> Form | None:
        known = self._of_plans.get(id(plan))
        if known is None:
            if len(self._of_plans) >= _MAX_TEMPLATES:
                self._of_plans.clear()
            # the plan is held, so that its `id` stays its own
            known = self._of_plans[id(plan)] = plan, self._made(plan)
        return known[1]

    def _made(self, plan: Plan) -> Form | None:
        expected = len(plan.argument_names) + plan.captures_return
        child = self._cut(plan, mark(Field.PARENT_ID), expected)
        root = self._cut(plan, None, expected)
        return None if child is None or root is None else (child, root, expected)

    def _cut(self, plan: Plan, parent_id: str | None, expected: int) -> Template | None:
        view = _marked_view(plan)
        if view is None:
            return None
        view.parent_span_id = parent_id
        pieces = _MARK.split(encoded(self._write(view, plan)) + self._end)
        texts, keys, values = pieces[::3], pieces[1::3], pieces[2::3]
        fields = [int(key or value) for key, value in zip(keys, values, strict=True)]
        parts: list[bytes | int] = [texts[0].encode()]
        for field, text in zip(fields, texts[1:], strict=True):
            parts += [field, text.encode()]
        has_all = fields.count(Field.VALUE) == expected and "\\u0000" not in "".join(texts)
        return tuple(parts) if has_all else None


def _marked_view(plan: Plan) -> SpanView | None:
    """Return the view of a record whose values are marks; None where a limit leaves some out."""
    value = mark(Field.VALUE)
    values = (value,) * len(plan.argument_names)
    result = value if plan.captures_return else plan.fixed_result
    segment = TraceOnThread(1, 0, thread_id=1, thread_name="x")
    view = span_view([None, plan, 1, segment, None, 1, values, 0, 0, result, None])
    if view.dropped_attributes:
        return None
    view.trace_id, view.span_id = mark(Field.TRACE_ID), mark(Field.SPAN_ID)
    of_thread: Any = {mark(Field.THREAD): None}
    attributes = [(key, value) for key, value in view.attributes.items() if key not in _THREAD]
    place = list(view.attributes).index(_THREAD[0])
    view.attributes = dict(attributes[:place]) | of_thread | dict(attributes[place:])
    return view


def thread_attributes(segment: TraceOnThread) -> bytes:
    """Return the attributes that name a segment's thread, after others."""
    if not segment.thread_id:
        return b""
    values = (segment.thread_id, segment.thread_name)
    return b"," + encoded(dict(zip(_THREAD, values, strict=True))).encode()[1:-1]


def _json_value(value: Any) -> bytes | None:
    if value is NOT_CAPTURED or type(value) is str:
        return None  # its record is written as a whole
    return encoded(attribute_value(value)).encode()
