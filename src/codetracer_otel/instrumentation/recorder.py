"""The span recorder in Python: interpreter events in, finished records out."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from codetracer_otel.captured import DROPPED, REDACTED, REDACTED_NODE, weight
from codetracer_otel.instrumentation.exceptions import (
    describe_exception,
    ending_of,
    leaves_a_traced_frame_inside,
)
from codetracer_otel.instrumentation.function_span import FunctionSpan
from codetracer_otel.instrumentation.generators import Suspended
from codetracer_otel.instrumentation.hot_path import build_callbacks
from codetracer_otel.instrumentation.monitoring.api import DISABLE
from codetracer_otel.instrumentation.parents import (
    UNSAMPLED,
    Parents,
    build_base,
    build_unrecorded,
)
from codetracer_otel.instrumentation.reading import read_variables
from codetracer_otel.instrumentation.sites import Site
from codetracer_otel.records import (
    ARGUMENTS,
    CODE,
    CONTEXT,
    END,
    EXTRAS,
    NOT_CAPTURED,
    PLAN,
    RESULT,
    SEGMENT,
    START,
    Ending,
    Extras,
    Record,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from opentelemetry.context import Context

    from codetracer_otel.captured import Captured
    from codetracer_otel.filters.model import WalkRules
    from codetracer_otel.instrumentation.buffer import RecordBuffer
    from codetracer_otel.instrumentation.monitoring.install import Monitor
    from codetracer_otel.instrumentation.plans import PlanBuilder
    from codetracer_otel.ports import Clock


class ThreadStacks(threading.local):
    """``stack`` of the current thread; absent until the thread's first traced call."""

    stack: list[Record]
    handle: StackHandle


class StackHandle:
    """Lets other threads find a stack for as long as its thread lives."""

    __slots__ = ("__weakref__", "stack", "thread_id")

    def __init__(self, stack: list[Record], thread_id: int) -> None:
        self.stack = stack
        self.thread_id = thread_id


class PythonRecorder:
    """The reference implementation of `ports.Recorder`.

    Args:
        monitor: the session's switchboard.
        plans: decides about code objects.
        parents: resolves parents that are not simply the caller.
        buffer: takes finished records.
        read_context: reads OpenTelemetry's context variable.
        next_span_id: source of span ids in wire order.
        clock: time.
        build_capture: returns the value capture for a set of walk rules.
        boundary: is told of every exception in a callback; raises it or returns.
        is_ours: answers whether a file is one of this package.
        silent_close: closing a plain generator goes unreported (CPython 3.13.0).
        exception_text: use ``str(error)``, which is code of the program.
    """

    def __init__(
        self,
        *,
        monitor: Monitor,
        plans: PlanBuilder,
        parents: Parents,
        buffer: RecordBuffer,
        read_context: Callable[[], Context],
        next_span_id: Callable[[], int],
        clock: Clock,
        build_capture: Callable[[WalkRules | None], Callable[[object], Captured]],
        boundary: Callable[[BaseException], None],
        is_ours: Callable[[str], bool],
        silent_close: bool = False,
        exception_text: bool = False,
    ) -> None:
        self.sites: dict[int, Site] = {}
        self.threads = ThreadStacks()
        self.buffer = buffer
        self.monitor = monitor
        self.parents = parents
        self.read_context = read_context
        self.next_span_id = next_span_id
        self.clock = clock
        self.boundary = boundary
        self.suspended = Suspended(clock.monotonic_ns, watches=silent_close)
        self._plans = plans
        self._build_capture = build_capture
        self._captures: dict[int, Callable[[object], Captured]] = {}
        self._walks: list[WalkRules | None] = []
        self._is_ours = is_ours
        self._exception_text = exception_text
        self._handles: weakref.WeakSet[StackHandle] = weakref.WeakSet()
        self._healed = 0
        self._abandoned = 0
        self._lock = threading.Lock()

    def callbacks(self) -> Mapping[str, Callable[..., Any]]:
        """Return event name -> callable; see `hot_path`."""
        return build_callbacks(self)

    def on_unknown(self, code: CodeType, frame: FrameType) -> object:
        """Decide about a code object seen for the first time: a `Site`, or ``DISABLE``."""
        if self._is_ours(code.co_filename):
            return self._skip(code)
        planned = self._plans.build(code, frame)
        if planned is None:
            return self._skip(code)
        site = Site(code, planned, self._capture_for(planned.plan.walk), self._forget(id(code)))
        self.sites[id(code)] = site
        self.monitor.watch(code)
        return site

    def current(self) -> Record | None:
        """Return the innermost recorded call of this thread, or None."""
        stack = getattr(self.threads, "stack", None)
        if stack is None:
            return None
        for record in reversed(stack):
            if record[PLAN] is not None:
                found: Record = record
                return found
        return None

    def build_span(self, record: Record) -> FunctionSpan:
        """Return the OpenTelemetry span that stands for an open record."""
        return FunctionSpan(record, self.clock.monotonic_ns)

    def drain(self, limit: int) -> list[Record]:
        """Take up to ``limit`` finished records, oldest first."""
        for record, collected_ns in self.suspended.take_abandoned():
            self._finish_open(record, collected_ns, Ending.ABANDONED)
            self._abandoned += 1
        return self.buffer.take(limit)

    def stats(self) -> dict[str, Any]:
        """Return the counters, by name."""
        return {
            "dropped_buffer_full": self.buffer.dropped_full,
            "healed_stack_entries": self._healed,
            "abandoned": self._abandoned,
            "code_objects_traced": len(self.sites),
        }

    def close(self) -> None:
        """Finish every open record as unfinished; call it when no event fires any more."""
        with self._lock:
            now = self.clock.monotonic_ns()
            for handle in list(self._handles):
                open_records = handle.stack[1:]
                del handle.stack[1:]
                for record in reversed(open_records):
                    if record[PLAN] is not None:
                        self._finish_open(record, now, Ending.UNFINISHED)
            for record in self.suspended.take_all():
                self._finish_open(record, now, Ending.UNFINISHED)

    def forget_other_threads(self) -> None:
        """Keep only this thread's stack: a forked child has no other thread."""
        mine = getattr(self.threads, "handle", None)
        self._handles = weakref.WeakSet([mine] if mine is not None else [])
        self._lock = threading.Lock()
        self.buffer.clear()

    def mute_this_thread(self) -> None:
        """Record nothing on the calling thread from now on: it is one of ours."""
        self._register([build_base(muted=True)])

    def new_stack(self) -> list[Record]:
        """Give the calling thread its stack."""
        return self._register([build_base()])

    def _register(self, stack: list[Record]) -> list[Record]:
        self.threads.stack = stack
        self.threads.handle = StackHandle(stack, threading.get_ident())
        with self._lock:
            self._handles.add(self.threads.handle)
        return stack

    def begin(self, site: Site, code: CodeType, offset: int, frame: FrameType) -> None:
        """Push the record of a call that needs more than arguments and a return value."""
        stack = self.threads.stack
        below, context = stack[-1], self.read_context()
        segment, parent_id = self.parents.adopt_any(context, below, stack[0])
        if segment is None:
            self.push_unsampled(stack, code, context)
            return
        extras = Extras()
        record: Record = [
            code,
            site.plan,
            self.next_span_id(),
            segment,
            context,
            parent_id,
            site.read_arguments(frame),
            0,
            0,
            NOT_CAPTURED,
            extras,
        ]
        self.charge(record[ARGUMENTS])
        if site.suspends:
            site.start_offset = offset
            replaced = self.suspended.add(frame, record)
            if replaced is not None:
                self._finish_open(replaced, self.clock.monotonic_ns(), Ending.ABANDONED)
        stack.append(record)
        record[START] = extras.resumed_at = self.clock.monotonic_ns()

    def push_unsampled(self, stack: list[Record], code: CodeType, context: Context) -> None:
        """Push an entry below which nothing is recorded while the context stays the same."""
        below = stack[-1]
        entry = build_unrecorded(code, UNSAMPLED, below[SEGMENT], below[2])
        is_muted = below[CONTEXT] is UNSAMPLED and below[ARGUMENTS] is None
        entry[ARGUMENTS] = None if is_muted else context
        stack.append(entry)

    def suspend(self, record: Record, now: int) -> None:
        """Note that a generator or coroutine has handed control out."""
        extras: Extras = record[EXTRAS]
        extras.suspensions += 1
        extras.busy_ns += now - extras.resumed_at
        # A generator follows its consumer; a span held open across the yield stays.
        if record[CONTEXT] is self.read_context():
            record[CONTEXT] = None
            extras.materialised = None

    def resume(self, code: CodeType, frame: FrameType, *, never_started: bool = False) -> None:
        """Push the record of a generator or coroutine that runs again."""
        stack = getattr(self.threads, "stack", None) or self.new_stack()
        record = None if never_started else self.suspended.get(frame, code)
        context = self.read_context()
        if record is None:
            below = stack[-1]
            if below[CONTEXT] is UNSAMPLED:
                self.push_unsampled(stack, code, context)
            else:
                segment = below[SEGMENT]
                stack.append(build_unrecorded(code, below[CONTEXT], segment, below[2]))
            return
        if record[CONTEXT] is None:
            record[CONTEXT] = context
        stack.append(record)
        record[EXTRAS].resumed_at = self.clock.monotonic_ns()

    def finish_extras(self, record: Record, frame: FrameType, now: int) -> None:
        """Complete a record that has extras, as its function ends."""
        extras: Extras = record[EXTRAS]
        if extras.resumed_at:
            site = self.sites.get(id(record[CODE]))
            if site is not None and site.suspends:
                extras.busy_ns += now - extras.resumed_at
                self.suspended.remove(frame, record)
            if site is not None and site.reads_at_exit:
                self._read_at_exit(record, site, frame)
        self._cut(extras)

    def finish_raised(
        self, record: Record, frame: FrameType, error: BaseException, now: int
    ) -> None:
        """Complete a record whose function is left by an exception."""
        extras = record[EXTRAS]
        if extras is None:
            extras = record[EXTRAS] = Extras()
        record[RESULT] = NOT_CAPTURED
        extras.ending = ending_of(error, record[CODE].co_name)
        if extras.ending is Ending.RAISED:
            extras.exception = self._describe(record, error, now)
        self.finish_extras(record, frame, now)

    def heal(self, stack: list[Record], code: CodeType) -> Record | None:
        """Bring ``code``'s entry to the top after lost events; None when it has none."""
        for index in range(len(stack) - 1, 0, -1):
            if stack[index][CODE] is code:
                lost = stack[index + 1 :]
                del stack[index + 1 :]
                self._healed += len(lost)
                now = self.clock.monotonic_ns()
                for record in reversed(lost):
                    if record[PLAN] is not None and not record[END]:
                        self._finish_open(record, now, Ending.UNFINISHED)
                found: Record = stack[index]
                return found
        return None

    def push(self, record: Record) -> None:
        """Hand a finished record to the buffer."""
        buffer = self.buffer
        if len(buffer.records) < buffer.watermark:
            buffer.records.append(record)
        else:
            buffer.overflow(record)

    def charge(self, values: tuple[Captured, ...]) -> None:
        """Count captured values against the buffer's bytes."""
        size = sum(map(weight, values))
        if size:
            self.buffer.charge(size)

    def _skip(self, code: CodeType) -> object:
        self.monitor.skipped(code)
        return DISABLE

    def _capture_for(self, walk: WalkRules | None) -> Callable[[object], Captured]:
        capture = self._captures.get(id(walk))
        if capture is None:
            self._walks.append(walk)  # keeps the id from being reused
            capture = self._captures[id(walk)] = self._build_capture(walk)
        return capture

    def _forget(self, key: int) -> Callable[[weakref.ref[CodeType]], None]:
        sites = self.sites

        def forget(reference: weakref.ref[CodeType]) -> None:
            site = sites.get(key)
            if site is not None and site.reference is reference:
                del sites[key]

        return forget

    def _read_at_exit(self, record: Record, site: Site, frame: FrameType) -> None:
        extras, plan = record[EXTRAS], site.plan
        names = tuple(variable.name for variable in plan.locals)
        extras.locals = self._captured(
            read_variables(frame, names, NOT_CAPTURED), plan.locals, site
        )
        namespace = frame.f_globals
        values = [dict.get(namespace, variable.name, NOT_CAPTURED) for variable in plan.globals]
        extras.globals = self._captured(values, plan.globals, site)

    def _captured(
        self, values: list[Any], variables: tuple[Any, ...], site: Site
    ) -> tuple[Any, ...]:
        captured = tuple(
            NOT_CAPTURED
            if value is NOT_CAPTURED
            else (REDACTED_NODE if variable.redacted else site.capture_quickly(value))
            for value, variable in zip(values, variables, strict=True)
        )
        self.charge(tuple(value for value in captured if value is not NOT_CAPTURED))
        return captured

    def _describe(self, record: Record, error: BaseException, now: int) -> Any:
        inner = leaves_a_traced_frame_inside(error.__traceback__, self.sites.get)
        described = describe_exception(
            error,
            now + record[SEGMENT].wall_offset_ns,
            innermost=not inner,
            with_text=self._exception_text,
        )
        if record[PLAN].fixed_result is REDACTED_NODE:
            described.message = REDACTED
        elif record[PLAN].fixed_result is not NOT_CAPTURED:
            described.message = DROPPED
        return described

    def _finish_open(self, record: Record, now: int, ending: Ending) -> None:
        extras = record[EXTRAS]
        if extras is None:
            extras = record[EXTRAS] = Extras()
        extras.ending = ending
        record[END] = max(now, record[START])
        record[CONTEXT] = None
        self._cut(extras)
        self.push(record)

    @staticmethod
    def _cut(extras: Extras) -> None:
        extras.materialised = None
        span = extras.span
        if span is not None:
            span.finish()
            extras.span = None
