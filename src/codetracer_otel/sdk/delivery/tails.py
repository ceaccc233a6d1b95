"""Decides about whole traces when they end: kept ones are delivered, others dropped unjudged."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import StatusCode as OtelStatusCode
from opentelemetry.trace import get_current_span

from codetracer_otel.bindings import Time
from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.instrumentation.spans.record_buffer import RECORD_BYTES
from codetracer_otel.instrumentation.spans.sampling import TokenBucket
from codetracer_otel.model.probability import ratio_bound, ratio_key, with_threshold
from codetracer_otel.model.record import (
    EXTRAS,
    PARENT_ID,
    SEGMENT,
    SPAN_ID,
    START,
    Ending,
    SpanDetails,
    StatusCode,
)
from codetracer_otel.model.record_block import RecordBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.filters.types import TailRules
    from codetracer_otel.model.record import Record, TraceOnThread

    Held = tuple[RecordBlock, list[ReadableSpan]]

REASON: Final = "codetracer.tail.reason"
LEFT_OUT: Final = "codetracer.tail.dropped_spans"
_REMEMBERED: Final = 100_000  # decisions, for what comes after them
_SECOND_NS: Final = 1_000_000_000


class _Trace:
    """A trace that is not decided yet."""

    __slots__ = ("began_ns", "blocks", "has_failed", "records", "spans")

    def __init__(self, began_ns: int) -> None:
        self.began_ns = began_ns
        self.records = 0
        self.blocks: dict[int, None] = {}  # numbers of blocks that hold records of it, in order
        self.spans: list[ReadableSpan] = []
        self.has_failed = False


class _Verdict(NamedTuple):
    """What was decided about a trace.

    Attributes:
        trace_id: of the trace.
        reason: why it is kept; empty for one that is not.
        rules: that said so.
        root: the record of its local root, if it is kept for a reason and no span of others.
    """

    trace_id: int
    reason: str
    rules: TailRules | None = None
    root: Record | None = None


class Tails:
    """Holds the records of traces until their local roots have ended.

    A local root is the first span of a trace in this process: a record or span without a parent,
    or with one in another process. What ends after it follows the decision.

    Args:
        default: for roots whose rule says nothing; None keeps their traces.
        monotonic_ns: time.
        most_bytes: of what may wait; beyond it the oldest trace is given up.
        max_open_s: seconds after which a trace that is still open is delivered in parts.
        unix_ns: time, as spans tell it.

    Attributes:
        given_up: spans that were lost because there was no room.
        counts: traces and spans by decision.
    """

    def __init__(
        self,
        default: TailRules | None,
        monotonic_ns: Callable[[], int],
        most_bytes: int,
        max_open_s: float,
        unix_ns: Callable[[], int] = Time.time_ns,
    ) -> None:
        self.default = default
        self.given_up = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self._now = monotonic_ns
        self._unix_now = unix_ns
        self._most_bytes = most_bytes
        self._max_open_ns = int(max_open_s * _SECOND_NS)
        self._open: OrderedDict[int, _Trace] = OrderedDict()
        self._decided: OrderedDict[int, bool] = OrderedDict()
        self._blocks: dict[int, RecordBlock] = {}
        self._number = 0
        self._bytes = 0
        # by the id of the rules, which stay so that no others get it
        self._buckets: dict[int, tuple[TailRules, TokenBucket]] = {}
        self._reasons: dict[int, str] = {}  # of kept roots that are spans
        # why a trace that goes on is kept, and the id of its root, if that is to say so
        self._foretold: OrderedDict[int, tuple[int, str]] = OrderedDict()
        self._of_parent: set[int] = set()  # traces whose roots may be in the parent process

    @property
    def waiting(self) -> int:
        """How many records and spans wait for a decision."""
        return sum([trace.records + len(trace.spans) for trace in list(self._open.values())])

    def note(self, spans: Sequence[ReadableSpan]) -> None:
        """See spans that have ended before the roots that are taken next."""
        for span in spans:
            if span.status.status_code is OtelStatusCode.ERROR and span.context is not None:
                self._note_failure(span.context.trace_id)

    def take(self, records: Sequence[Record], spans: Sequence[ReadableSpan]) -> list[Held]:
        """Take what has ended, in the order of its ends; return what is to be delivered."""
        block = RecordBlock.of(records)
        self._note_failures(block)
        self.note(spans)
        fates: dict[TraceOnThread, bool] = {}
        verdicts = [*self._decide_roots(block, fates), *self._decide_spans(spans)]
        _tell_ratios(block, verdicts)
        out: list[Held] = []
        too_large = self._too_large(block, verdicts)
        for verdict in too_large:
            del self._decided[verdict.trace_id]  # so that all of it comes together first
        self._hold(block, out, fates)
        for verdict in too_large:
            self._decided[verdict.trace_id] = True
        ready: list[ReadableSpan] = []
        self._hold_spans(spans, ready)
        for verdict in verdicts:
            self._release(verdict, out, ready)
        self._look_for_old_ones(out, ready)
        self._make_room()
        if ready:
            out.append((RecordBlock(), ready))
        return out

    def take_open(self, calls: RecordBlock) -> list[Held]:
        """Decide about traces that go on, as far as nothing can change it any more.

        The others wait for the ends of their roots: they may still fail.

        Args:
            calls: copies of those that are open; they go with what is kept, or not at all.
        """
        self._note_failures(calls)
        out: list[Held] = []
        ready: list[ReadableSpan] = []
        trace_ids = [*self._open, *(segment.trace_id for segment in calls.segments())]
        self._settle(dict.fromkeys(trace_ids), calls, out, ready, is_last=False)
        segments = dict.fromkeys(calls.segments())
        kept, _ = calls.split({it: self._decided.get(it.trace_id, False) for it in segments})
        if kept:
            self.counts["spans", "kept"] += len(kept)
            out.append((kept, []))
        if ready:
            out.append((RecordBlock(), ready))
        return out

    def finish(self) -> list[Held]:
        """Decide about everything that is still open by what is known of it."""
        out: list[Held] = []
        ready: list[ReadableSpan] = []
        self._settle(list(self._open), RecordBlock(), out, ready, is_last=True)
        if ready:
            out.append((RecordBlock(), ready))
        return out

    def _settle(
        self,
        trace_ids: Iterable[int],
        calls: RecordBlock,
        out: list[Held],
        ready: list[ReadableSpan],
        *,
        is_last: bool,
    ) -> None:
        """Release those of the traces that are kept, and all of them if it is the last time."""
        roots = {segment.trace_id: index for index, segment, _ in calls.local_roots()}
        lengths, states = self._known_so_far(calls)
        for trace_id in trace_ids:
            if trace_id in self._decided:
                continue
            index = roots.get(trace_id)
            rules = (None if index is None else calls.plan_of(index).tail) or self.default
            state = states.get(trace_id, "")
            reason = self._reason(rules, trace_id, state, lengths.get(trace_id, 0))
            if not (reason or is_last):
                continue
            self._conclude(trace_id, reason)
            root = None
            if index is not None and reason not in ("", "all"):
                root = calls.take_over(index)
                _note_on_root(root, REASON, reason)
            if not is_last:
                self._foretold[trace_id] = 0 if root is None else root[SPAN_ID], reason
            verdict = _Verdict(trace_id, reason, rules, root)
            _tell_ratios(calls, [verdict])
            self._release(verdict, out, ready)

    def _known_so_far(self, calls: RecordBlock) -> tuple[dict[int, int], dict[int, str]]:
        """Return how many ns each open trace takes at least, and its trace state.

        Its root has begun before what was below it. In a forked child the root of a trace that goes
        on may be in the parent process; then it is no longer than the longest of its spans, as far
        as this process knows.
        """
        now = self._now()
        lengths: dict[int, int] = {}
        states: dict[int, str] = {}
        for block in [*self._blocks.values(), calls]:
            for outline in block.outlines():
                trace_id, start, end = outline[3].trace_id, outline[4], outline[5]
                length = (end if trace_id in self._of_parent else now) - start
                lengths[trace_id] = max(lengths.get(trace_id, 0), length)
                states[trace_id] = outline[3].trace_state
        unix_now = self._unix_now()
        for trace_id, trace in self._open.items():
            for span in trace.spans:
                end = span.end_time or 0
                if trace_id not in self._of_parent:
                    end = max(end, unix_now)  # the clock may have been set back
                length = end - (span.start_time or unix_now)
                lengths[trace_id] = max(lengths.get(trace_id, 0), length)
                if span.context is not None:
                    states.setdefault(trace_id, span.context.trace_state.to_header())
        return lengths, states

    def holds_from_before(self, time_ns: int) -> bool:
        """Return whether a trace waits that was begun to be taken by then (monotonic ns)."""
        oldest = next(iter(self._open.values()), None)
        return oldest is not None and oldest.began_ns <= time_ns

    def forget(self, calls: Sequence[Record]) -> None:
        """Begin anew in a forked child: what waits is the parent's, and what is current there."""
        self._of_parent.update(self._open)
        self._of_parent.update([call[SEGMENT].trace_id for call in calls if call[SEGMENT]])
        self._of_parent.add(get_current_span().get_span_context().trace_id)
        self._open.clear()
        self._blocks.clear()
        self._decided.clear()
        self._foretold.clear()
        self.counts.clear()
        self._bytes = self.given_up = 0

    def reason_of(self, span: ReadableSpan) -> str | None:
        """Return why the trace of a root that is a span was kept, once."""
        context = span.context
        return None if context is None else self._reasons.pop(context.span_id, None)

    def stats(self) -> dict[str, Any]:
        """Return traces and spans by decision, and how many traces are open."""
        told: dict[str, Any] = {"traces": {}, "spans": {}, "open": len(self._open)}
        for (kind, decision), count in sorted(self.counts.items()):
            told[kind][decision] = count
        return told

    # taking notes

    def _trace(self, trace_id: int) -> _Trace:
        trace = self._open.get(trace_id)
        if trace is None:
            trace = self._open[trace_id] = _Trace(self._now())
        return trace

    def _note_failures(self, block: RecordBlock) -> None:
        for record in block.made():
            if record[EXTRAS] is not None and has_failed(record[EXTRAS]):
                self._note_failure(record[SEGMENT].trace_id)

    def _note_failure(self, trace_id: int) -> None:
        if trace_id not in self._decided:
            self._trace(trace_id).has_failed = True

    # deciding

    def _decide_roots(self, block: RecordBlock, fates: dict[TraceOnThread, bool]) -> list[_Verdict]:
        """Return what is decided; what is dropped whole stands in ``fates`` alone."""
        decided = []
        for index, segment, duration_ns in block.local_roots():
            trace_id = segment.trace_id
            if trace_id in self._decided:
                if trace_id in self._foretold:
                    self._tell_again(block.take_over(index))
                continue
            rules = block.plan_of(index).tail or self.default
            if trace_id not in self._open and _is_dropped(rules, duration_ns):
                self._decided[trace_id] = fates[segment] = False
                continue  # nothing waits for it: most traces are short, and dropped
            reason = self._judge(rules, trace_id, segment.trace_state, duration_ns)
            if not reason and trace_id not in self._open:
                continue
            root = None
            if reason not in ("", "all"):
                root = block.take_over(index)
                _note_on_root(root, REASON, reason)
            decided.append(_Verdict(trace_id, reason, rules, root))
        if fates:
            self.counts["traces", "dropped"] += len(fates)
        return decided

    def _tell_again(self, root: Record) -> None:
        """Let a root say why it was kept, if a copy did so while it was open."""
        trace_id = root[SEGMENT].trace_id
        span_id, reason = self._foretold[trace_id]
        if span_id in (0, root[SPAN_ID]):
            del self._foretold[trace_id]
        if span_id == root[SPAN_ID]:
            _note_on_root(root, REASON, reason)

    def _decide_spans(self, spans: Sequence[ReadableSpan]) -> list[_Verdict]:
        decided = []
        for span in spans:
            context, parent = span.context, span.parent
            if context is None or not (parent is None or parent.is_remote):
                continue
            if context.trace_id not in self._decided:
                state = context.trace_state.to_header()
                duration_ns = (span.end_time or 0) - (span.start_time or 0)
                reason = self._judge(self.default, context.trace_id, state, duration_ns)
                if reason not in ("", "all"):
                    self._reasons[context.span_id] = reason
                decided.append(_Verdict(context.trace_id, reason, self.default))
            else:
                self._foretold.pop(context.trace_id, None)
        return decided

    def _judge(
        self, rules: TailRules | None, trace_id: int, trace_state: str, duration_ns: int
    ) -> str:
        """Conclude about a trace whose root has ended; return why it is kept, or nothing."""
        reason = self._reason(rules, trace_id, trace_state, duration_ns)
        self._conclude(trace_id, reason)
        return reason

    def _reason(
        self, rules: TailRules | None, trace_id: int, trace_state: str, duration_ns: int
    ) -> str:
        trace = self._open.get(trace_id)
        if rules is None:
            return "all"
        if rules.keep_errors and trace is not None and trace.has_failed:
            return "error"
        if _is_slow(rules, duration_ns):
            return "slow"
        return self._by_ratio(rules, trace_id, trace_state)

    def _by_ratio(self, rules: TailRules, trace_id: int, trace_state: str) -> str:
        if not rules.ratio or ratio_key(trace_id, trace_state) >= ratio_bound(rules.ratio):
            return ""
        if rules.max_per_second is None:
            return "ratio"
        if id(rules) not in self._buckets:
            self._buckets[id(rules)] = rules, TokenBucket(rules.max_per_second, self._now)
        return "ratio" if self._buckets[id(rules)][1].take() else ""

    def _conclude(self, trace_id: int, reason: str) -> None:
        self.counts["traces", reason or "dropped"] += 1
        self._decided[trace_id] = bool(reason)

    # holding and letting go

    def _too_large(self, block: RecordBlock, verdicts: Sequence[_Verdict]) -> list[_Verdict]:
        """Return the verdicts about kept traces with more records than they may have."""
        bounded = {
            verdict.trace_id: verdict
            for verdict in verdicts
            if verdict.reason and verdict.rules is not None
        }
        if not bounded:
            return []
        sizes: Counter[int] = Counter()
        for segment, count in block.sizes():
            if segment.trace_id in bounded:
                sizes[segment.trace_id] += count
        for trace_id in bounded:
            if trace_id in self._open:
                sizes[trace_id] += self._open[trace_id].records
        return [
            verdict
            for trace_id, verdict in bounded.items()
            if verdict.rules is not None and sizes[trace_id] > verdict.rules.max_spans
        ]

    def _hold(self, block: RecordBlock, out: list[Held], fates: dict[TraceOnThread, bool]) -> None:
        """Split a block into what is decided, of which ``fates`` may know some, and what waits."""
        if not block:
            return
        segments = set(block.segments())
        for segment in segments:
            if segment not in fates and (fate := self._decided.get(segment.trace_id)) is not None:
                fates[segment] = fate
        if len(fates) == len(segments) and all(fates.values()):
            self.counts["spans", "kept"] += len(block)
            out.append((block, []))
            return
        before = len(block)
        kept, waiting = block.split(fates)
        self.counts["spans", "dropped"] += before - len(kept) - len(waiting)
        if kept:
            self.counts["spans", "kept"] += len(kept)
            out.append((kept, []))
        if waiting:
            self._number += 1
            self._blocks[self._number] = waiting
            self._bytes += _weight(waiting)
            for segment, count in waiting.sizes():
                trace = self._trace(segment.trace_id)
                trace.blocks[self._number] = None
                trace.records += count

    def _hold_spans(self, spans: Sequence[ReadableSpan], ready: list[ReadableSpan]) -> None:
        for span in spans:
            trace_id = 0 if span.context is None else span.context.trace_id
            fate = self._decided.get(trace_id)
            if fate is None and trace_id:
                self._trace(trace_id).spans.append(span)
                self._bytes += RECORD_BYTES
            else:
                self._count_span(ready, span, kept=fate is not False)

    def _count_span(self, ready: list[ReadableSpan], span: ReadableSpan, *, kept: bool) -> None:
        self.counts["spans", "kept" if kept else "dropped"] += 1
        if kept:
            ready.append(span)

    def _release(self, verdict: _Verdict, out: list[Held], ready: list[ReadableSpan]) -> None:
        """Let what waited for the decision about a trace go its way."""
        trace_id = verdict.trace_id
        trace = self._open.pop(trace_id, None)
        if trace is None:
            return
        found: list[Held] = []
        self._bytes -= RECORD_BYTES * len(trace.spans)
        for span in trace.spans:
            self._count_span(ready, span, kept=self._decided[trace_id])
        for number in trace.blocks:
            block = self._blocks.pop(number, None)
            if block is not None:
                self._bytes -= _weight(block)
                for segment, count in block.sizes():
                    other = self._open.get(segment.trace_id)
                    if other is not None:  # `_hold` counts them again
                        other.blocks.pop(number, None)
                        other.records -= count
                _tell_ratios(block, [verdict])
                self._hold(block, found, {})
        rules = verdict.rules
        if verdict.reason and rules is not None and trace.records > rules.max_spans:
            found = [(self._trimmed(found, rules.max_spans, verdict.root), [])]
        out += found

    def _trimmed(self, found: list[Held], most: int, root: Record | None) -> RecordBlock:
        """Return what is left of a trace that is too large; its root notes what was dropped."""
        records = [record for block, _ in found for record in block.take_over_all()]
        left = trimmed(records, max(most, 0))
        gone = len(records) - len(left)
        self.counts["spans", "kept"] -= gone
        self.counts["spans", "dropped"] += gone
        if root is not None:
            _note_on_root(root, LEFT_OUT, gone)
        return RecordBlock(left)

    def _look_for_old_ones(self, out: list[Held], ready: list[ReadableSpan]) -> None:
        """Deliver what is known of traces that have been open for too long."""
        limit = self._now() - self._max_open_ns
        while self._open:
            trace_id, trace = next(iter(self._open.items()))
            if trace.began_ns > limit:
                return
            self._conclude(trace_id, "open")
            self._foretold[trace_id] = 0, "open"
            self._release(_Verdict(trace_id, "open"), out, ready)

    def _make_room(self) -> None:
        """Give up the oldest traces when too much waits, and the oldest decisions."""
        while len(self._foretold) > _REMEMBERED // 2:
            self._foretold.popitem(last=False)  # a root that ends no more
        while len(self._decided) > _REMEMBERED:
            trace_id, is_kept = self._decided.popitem(last=False)
            if trace_id in self._foretold:  # its root would be judged once more
                self._decided[trace_id] = is_kept
        while self._bytes > self._most_bytes and self._open:
            trace_id = next(iter(self._open))
            before = self.counts["spans", "dropped"]
            self._conclude(trace_id, "")
            self._release(_Verdict(trace_id, ""), [], [])
            lost = self.counts["spans", "dropped"] - before
            self.counts["spans", "dropped"] = before
            self.counts["traces", "dropped"] -= 1
            self.counts["traces", "memory"] += 1
            self.given_up += lost


def _is_dropped(rules: TailRules | None, duration_ns: int) -> bool:
    """Return whether nothing keeps a trace in which nothing has failed."""
    return rules is not None and not rules.ratio and not _is_slow(rules, duration_ns)


def _is_slow(rules: TailRules, duration_ns: int) -> bool:
    return rules.slower_than_ns is not None and duration_ns > rules.slower_than_ns


def has_failed(extras: SpanDetails) -> bool:
    """Return whether a call ended in an error."""
    if extras.status is not None:
        return extras.status is StatusCode.ERROR
    return extras.exception is not None and extras.ending is Ending.RAISED


def _note_on_root(record: Record, key: str, value: str | int) -> None:
    extras: SpanDetails = record[EXTRAS] or SpanDetails()
    record[EXTRAS] = extras
    extras.attributes = {**(extras.attributes or {}), key: value}


def _tell_ratios(block: RecordBlock, verdicts: Iterable[_Verdict]) -> None:
    """Write the threshold into the trace state of what a ratio has kept."""
    bounds = {
        verdict.trace_id: ratio_bound(verdict.rules.ratio)
        for verdict in verdicts
        if verdict.reason == "ratio" and verdict.rules is not None
    }
    if bounds:
        for segment in set(block.segments()):
            bound = bounds.get(segment.trace_id)
            if bound is not None:
                segment.trace_state = with_threshold(segment.trace_state, bound)
                if segment.redacted_state is not None:
                    segment.redacted_state = with_threshold(segment.redacted_state, bound)


def _weight(block: RecordBlock) -> int:
    """Return about how many bytes a block takes."""
    return block.size + RECORD_BYTES * len(block.owned())


def trimmed(records: Sequence[Record], most: int) -> list[Record]:
    """Return at most ``most`` records of a tree: the newest leaves go first."""
    children = Counter(record[PARENT_ID] for record in records)
    by_id = {record[SPAN_ID]: record for record in records}
    leaves = [record for record in records if not children[record[SPAN_ID]]]
    leaves.sort(key=lambda record: record[START])
    gone: set[int] = set()
    while len(records) - len(gone) > most and leaves:
        leaf = leaves.pop()
        gone.add(leaf[SPAN_ID])
        parent = by_id.get(leaf[PARENT_ID])
        children[leaf[PARENT_ID]] -= 1
        if parent is not None and not children[leaf[PARENT_ID]]:
            leaves.append(parent)
    return [record for record in records if record[SPAN_ID] not in gone]
