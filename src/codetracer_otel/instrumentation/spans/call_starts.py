"""Begins, suspends and resumes calls that need more than arguments and a return value.

Sampling with an open fate, hooks, captures for hand-written spans, generators: what `callbacks`'s
flat callbacks hand on. `call_ends` ends them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.instrumentation.spans.parents import (
    FOLLOWS,
    HOOK,
    UNDECIDED,
    UNSAMPLED,
    build_unrecorded,
    settle_kept,
)
from codetracer_otel.model.record import (
    ARGUMENTS,
    CONTEXT,
    END,
    EXTRAS,
    HOOK_MARK,
    INHERITED_ID,
    NOT_CAPTURED,
    PARENT_ID,
    PLAN,
    SAMPLED_OUT_PLAN,
    SEGMENT,
    SPAN_ID,
    START,
    UNSAMPLED_CONTEXT,
    Ending,
    Record,
    SpanDetails,
    TraceOnThread,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from opentelemetry.context import Context

    from codetracer_otel.instrumentation.spans.call_ends import CallEnds
    from codetracer_otel.instrumentation.spans.parents import Parents
    from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
    from codetracer_otel.instrumentation.spans.thread_stacks import Stacks
    from codetracer_otel.instrumentation.spans.traced_code import TracedCode
    from codetracer_otel.model.protocols import Clock


class Calls:
    """Begins, suspends and resumes calls.

    Args:
        stacks: the open calls of each thread.
        suspended: started and unfinished generators and coroutines.
        parents: resolves parents.
        ends: ends what does not end by itself.
        read_context: reads OpenTelemetry's context variable.
        next_span_id: source of span ids in wire order.
        clock: time.
        release: undoes what a hook attached, as its entry leaves the stack.
    """

    def __init__(
        self,
        *,
        stacks: Stacks,
        suspended: SuspendedCalls,
        parents: Parents,
        ends: CallEnds,
        read_context: Callable[[], Context],
        next_span_id: Callable[[], int],
        clock: Clock,
        release: Callable[[Record], None],
    ) -> None:
        self._stacks = stacks
        self._suspended = suspended
        self._parents = parents
        self._charge = ends.charge
        self._finish_open = ends.finish_open
        self._pop_hook = ends.pop_hook
        self._read_context = read_context
        self.next_span_id = next_span_id
        self._now = clock.monotonic_ns
        self._release = release

    def begin(self, traced_code: TracedCode, code: CodeType, offset: int, frame: FrameType) -> None:
        """Push the entry of a call with some feature beyond arguments and a return value."""
        if traced_code.hook is None:
            self._begin_call(self._stacks.mine_or_new(), traced_code, code, offset, frame)
        else:
            self._begin_hooked(traced_code, code, offset, frame)

    def _begin_hooked(
        self, traced_code: TracedCode, code: CodeType, offset: int, frame: FrameType
    ) -> None:
        stack = self._stacks.mine_or_new()
        traced_code.hook(code, frame)
        if traced_code.plan is None:
            return
        self._begin_call(stack, traced_code, code, offset, frame)
        extras = stack[-1][EXTRAS] = stack[-1][EXTRAS] or SpanDetails()
        extras.is_hooked = True

    def _begin_call(  # noqa: C901 - flat: many calls come here
        self,
        stack: list[Record],
        traced_code: TracedCode,
        code: CodeType,
        offset: int,
        frame: FrameType,
    ) -> None:
        """Push a record, or an entry for a call that is left out."""
        below, context = stack[-1], self._read_context()
        if context is below[CONTEXT]:
            segment, parent_id = below[SEGMENT], below[SPAN_ID]
        else:
            segment, parent_id = self._parents.adopt(context, below, stack[0])
            if segment is None:
                self.push_unsampled(stack, code, context)
                return
        extras = SpanDetails()
        calls_before, sampler = 0, traced_code.sampler
        adopts = traced_code.call_adoption
        if adopts is not None and (adopted_call := adopts.take(code)) is not None:
            # It captures values for the hand-written span that is its parent, and is no span.
            extras.adopted_call, span_id, sampler = adopted_call, parent_id, None
        else:
            if traced_code.plan.root:
                segment, parent_id, extras.links = self._parents.new_linked_root(
                    segment, parent_id, stack[0]
                )
            if sampler is not None:
                # without a call in between, at which threads take turns
                calls_before = traced_code.seen
                traced_code.seen = calls_before + 1
                if not sampler.keeps(segment.ratio_key, calls_before):
                    self._leave_out(stack, traced_code, code, frame, (context, segment, parent_id))
                    return
            span_id = self.next_span_id()
        plan, values = traced_code.read_call(frame)
        record: Record = [
            code,
            plan,
            span_id,
            segment,
            context,
            parent_id,
            values,
            0,
            0,
            NOT_CAPTURED,
            extras,
        ]
        if extras.adopted_call is None:
            if values:
                self._charge(values)
            if sampler is not None or below[CONTEXT] is UNDECIDED:
                self._settle_fate(record, below, traced_code, calls_before)
        if traced_code.suspends:
            traced_code.start_offset = offset
            self._suspend_under(frame, record)
        record[START] = extras.resumed_at = self._now()
        stack.append(record)

    def _leave_out(
        self,
        stack: list[Record],
        traced_code: TracedCode,
        code: CodeType,
        frame: FrameType,
        adopted: tuple[Context, TraceOnThread, int],
    ) -> None:
        entry = build_left_out(traced_code, code, self._now())
        if traced_code.suspends:
            self._suspend_under(frame, entry)
        self._push_left_out(stack, entry, adopted)

    def _settle_fate(
        self, record: Record, below: Record, traced_code: TracedCode, calls_before: int
    ) -> None:
        """Decide whether the record is certainly kept; if so, an open ancestor is too."""
        sampling, extras = traced_code.plan.sampling, record[EXTRAS]
        extras.undecided_parent = below if below[CONTEXT] is UNDECIDED else None
        if sampling is not None and calls_before < sampling.first:
            extras.sampling_ratio = 1.0
        elif sampling is not None and sampling.min_duration_ns:
            extras.context = record[CONTEXT]
            record[CONTEXT] = UNDECIDED
            return
        settle_kept(extras.undecided_parent)

    def _push_left_out(
        self, stack: list[Record], entry: Record, adopted: tuple[Context, TraceOnThread, int]
    ) -> None:
        below = stack[-1]
        entry[CONTEXT], entry[SEGMENT], entry[INHERITED_ID] = adopted
        entry[PARENT_ID] = entry[INHERITED_ID]
        if below[CONTEXT] is UNDECIDED:
            entry[EXTRAS] = extras = entry[EXTRAS] or SpanDetails()
            extras.context, extras.undecided_parent = adopted[0], below
            entry[CONTEXT] = UNDECIDED
        stack.append(entry)

    def push_unsampled(self, stack: list[Record], code: CodeType, context: Context) -> None:
        """Push an entry below which nothing is recorded while the context stays the same."""
        below = stack[-1]
        entry = build_unrecorded(code, UNSAMPLED, below[SEGMENT], below[SPAN_ID])
        is_muted = below[CONTEXT] is UNSAMPLED and below[UNSAMPLED_CONTEXT] is None
        entry[UNSAMPLED_CONTEXT] = None if is_muted else context
        stack.append(entry)

    def _suspend_under(self, frame: FrameType, record: Record) -> None:
        replaced = self._suspended.add(frame, record)
        if replaced is not None:
            self._finish_open(replaced, self._now(), Ending.ABANDONED)

    def suspend(self, record: Record, now: int) -> None:
        """Note that a generator or coroutine has handed control out."""
        if record[PLAN] is None:
            self._release(record)
            if record[HOOK_MARK] is not HOOK:
                self._pop_hook(record)
            return
        extras: SpanDetails = record[EXTRAS]
        extras.suspensions += 1
        extras.busy_ns += now - extras.resumed_at
        # A generator follows its consumer; a span held open across the yield stays.
        context = self._read_context()
        if record[CONTEXT] is context:
            record[CONTEXT] = None
            extras.as_context = None
        elif record[CONTEXT] is UNDECIDED and extras.context is context:
            extras.context = FOLLOWS
        if extras.is_hooked:
            self._pop_hook(record)

    def resume(
        self,
        stack: list[Record],
        code: CodeType,
        frame: FrameType,
        *,
        never_started: bool = False,
    ) -> None:
        """Push the entry of a generator or coroutine that runs again."""
        record = None if never_started else self._suspended.get(frame, code)
        context = self._read_context()
        if record is None or record[PLAN] is None:
            self._push_stranger(stack, code, context, record)
            return
        if record[CONTEXT] is None:
            record[CONTEXT] = context
        elif record[EXTRAS].context is FOLLOWS:
            record[EXTRAS].context = context
        stack.append(record)
        record[EXTRAS].resumed_at = self._now()

    def _push_stranger(
        self, stack: list[Record], code: CodeType, context: Context, left_out: Record | None
    ) -> None:
        # Its start was before the session, or was left out: it hands on its consumer's ids.
        below = stack[-1]
        if below[CONTEXT] is UNSAMPLED:
            self.push_unsampled(stack, code, context)
            return
        segment, parent_id = self._parents.adopt_any(context, below, stack[0])
        if segment is None:
            self.push_unsampled(stack, code, context)
        elif left_out is not None:
            self._push_left_out(stack, left_out, (context, segment, parent_id))
        else:
            settle_kept(below if below[CONTEXT] is UNDECIDED else None)
            stack.append(build_unrecorded(code, context, segment, parent_id))


def build_left_out(traced_code: TracedCode, code: CodeType, now: int) -> Record:
    """Return the entry of a call that sampling leaves out, unless an exception leaves it."""
    entry = build_unrecorded(code, None, None, 0)
    entry[ARGUMENTS], entry[START], entry[END] = (), now, 0
    entry[SAMPLED_OUT_PLAN] = traced_code.plan
    if traced_code.suspends:
        entry[EXTRAS] = SpanDetails()
    return entry
