"""Ends calls that the fast path cannot: exceptions, locals at exit, lost and interrupted ends."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from codetracer_otel.instrumentation.spans.parents import (
    HOOK,
    NEVER,
    UNPACKING,
    build_unrecorded,
    settle_kept,
)
from codetracer_otel.instrumentation.values.adjacent_secrets import may_hold_text
from codetracer_otel.instrumentation.values.exceptions import (
    describe_exception,
    ending_of,
    leaves_a_traced_frame_inside,
    read_traceback,
)
from codetracer_otel.instrumentation.values.frame_variables import read_variables
from codetracer_otel.model.record import (
    ARGUMENTS,
    CODE,
    CONTEXT,
    END,
    EXTRAS,
    HOOK_MARK,
    HOOK_OFFSET,
    INHERITED_ID,
    NOT_CAPTURED,
    PARENT_ID,
    PLAN,
    RESULT,
    SAMPLED_OUT_PLAN,
    SEGMENT,
    SPAN_ID,
    START,
    Ending,
    ExceptionRecord,
    Plan,
    Record,
    SpanDetails,
)
from codetracer_otel.model.value import DROPPED, REDACTED, REDACTED_NODE, weight
from codetracer_otel.model.value_texts import type_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
    from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
    from codetracer_otel.instrumentation.spans.thread_stacks import Stacks
    from codetracer_otel.instrumentation.spans.traced_code import TracedCode
    from codetracer_otel.model.protocols import Clock
    from codetracer_otel.model.record import TraceOnThread
    from codetracer_otel.model.value import Captured


class CallEnds:
    """Ends calls, and hands their records on.

    Args:
        traced_codes: traced code by ``id(code)``.
        stacks: the open calls of each thread.
        suspended: started and unfinished generators and coroutines.
        buffer: takes finished records.
        next_span_id: source of span ids in wire order.
        clock: time.
        release: undoes what a hook attached, as its entry leaves the stack.
        exception_text: use ``str(error)``, which is code of the program.

    Attributes:
        lost_ends: entries that events were lost for.
        takes_text_of_program: exceptions are asked for their text, which is code of the program.
        waiting: of entries whose ``failed_inside`` holds a record, or did.
        deferred_ends: records that ended where there was no room to finish them, each with the
            class of the exception that ended it.
    """

    def __init__(
        self,
        *,
        traced_codes: dict[int, TracedCode],
        stacks: Stacks,
        suspended: SuspendedCalls,
        buffer: RecordBuffer,
        next_span_id: Callable[[], int],
        clock: Clock,
        release: Callable[[Record], None],
        exception_text: bool,
    ) -> None:
        self.lost_ends = 0
        self.waiting: list[SpanDetails] = []
        self.deferred_ends: list[tuple[Record | None, type | None]] = []
        self._traced_codes = traced_codes
        self._stacks = stacks
        self._suspended = suspended
        self._buffer = buffer
        self.next_span_id = next_span_id
        self._now = clock.monotonic_ns
        self._release = release
        self.takes_text_of_program = exception_text

    def finish_extras(
        self, record: Record, frame: FrameType, now: int, value: Any = NOT_CAPTURED
    ) -> bool:
        """Complete a record that has extras, as its function ends; return whether it is kept.

        Args:
            record: of the function.
            frame: of the function.
            now: monotonic ns.
            value: that it returns.
        """
        extras: SpanDetails = record[EXTRAS]
        traced_code = self._traced_codes.get(id(record[CODE]))
        if extras.closing is not None:
            traced_code = extras.closing
            self._read_result(record, traced_code, value)
        if traced_code is not None:
            if traced_code.suspends:
                extras.busy_ns += now - extras.resumed_at
                self._suspended.remove(frame, record)
            is_raised = extras.ending is Ending.RAISED
            if traced_code.reads_at_error if is_raised else traced_code.reads_at_exit:
                self._read_at_exit(record, traced_code, frame)
            if extras.is_hooked:
                self.pop_hook(record)
        cut(extras)
        if extras.adopted_call is not None:
            extras.adopted_call.record = record
            return False
        return extras.context is None or self._is_kept_at_end(record, extras)

    def plan_of_result(self, record: Record, value: object) -> Plan:
        """Return the plan of a call that returns a value: one that holds no text is shown."""
        plan: Plan = record[PLAN]
        traced_code = self._traced_codes.get(id(record[CODE]))
        if traced_code is None or traced_code.told_plan is not plan or may_hold_text(value):
            return plan
        shown: Plan = traced_code.plan
        return shown

    def _read_result(self, record: Record, closing: TracedCode, value: Any) -> None:
        plan = record[PLAN] = closing.plan
        if value is NOT_CAPTURED:
            return
        if plan.captures_return:
            record[RESULT] = closing.capture_quickly(value)
            self.charge((record[RESULT],))
            return
        record[RESULT] = plan.fixed_result
        if plan.result_place:
            closing.learn(value, plan.result_place)

    def _is_kept_at_end(self, record: Record, extras: SpanDetails) -> bool:
        sampling = record[PLAN].sampling
        if extras.context is None or sampling is None:
            return True
        extras.context = None
        raised = extras.ending is Ending.RAISED and sampling.keep_errors
        if not raised and record[END] - record[START] < sampling.min_duration_ns:
            traced_code = self._traced_codes.get(id(record[CODE]))
            if traced_code is not None and traced_code.sampler is not None:
                traced_code.sampler.counters["dropped_duration"] += 1
            return False
        settle_kept(extras.undecided_parent)
        extras.undecided_parent = None
        return True

    def finish_raised(
        self, record: Record, frame: FrameType, error: BaseException, now: int
    ) -> bool:
        """Complete a record whose function is left by an exception; return whether it is kept."""
        extras = record[EXTRAS]
        if extras is None:
            extras = record[EXTRAS] = SpanDetails()
        record[RESULT] = NOT_CAPTURED
        extras.ending, extras.exception = self.describe(
            record[CODE], record[PLAN], record[SEGMENT], error, now
        )
        return self.finish_extras(record, frame, now)

    def finish_entry(
        self, entry: Record, error: BaseException | None, frame: FrameType | None = None
    ) -> bool:
        """End an entry that is no record; return whether an error makes it one.

        A call that sampling left out becomes a span after all when an exception leaves it: with
        times, ids, the exception, the calls that failed in it, and its arguments as they stand
        then.

        Args:
            entry: taken off its stack.
            error: that leaves it, or None.
            frame: of the call, if it is at hand.
        """
        extras: SpanDetails | None = entry[EXTRAS]
        if extras is not None and extras.token is not None:
            self._release(entry)
        failed_inside = extras.failed_inside if extras is not None else None
        if not self._is_kept_for_error(entry, error):
            if failed_inside:
                self._deliver_failed(failed_inside)
            if entry[HOOK_MARK] is not HOOK and extras is not None:
                self._suspended.forget(entry)
                self.pop_hook(entry)
            return False
        self._count_kept_error(entry)
        settle_kept(extras.undecided_parent if extras is not None else None)
        entry[SPAN_ID] = self.next_span_id()
        entry[PLAN], entry[ARGUMENTS] = self._read_call(entry, frame)
        entry[EXTRAS] = extras = SpanDetails()
        extras.sampling_ratio = 1.0
        if failed_inside:
            self._deliver_failed(failed_inside, below=entry[SPAN_ID])
        return True

    def _read_call(
        self, entry: Record, frame: FrameType | None
    ) -> tuple[Plan, tuple[Captured, ...]]:
        traced_code = self._traced_codes.get(id(entry[CODE]))
        plan = entry[SAMPLED_OUT_PLAN]
        if frame is None or traced_code is None:
            return plan, ()
        try:
            told, values = traced_code.read_call(frame)
        except (KeyError, NameError):  # the call has deleted one
            return plan, ()
        self.charge(values)
        return told if plan is traced_code.plan else plan, values

    def waits(self, record: Record, entry: Record) -> bool:
        """Hold back a failed call until it is known whether its caller becomes a span; say if so.

        The call is delivered when its caller ends, with or without an exception, or with the next
        delivery: most exceptions have been handled by then.

        Args:
            record: of the failed call.
            entry: of its caller.
        """
        plan = entry[SAMPLED_OUT_PLAN]
        if type(plan) is not Plan or entry[INHERITED_ID] != record[PARENT_ID]:
            return False
        if plan.sampling is None or not plan.sampling.keep_errors:
            return False
        extras = entry[EXTRAS] = entry[EXTRAS] or SpanDetails()
        if extras.failed_inside is None:
            extras.failed_inside = deque()
        record[CONTEXT] = None  # as for `RecordBuffer`
        extras.failed_inside.append(record)
        self.waiting.append(extras)  # last: the worker empties what it finds here
        return True

    def deliver_waiting(self) -> None:
        """Deliver what `waits` has held back."""
        while self.waiting:
            self._deliver_failed(self.waiting.pop().failed_inside or deque())

    def forget_waiting(self) -> None:
        """Leave what `waits` holds to the process that this one was forked from."""
        while self.waiting:
            self.waiting.pop().failed_inside = None

    def _deliver_failed(self, records: deque[Record], below: int = 0) -> None:
        while records:
            try:
                record = records.popleft()
            except IndexError:  # the worker and the program empty it at the same moment
                return
            record[PARENT_ID] = below or record[PARENT_ID]
            self._push_or_defer(record)

    @staticmethod
    def _is_kept_for_error(entry: Record, error: BaseException | None) -> bool:
        plan = entry[SAMPLED_OUT_PLAN]
        if error is None or plan is None or not plan.sampling.keep_errors:
            return False
        return ending_of(error, entry[CODE].co_name) is Ending.RAISED

    def _count_kept_error(self, entry: Record) -> None:
        traced_code = self._traced_codes.get(id(entry[CODE]))
        if traced_code is not None and traced_code.sampler is not None:
            traced_code.sampler.counters["kept_error"] += 1

    def resync_to(self, stack: list[Record], code: CodeType) -> Record | None:
        """Bring ``code``'s entry to the top after lost events; None when it has none."""
        for index in range(len(stack) - 1, 0, -1):
            if stack[index][CODE] is code:
                self._finish_lost(stack[index + 1 :])
                del stack[index + 1 :]
                found: Record = stack[index]
                return found
        return None

    def _finish_lost(self, lost: list[Record]) -> None:
        self.lost_ends += sum(entry[HOOK_OFFSET] is not UNPACKING for entry in lost)
        now = self._now()
        for entry in reversed(lost):
            if entry[PLAN] is None:
                self.finish_entry(entry, None)
            else:
                self.finish_open(entry, now, Ending.UNFINISHED)

    def finish_open(self, record: Record, now: int, ending: Ending) -> None:
        """End a record from outside of its function."""
        if record[PLAN] is None or not record[START]:
            return  # a generator that was left out, or whose start found no room
        if record[END]:
            return  # delivered: a generator whose end was lost is found again when collected
        extras = record[EXTRAS]
        if extras is None:
            extras = record[EXTRAS] = SpanDetails()
        extras.ending = ending
        record[END] = max(now, record[START])
        cut(extras)
        if extras.adopted_call is not None:
            extras.adopted_call.record = record
            return
        self._push_or_defer(record)

    def reopen(self, stack: list[Record], record: Record | None) -> None:
        """Undo the end of a call that a signal handler interrupted: an unwind follows."""
        if record is None or record[CODE] is None or record is stack[-1]:
            return
        if record[CONTEXT] is None and record[PLAN] is not None:  # it was delivered
            record = build_unrecorded(record[CODE], NEVER, record[SEGMENT], record[SPAN_ID])
        record[END] = 0
        stack.append(record)

    def defer_end(self, stack: list[Record], record: Record | None, error: BaseException) -> None:
        """Finish later a call whose unwinding a signal handler interrupted."""
        if record is None or record is stack[-1] or record[CODE] is None:
            return
        if record[CONTEXT] is not None and record[PLAN] is not None:
            record[END] = record[END] or self._now()
            self.deferred_ends.append((record, type(error)))

    def finish_cramped(self) -> None:
        """Finish the calls that ended while the stack had no room for it."""
        while self.deferred_ends:
            record, kind = self.deferred_ends.pop()
            if record is None or record[PLAN] is None or not record[END]:
                continue
            extras = record[EXTRAS] = record[EXTRAS] or SpanDetails()
            if kind is not None and extras.exception is None:
                record[RESULT], extras.ending = NOT_CAPTURED, Ending.RAISED
                time_ns = record[END] + record[SEGMENT].wall_offset_ns
                extras.exception = ExceptionRecord(type_name(kind), "", (), time_ns, False)
            self._suspended.forget(record)
            cut(extras)
            if self._is_kept_at_end(record, extras):
                self._push_or_defer(record)

    def _push_or_defer(self, record: Record) -> None:
        """Hand on a finished record that nothing else holds; an interrupt defers it."""
        record[CONTEXT] = False  # anything but None: not delivered yet, see `RecordBuffer`
        try:
            self.push(record)
        except BaseException:
            if record[CONTEXT] is not None:
                self.deferred_ends.append((record, None))
            raise

    def push(self, record: Record) -> None:
        """Hand a finished record to the buffer."""
        buffer = self._buffer
        if len(buffer.records) < buffer.high_watermark:
            record[CONTEXT] = None
            buffer.records.append(record)
        else:
            buffer.overflow(record)

    def charge(self, values: tuple[Captured, ...]) -> None:
        """Count captured values against the buffer's bytes."""
        size = sum(map(weight, values))
        if size:
            self._buffer.charge(size)

    def pop_hook(self, record: Record) -> None:
        """Remove the hook's entry below a record of the same code: both end together."""
        stack = self._stacks.mine()
        if stack and stack[-1][HOOK_MARK] is HOOK and stack[-1][CODE] is record[CODE]:
            self.finish_entry(stack.pop(), None)

    def _read_at_exit(self, record: Record, traced_code: TracedCode, frame: FrameType) -> None:
        extras, plan = record[EXTRAS], traced_code.plan
        if plan.locals and (extras.ending is Ending.RAISED or not plan.locals_on_error):
            _teach(traced_code, traced_code.taught_locals, partial(read_variables, frame))
            values = read_variables(frame, traced_code.shown_locals, NOT_CAPTURED)
            if traced_code.paired_locals:
                values = list(traced_code.without_told(values, traced_code.paired_locals))
            extras.locals = self._captured(values, plan.locals, traced_code)
        if plan.globals:
            read_globals = partial(_read_globals, frame)
            _teach(traced_code, traced_code.taught_globals, read_globals)
            values = read_globals(traced_code.shown_globals, NOT_CAPTURED)
            extras.globals = self._captured(values, plan.globals, traced_code)

    def _captured(
        self, values: list[Any], variables: tuple[Any, ...], traced_code: TracedCode
    ) -> tuple[Any, ...]:
        found = iter(values)
        takes_plain, capture = traced_code.takes_plain, traced_code.capture_quickly
        captured: list[Any] = []
        weighed: list[Any] = []
        for variable in variables:
            if variable.redacted:
                captured.append(REDACTED_NODE)
                continue
            value = next(found)
            if value is not NOT_CAPTURED and not (takes_plain and type(value) is int):
                value = capture(value)
                weighed.append(value)
            captured.append(value)
        if weighed:
            self.charge(tuple(weighed))
        return tuple(captured)

    def describe(
        self, code: CodeType, plan: Plan, segment: TraceOnThread, error: BaseException, now: int
    ) -> tuple[Ending, ExceptionRecord | None]:
        """Return the ending of a call that ``error`` leaves, and what its span records of it."""
        ending = ending_of(error, code.co_name)
        if ending is not Ending.RAISED:
            return ending, None
        inner = leaves_a_traced_frame_inside(read_traceback(error), self._traced_codes.get)
        keeps_event = plan.events is None or plan.events.exceptions
        described = describe_exception(
            error,
            now + segment.wall_offset_ns,
            innermost=keeps_event and not inner,
            with_text=self.takes_text_of_program,
        )
        if plan.fixed_result is REDACTED_NODE:
            described.message = REDACTED
        elif plan.fixed_result is not NOT_CAPTURED:
            described.message = DROPPED
        return ending, described


def _teach(
    traced_code: TracedCode,
    taught: tuple[tuple[str, str], ...],
    read: Callable[[tuple[str, ...], object], list[Any]],
) -> None:
    if taught:
        names = tuple([name for name, _ in taught])
        traced_code.teach(read(names, NOT_CAPTURED), taught)


def _read_globals(frame: FrameType, names: tuple[str, ...], missing: object) -> list[Any]:
    namespace = frame.f_globals
    return [dict.get(namespace, name, missing) for name in names]


def cut(extras: SpanDetails) -> None:
    """Make a handed-out span inert, and end the cycle record -> context -> span -> record."""
    span = extras.span
    if span is not None or extras.as_context is not None:
        extras.is_known = True
    extras.as_context = None
    if span is not None:
        span.finish()
        extras.span = None
