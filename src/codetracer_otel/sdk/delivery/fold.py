"""Folds short calls of one function below one parent span into one span."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Time
from codetracer_otel.model.record import (
    CODE,
    NOT_CAPTURED,
    PARENT_ID,
    SpanDetails,
    hex_span_id,
    wire_span_id,
)
from codetracer_otel.model.record_block import RecordBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.filters.types import FoldRules
    from codetracer_otel.model.record import Plan, Record
    from codetracer_otel.model.record_block import Outline
    from codetracer_otel.model.span_view import SpanView

_PART_NS: Final = 5_000_000_000  # what goes on for longer is told in parts
_MOST_PARENTS: Final = 20_000  # open spans with calls below them; the oldest are given up first
_MOST_FUNCTIONS: Final = 1_000  # that are counted; what has made few spans goes first
_MOST_MOVED: Final = 50_000  # folded calls whose late children still go below the folded span


class _Part:
    """Calls of one function below one parent, on one thread, that are one span so far.

    Its id is that of the first of them, which no other span has then.
    """

    __slots__ = ("began_ns", "code", "count", "end", "first", "longest", "start", "total")

    def __init__(self, first: Outline, code: Any, now: int) -> None:
        self.first = first
        self.code = code
        self.began_ns = now
        self.start, self.end = first[4], first[5]
        self.count = self.total = self.longest = 0

    def add(self, start: int, end: int) -> None:
        """Take in a call."""
        length = end - start
        self.count += 1
        self.total += length
        self.longest = max(self.longest, length)
        self.start, self.end = min(self.start, start), max(self.end, end)

    def record(self) -> Record:
        """Return the span that represents them."""
        details = SpanDetails()
        details.attributes = {
            "codetracer.folded.count": self.count,
            "codetracer.folded.total_us": self.total / 1000,
            "codetracer.folded.max_us": self.longest / 1000,
            "codetracer.folded.errors": 0,  # what fails stays a span of its own
        }
        span_id, parent_id, plan, segment = self.first[:4]
        ids = [span_id, segment, None, parent_id]
        return [self.code, plan, *ids, (), self.start, self.end, NOT_CAPTURED, details]


class Fold:
    """Takes short calls out of what is delivered, and makes spans that represent them.

    A call is folded where it returned, no span stands below it, and it is behind the first
    ``after`` of its function below the same parent. The span that stands for them is given when the
    parent has ended, when everything is asked for, and after five seconds at the latest.

    Args:
        rules: which calls are folded; None for none but those of ``by_plan``.
        now: monotonic time in ns.

    Attributes:
        by_plan: other rules for the calls of a plan, by its id.
        calls: that were folded; into so many ``spans``.
    """

    def __init__(self, rules: FoldRules | None, now: Callable[[], int] = Time.monotonic_ns) -> None:
        self.rules = rules
        self.by_plan: dict[int, FoldRules] = {}
        self.calls = self.spans = 0
        self._now = now
        self._early: deque[int] = deque(maxlen=_MOST_PARENTS)
        self._begin()

    def _begin(self) -> None:
        # Ordered: what leaves a dict at its front is stepped over each time the first is asked for.
        # parent -> calls so far of each function, by the id of its plan
        self._children: OrderedDict[int, dict[int, int]] = OrderedDict()
        # by parent, plan and thread, oldest first
        self._parts: OrderedDict[tuple[int, int, int], _Part] = OrderedDict()
        self._parts_of: dict[int, list[tuple[int, int, int]]] = {}
        self._ended: list[Record] = []
        # a folded call -> the span that stands for it
        self._moved: OrderedDict[int, int] = OrderedDict()

    def forget(self) -> None:
        """Leave everything to the process that this one was forked from."""
        self._early.clear()
        self._begin()
        self.calls = self.spans = 0

    @property
    def waiting(self) -> int:
        """How many calls wait in spans that were not given yet."""
        return sum(part.count for part in list(self._parts.values()))

    def note_child(self, span: ReadableSpan) -> None:
        """Take note of a span of another source before its parent ends; on any thread."""
        if span.parent is not None:
            self._early.append(wire_span_id(span.parent.span_id))

    def take(self, records: Sequence[Record]) -> RecordBlock:
        """Return the records that stay spans of their own."""
        block = RecordBlock.of(records)
        while self._early:
            self._children.setdefault(self._early.popleft(), {})
        folded = [
            index for index, call in enumerate(block.outlines()) if self._takes(call, block, index)
        ]
        if folded:
            block.discard(folded)
        self._give_up_oldest()
        return block

    def _takes(self, call: Outline, block: RecordBlock, index: int) -> bool:
        """Count a call, and what ends with it; return whether it was folded."""
        span_id, parent_id, plan, segment, start, end, is_plain = call
        if parent_id in self._moved:
            parent_id = self._moved[parent_id]
            block.take_over(index)[PARENT_ID] = parent_id
        has_children = span_id in self._children
        if has_children:
            self._end_parent(span_id)
        if not parent_id:
            return False
        counts = self._children.get(parent_id)
        if counts is None:
            counts = self._children[parent_id] = {}
        number = counts[id(plan)] = counts.get(id(plan), 0) + 1
        rules = self.by_plan.get(id(plan), self.rules)
        if has_children or not is_plain or rules is None or number <= rules.after:
            return False
        if end - start >= rules.shorter_than_ns:
            return False
        key = parent_id, id(plan), segment.thread_id
        part = self._parts.get(key)
        if part is None:
            first = span_id, parent_id, plan, segment, start, end, is_plain
            part = self._begin_part(key, first, block[index][CODE])
        part.add(start, end)
        self._note_fold(span_id, part)
        return True

    def _begin_part(self, key: tuple[int, int, int], first: Outline, code: Any) -> _Part:
        part = self._parts[key] = _Part(first, code, self._now())
        self._parts_of.setdefault(key[0], []).append(key)
        return part

    def _note_fold(self, span_id: int, part: _Part) -> None:
        self.calls += 1
        self._moved[span_id] = part.first[0]
        if len(self._moved) > _MOST_MOVED:
            self._moved.popitem(last=False)

    def take_spans(self, *, everything: bool) -> list[Record]:
        """Return the folded spans that are complete, or are delivered in parts."""
        until = self._now() - _PART_NS
        while self._parts:
            key, part = next(iter(self._parts.items()))
            if not everything and part.began_ns > until:
                break
            self._end_part(key)
        ended, self._ended = self._ended, []
        return ended

    def adopt(self, views: Sequence[SpanView]) -> None:
        """Take note of the ends of spans of others; move those that are below a folded call."""
        for view in views:
            self._end_parent(_wire_id(view.span_id))
            if view.parent_span_id is not None:
                parent_id = self._moved.get(_wire_id(view.parent_span_id))
                if parent_id is not None:
                    view.parent_span_id = hex_span_id(parent_id)

    def _end_parent(self, span_id: int) -> None:
        """Complete what is below a span that has ended."""
        for key in self._parts_of.get(span_id, ())[:]:
            self._end_part(key)
        self._children.pop(span_id, None)

    def _end_part(self, key: tuple[int, int, int]) -> None:
        self._ended.append(self._parts.pop(key).record())
        self.spans += 1
        keys = self._parts_of[key[0]]
        keys.remove(key)
        if not keys:
            del self._parts_of[key[0]]

    def _give_up_oldest(self) -> None:
        while len(self._children) > _MOST_PARENTS:
            self._end_parent(next(iter(self._children)))


def _wire_id(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


class BusiestFunction:
    """Counts spans by function, for the advice to fold the one that makes most of them."""

    def __init__(self) -> None:
        self._counts: dict[int, tuple[Plan, int]] = {}
        self._all = 0

    def add(self, records: Sequence[Record], others: int) -> None:
        """Count records, and so many spans that are no calls."""
        self._all += len(records) + others
        for plan, count in RecordBlock.of(records).plans():
            known = self._counts.get(id(plan))
            self._counts[id(plan)] = plan, count + (known[1] if known else 0)

        if len(self._counts) > _MOST_FUNCTIONS:
            most = sorted(self._counts.items(), key=lambda found: -found[1][1])
            self._counts = dict(most[: _MOST_FUNCTIONS // 2])

    def stats(self) -> dict[str, Any]:
        """Return the function with most spans, how many, and of how many; nothing without any."""
        counts = list(self._counts.values())
        if not counts:
            return {}
        plan, count = max(counts, key=lambda found: found[1])
        return {"function": plan.function_name, "spans": count, "of": self._all}
