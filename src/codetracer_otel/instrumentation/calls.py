"""Calls that need more than arguments and a return value, and the ends of all calls but the plain.

Suspension, sampling with an open fate, exceptions, locals at exit, lost events: what `hot_path`'s
flat callbacks hand on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.captured import DROPPED, REDACTED, REDACTED_NODE, weight
from codetracer_otel.instrumentation.exceptions import (
    describe_exception,
    ending_of,
    leaves_a_traced_frame_inside,
    read_traceback,
    type_name,
)
from codetracer_otel.instrumentation.parents import (
    HOOK,
    NEVER,
    TENTATIVE,
    UNSAMPLED,
    build_unrecorded,
)
from codetracer_otel.instrumentation.reading import read_variables
from codetracer_otel.records import (
    ARGUMENTS,
    CODE,
    CONTEXT,
    END,
    EXTRAS,
    NOT_CAPTURED,
    PARENT_ID,
    PLAN,
    RESULT,
    SEGMENT,
    SPAN_ID,
    START,
    Ending,
    ExceptionRecord,
    Extras,
    Record,
    Segment,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from opentelemetry.context import Context

    from codetracer_otel.captured import Captured
    from codetracer_otel.instrumentation.buffer import RecordBuffer
    from codetracer_otel.instrumentation.generators import Suspended
    from codetracer_otel.instrumentation.parents import Parents
    from codetracer_otel.instrumentation.sites import Site
    from codetracer_otel.instrumentation.stacks import Stacks
    from codetracer_otel.ports import Clock


# What a suspended generator whose fate is open holds as context: its consumer's, once it resumes.
_FOLLOWS: Final = object()


class Calls:
    """Begins, suspends, resumes and ends calls.

    Args:
        sites: traced code by ``id(code)``.
        stacks: the open calls of each thread.
        suspended: started and unfinished generators and coroutines.
        parents: resolves parents.
        buffer: takes finished records.
        read_context: reads OpenTelemetry's context variable.
        next_span_id: source of span ids in wire order.
        clock: time.
        release: undoes what a hook attached, as its entry leaves the stack.
        exception_text: use ``str(error)``, which is code of the program.
    """

    def __init__(
        self,
        *,
        sites: dict[int, Site],
        stacks: Stacks,
        suspended: Suspended,
        parents: Parents,
        buffer: RecordBuffer,
        read_context: Callable[[], Context],
        next_span_id: Callable[[], int],
        clock: Clock,
        release: Callable[[Record], None],
        exception_text: bool,
    ) -> None:
        self.healed = 0
        self.cramped: list[tuple[Record | None, type | None]] = []
        self._sites = sites
        self._stacks = stacks
        self._suspended = suspended
        self._parents = parents
        self._buffer = buffer
        self._read_context = read_context
        self._next_span_id = next_span_id
        self._now = clock.monotonic_ns
        self._release = release
        self._exception_text = exception_text

    def begin(self, site: Site, code: CodeType, offset: int, frame: FrameType) -> None:
        """Push the entry of a call with some feature beyond arguments and a return value."""
        if site.hook is None:
            self._begin_call(self._stacks.mine_or_new(), site, code, offset, frame)
        else:
            self._begin_hooked(site, code, offset, frame)

    def _begin_hooked(self, site: Site, code: CodeType, offset: int, frame: FrameType) -> None:
        stack = self._stacks.mine_or_new()
        site.hook(code, frame)
        if site.plan is None:
            return
        self._begin_call(stack, site, code, offset, frame)
        extras = stack[-1][EXTRAS] = stack[-1][EXTRAS] or Extras()
        extras.is_hooked = True

    def _begin_call(
        self, stack: list[Record], site: Site, code: CodeType, offset: int, frame: FrameType
    ) -> None:
        below, context = stack[-1], self._read_context()
        if context is below[CONTEXT]:
            segment, parent_id = below[SEGMENT], below[SPAN_ID]
        else:
            segment, parent_id = self._parents.adopt(context, below, stack[0])
            if segment is None:
                self.push_unsampled(stack, code, context)
                return
        claim = None if site.claims is None else site.claims.take(code)
        if claim is not None:
            self._begin_claimed(
                stack, site, code, (offset, frame, context, segment, parent_id), claim
            )
            return
        extras = Extras()
        if site.plan.root:
            segment, parent_id, links = self._parents.new_linked_root(segment, parent_id, stack[0])
            extras.links = links
        calls_before, site.seen = site.seen, site.seen + 1
        sampler = site.sampler
        if sampler is not None and not sampler.keeps(segment.trace_id, calls_before):
            self._leave_out(stack, site, code, frame, (context, segment, parent_id))
            return
        values = site.read_arguments(frame)
        record: Record = [
            code,
            site.plan,
            self._next_span_id(),
            segment,
            context,
            parent_id,
            values,
            0,
            0,
            NOT_CAPTURED,
            extras,
        ]
        if values:
            self.charge(values)
        if sampler is not None or below[CONTEXT] is TENTATIVE:
            self._settle_fate(record, below, site, calls_before)
        if site.suspends:
            site.start_offset = offset
            self._suspend_under(frame, record)
        record[START] = extras.resumed_at = self._now()
        stack.append(record)

    def _leave_out(
        self,
        stack: list[Record],
        site: Site,
        code: CodeType,
        frame: FrameType,
        adopted: tuple[Context, Segment, int],
    ) -> None:
        entry = build_left_out(site, code, self._now())
        if site.suspends:
            self._suspend_under(frame, entry)
        self._push_left_out(stack, entry, adopted)

    def _begin_claimed(
        self, stack: list[Record], site: Site, code: CodeType, call: tuple[Any, ...], claim: Any
    ) -> None:
        """Push a record that captures values for the hand-written span which is its parent."""
        offset, frame, context, segment, parent_id = call
        extras = Extras()
        extras.claim = claim
        values = site.read_arguments(frame)
        record: Record = [
            code,
            site.plan,
            parent_id,
            segment,
            context,
            parent_id,
            values,
            0,
            0,
            NOT_CAPTURED,
            extras,
        ]
        if site.suspends:
            site.start_offset = offset
            self._suspend_under(frame, record)
        record[START] = extras.resumed_at = self._now()
        stack.append(record)

    def _settle_fate(self, record: Record, below: Record, site: Site, calls_before: int) -> None:
        """Decide whether the record is kept for sure, and tell an open ancestor if so."""
        sampling, extras = site.plan.sampling, record[EXTRAS]
        extras.below = below if below[CONTEXT] is TENTATIVE else None
        if sampling is not None and calls_before < sampling.first:
            extras.sampling_ratio = 1.0
        elif sampling is not None and sampling.min_duration_ns:
            extras.context = record[CONTEXT]
            record[CONTEXT] = TENTATIVE
            return
        self.keep(extras.below)

    def keep(self, entry: Record | None) -> None:
        """Settle an open fate: something that is kept hangs on ``entry``'s ids."""
        while entry is not None and entry[CONTEXT] is TENTATIVE:
            extras: Extras = entry[EXTRAS]
            extras.is_kept = True
            entry[CONTEXT] = None if extras.context is _FOLLOWS else extras.context
            extras.context = None
            entry, extras.below = extras.below, None

    def _push_left_out(
        self, stack: list[Record], entry: Record, adopted: tuple[Context, Segment, int]
    ) -> None:
        below = stack[-1]
        entry[CONTEXT], entry[SEGMENT], entry[SPAN_ID] = adopted
        entry[PARENT_ID] = entry[SPAN_ID]
        if below[CONTEXT] is TENTATIVE:
            entry[EXTRAS] = extras = entry[EXTRAS] or Extras()
            extras.context, extras.below = adopted[0], below
            entry[CONTEXT] = TENTATIVE
        stack.append(entry)

    def push_unsampled(self, stack: list[Record], code: CodeType, context: Context) -> None:
        """Push an entry below which nothing is recorded while the context stays the same."""
        below = stack[-1]
        entry = build_unrecorded(code, UNSAMPLED, below[SEGMENT], below[SPAN_ID])
        is_muted = below[CONTEXT] is UNSAMPLED and below[ARGUMENTS] is None
        entry[ARGUMENTS] = None if is_muted else context
        stack.append(entry)

    def _suspend_under(self, frame: FrameType, record: Record) -> None:
        replaced = self._suspended.add(frame, record)
        if replaced is not None:
            self.finish_open(replaced, self._now(), Ending.ABANDONED)

    def suspend(self, record: Record, now: int) -> None:
        """Note that a generator or coroutine has handed control out."""
        if record[PLAN] is None:
            self._release(record)
            if record[START] is not HOOK:
                self._pop_hook(record)
            return
        extras: Extras = record[EXTRAS]
        extras.suspensions += 1
        extras.busy_ns += now - extras.resumed_at
        # A generator follows its consumer; a span held open across the yield stays.
        context = self._read_context()
        if record[CONTEXT] is context:
            record[CONTEXT] = None
            extras.materialised = None
        elif record[CONTEXT] is TENTATIVE and extras.context is context:
            extras.context = _FOLLOWS
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
        elif record[EXTRAS].context is _FOLLOWS:
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
            self.keep(below if below[CONTEXT] is TENTATIVE else None)
            stack.append(build_unrecorded(code, context, segment, parent_id))

    def finish_extras(self, record: Record, frame: FrameType, now: int) -> bool:
        """Complete a record that has extras, as its function ends; return whether it is kept."""
        extras: Extras = record[EXTRAS]
        site = self._sites.get(id(record[CODE]))
        if site is not None:
            if site.suspends:
                extras.busy_ns += now - extras.resumed_at
                self._suspended.remove(frame, record)
            if site.reads_at_exit:
                self._read_at_exit(record, site, frame)
            if extras.is_hooked:
                self._pop_hook(record)
        cut(extras)
        if extras.claim is not None:
            extras.claim.record = record
            return False
        return extras.context is None or self._is_kept_at_end(record, extras)

    def _is_kept_at_end(self, record: Record, extras: Extras) -> bool:
        sampling = record[PLAN].sampling
        if extras.context is None or sampling is None:
            return True
        extras.context = None
        raised = extras.ending is Ending.RAISED and sampling.keep_errors
        if not raised and record[END] - record[START] < sampling.min_duration_ns:
            site = self._sites.get(id(record[CODE]))
            if site is not None and site.sampler is not None:
                site.sampler.counters["dropped_duration"] += 1
            return False
        self.keep(extras.below)
        extras.below = None
        return True

    def finish_raised(
        self, record: Record, frame: FrameType, error: BaseException, now: int
    ) -> bool:
        """Complete a record whose function is left by an exception; return whether it is kept."""
        extras = record[EXTRAS]
        if extras is None:
            extras = record[EXTRAS] = Extras()
        record[RESULT] = NOT_CAPTURED
        extras.ending = ending_of(error, record[CODE].co_name)
        if extras.ending is Ending.RAISED:
            extras.exception = self._describe(record, error, now)
        return self.finish_extras(record, frame, now)

    def finish_entry(self, entry: Record, error: BaseException | None) -> bool:
        """End an entry that is no record; return whether an error makes it one.

        A call that sampling left out becomes a span after all when an exception leaves it: with
        times, ids and the exception, but without arguments.
        """
        extras: Extras | None = entry[EXTRAS]
        if extras is not None and extras.token is not None:
            self._release(entry)
        if not self._is_kept_for_error(entry, error):
            if entry[START] is not HOOK and extras is not None:
                self._suspended.forget(entry)
                self._pop_hook(entry)
            return False
        self._count_kept_error(entry)
        self.keep(extras.below if extras is not None else None)
        entry[PLAN], entry[SPAN_ID] = entry[RESULT], self._next_span_id()
        entry[EXTRAS] = extras = Extras()
        extras.sampling_ratio = 1.0
        return True

    @staticmethod
    def _is_kept_for_error(entry: Record, error: BaseException | None) -> bool:
        plan = entry[RESULT]
        if error is None or plan is None or not plan.sampling.keep_errors:
            return False
        return ending_of(error, entry[CODE].co_name) is Ending.RAISED

    def _count_kept_error(self, entry: Record) -> None:
        site = self._sites.get(id(entry[CODE]))
        if site is not None and site.sampler is not None:
            site.sampler.counters["kept_error"] += 1

    def heal(self, stack: list[Record], code: CodeType) -> Record | None:
        """Bring ``code``'s entry to the top after lost events; None when it has none."""
        for index in range(len(stack) - 1, 0, -1):
            if stack[index][CODE] is code:
                self._finish_lost(stack[index + 1 :])
                del stack[index + 1 :]
                found: Record = stack[index]
                return found
        return None

    def _finish_lost(self, lost: list[Record]) -> None:
        self.healed += len(lost)
        now = self._now()
        for entry in reversed(lost):
            if entry[PLAN] is None:
                self.finish_entry(entry, None)
            elif not entry[END]:
                self.finish_open(entry, now, Ending.UNFINISHED)

    def finish_open(self, record: Record, now: int, ending: Ending) -> None:
        """End a record from outside of its function."""
        if record[PLAN] is None or not record[START]:
            return  # a generator that was left out, or whose start found no room
        extras = record[EXTRAS]
        if extras is None:
            extras = record[EXTRAS] = Extras()
        extras.ending = ending
        record[END] = max(now, record[START])
        record[CONTEXT] = None
        cut(extras)
        if extras.claim is not None:
            extras.claim.record = record
            return
        self.push(record)

    def put_back(self, stack: list[Record], record: Record | None) -> None:
        """Make the end of a call undone that a signal's handler broke off: an unwind follows."""
        if record is None or record[CODE] is None or record is stack[-1]:
            return
        if record[CONTEXT] is None and record[PLAN] is not None:  # it was delivered
            record = build_unrecorded(record[CODE], NEVER, record[SEGMENT], record[SPAN_ID])
        record[END] = 0
        stack.append(record)

    def save(self, stack: list[Record], record: Record | None, error: BaseException) -> None:
        """Finish a call later whose unwinding a signal's handler broke off."""
        if record is None or record is stack[-1] or record[CODE] is None:
            return
        if record[CONTEXT] is not None and record[PLAN] is not None:
            record[END] = record[END] or self._now()
            self.cramped.append((record, type(error)))

    def finish_cramped(self) -> None:
        """Finish what ended where the stack left no room to do it."""
        while self.cramped:
            record, kind = self.cramped.pop()
            if record is None or record[PLAN] is None or not record[END]:
                continue
            extras = record[EXTRAS] = record[EXTRAS] or Extras()
            if kind is not None and extras.exception is None:
                record[RESULT], extras.ending = NOT_CAPTURED, Ending.RAISED
                time_ns = record[END] + record[SEGMENT].wall_offset_ns
                extras.exception = ExceptionRecord(type_name(kind), "", (), time_ns, False)
            self._suspended.forget(record)
            cut(extras)
            if self._is_kept_at_end(record, extras):
                record[CONTEXT] = None
                self.push(record)

    def push(self, record: Record) -> None:
        """Hand a finished record to the buffer."""
        buffer = self._buffer
        if len(buffer.records) < buffer.watermark:
            buffer.records.append(record)
        else:
            buffer.overflow(record)

    def charge(self, values: tuple[Captured, ...]) -> None:
        """Count captured values against the buffer's bytes."""
        size = sum(map(weight, values))
        if size:
            self._buffer.charge(size)

    def _pop_hook(self, record: Record) -> None:
        """Remove the hook's entry below a record of the same code: both end together."""
        stack = self._stacks.mine()
        if stack and stack[-1][START] is HOOK and stack[-1][CODE] is record[CODE]:
            self.finish_entry(stack.pop(), None)

    def _read_at_exit(self, record: Record, site: Site, frame: FrameType) -> None:
        extras, plan = record[EXTRAS], site.plan
        values = read_variables(frame, site.shown_locals, NOT_CAPTURED)
        extras.locals = self._captured(values, plan.locals, site)
        if plan.globals:
            namespace = frame.f_globals
            values = [dict.get(namespace, name, NOT_CAPTURED) for name in site.shown_globals]
            extras.globals = self._captured(values, plan.globals, site)

    def _captured(
        self, values: list[Any], variables: tuple[Any, ...], site: Site
    ) -> tuple[Any, ...]:
        found = iter(values)
        takes_plain, capture = site.takes_plain, site.capture_quickly
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

    def _describe(self, record: Record, error: BaseException, now: int) -> Any:
        inner = leaves_a_traced_frame_inside(read_traceback(error), self._sites.get)
        plan = record[PLAN]
        keeps_event = plan.events is None or plan.events.exceptions
        described = describe_exception(
            error,
            now + record[SEGMENT].wall_offset_ns,
            innermost=keeps_event and not inner,
            with_text=self._exception_text,
        )
        if plan.fixed_result is REDACTED_NODE:
            described.message = REDACTED
        elif plan.fixed_result is not NOT_CAPTURED:
            described.message = DROPPED
        return described


def build_left_out(site: Site, code: CodeType, now: int) -> Record:
    """Return the entry of a call that sampling leaves out, unless an exception leaves it."""
    entry = build_unrecorded(code, None, None, 0)
    entry[ARGUMENTS], entry[START], entry[END], entry[RESULT] = (), now, 0, site.plan
    if site.suspends:
        entry[EXTRAS] = Extras()
    return entry


def cut(extras: Extras) -> None:
    """Make a handed-out span inert, and end the cycle record -> context -> span -> record."""
    extras.materialised = None
    span = extras.span
    if span is not None:
        span.finish()
        extras.span = None
