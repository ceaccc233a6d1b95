"""The step recorder: calls, lines with their variables, and returns of each thread, in order."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Threads, Time
from codetracer_otel.instrumentation.monitoring.api import DISABLE
from codetracer_otel.instrumentation.monitoring.in_flight import CallbacksInFlight
from codetracer_otel.instrumentation.spans.traced_code import Captures, forget_in
from codetracer_otel.instrumentation.steps.callbacks import build_step_callbacks
from codetracer_otel.instrumentation.steps.thread_steps import (
    Guard,
    LocalSteps,
    ThreadSteps,
    unfinished_output,
)
from codetracer_otel.instrumentation.steps.traced_code import SteppedCode, Suspended
from codetracer_otel.instrumentation.steps.value_changes import StepBudget
from codetracer_otel.model.step_entries import CALL, CLOSE, END, OUTPUT, count_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from codetracer_otel.filters.types import WalkRules
    from codetracer_otel.instrumentation.monitoring.tool import Monitor
    from codetracer_otel.instrumentation.plan_builder import PlanBuilder
    from codetracer_otel.instrumentation.steps.line_events import LineEvents
    from codetracer_otel.model.step_entries import Entry
    from codetracer_otel.model.value import Captured

HOME_THREAD: Final = 1

_WAIT_S: Final = 0.0005
_GIVE_UP_S: Final = 10.0
_MAX_SUSPENDED: Final = 10_000


class StepRecorder:
    """Records the steps of every selected function.

    Args:
        monitor: a switchboard of its own.
        plans: decides about code objects.
        build_capture: returns the value capture for a set of walk rules.
        error_boundary: is told of every exception in a callback; raises it or returns.
        is_ours: answers whether a file is one of this package.
        max_entries: of a thread that wait; it then waits for the delivery.
        max_bytes: of captured values that wait, over all threads.
        exception_text: use ``str(error)``, which is code of the program.
        line_events: makes span events of lines where a rule asks for them, or None.

    Attributes:
        local: the calling thread's; the callbacks read ``local.steps`` without a call.
        wake: asks for a delivery; set by who delivers.
        on_root: called as a thread's outermost call begins, or None; set before `callbacks`.
        is_delivering: somebody takes the entries, so waiting for room makes sense.
        stalled_ns: how long the program's threads waited for room.
        suspended: what is known of generators and coroutines that wait.
    """

    def __init__(
        self,
        *,
        monitor: Monitor,
        plans: PlanBuilder,
        build_capture: Callable[[WalkRules | None], Callable[[object], Captured]],
        error_boundary: Callable[[BaseException], None],
        is_ours: Callable[[str], bool],
        max_entries: int = 8192,
        max_bytes: int = 8 * 1024 * 1024,
        exception_text: bool = False,
        line_events: LineEvents | None = None,
    ) -> None:
        self.monitor = monitor
        self.traced_codes: dict[int, SteppedCode] = {}
        self.local = LocalSteps()
        self.error_boundary = error_boundary
        self.is_ours = is_ours
        self.budget = StepBudget()
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.exception_text = exception_text
        self.line_events = line_events
        self.wake: Callable[[], None] = lambda: None
        self.on_root: Callable[[], None] | None = None
        self.is_delivering = False
        self.stalled_ns = 0
        self.lost_ends = 0
        self.lost_calls = 0
        self.suspended: dict[int, Suspended] = {}
        self._in_flight = CallbacksInFlight()
        self._plans = plans
        self._captures = Captures(build_capture)
        self._threads: list[ThreadSteps] = []
        self._numbers = HOME_THREAD
        self._lock = Threads.allocate_lock()
        self._begin_here()

    def callbacks(self, depth: int = 1) -> Mapping[str, Callable[..., Any]]:
        """Return event name -> callable; see `callbacks`."""
        callbacks = build_step_callbacks(self, depth)
        self._in_flight.add(callbacks.values())
        return callbacks

    def leave_out(self, code: CodeType) -> object:
        """Record nothing of code that no frame runs, see `PythonRecorder.leave_out`."""
        self.monitor.skipped(code)
        return DISABLE

    def on_unknown(self, code: CodeType, frame: FrameType) -> object:
        """Decide about a code object seen for the first time: a `SteppedCode`, or ``DISABLE``."""
        planned = None if self.is_ours(code.co_filename) else self._plans.build(code, frame)
        if planned is None:
            self.monitor.skipped(code)
            return DISABLE
        capture = self._captures.of(planned.plan.attribute_rules)
        traced_code = SteppedCode(
            code, planned, capture, self.budget, forget_in(self.traced_codes, id(code))
        )
        if self.line_events is not None:
            traced_code.line_events = self.line_events.for_plan(planned.plan)
        self.traced_codes[id(code)] = traced_code
        self.monitor.watch(code)
        return traced_code

    def new_thread(self) -> ThreadSteps:
        """Begin the recording of the calling thread."""
        with self._lock:
            self._numbers += 1
            steps = ThreadSteps(self._numbers)
            self._threads.append(steps)
        self._adopt(steps)
        return steps

    def mute_this_thread(self) -> None:
        """Record nothing on the calling thread from now on: it is one of ours."""
        self.local.steps = ThreadSteps(0, is_muted=True)

    def add_output(self, stream: str, text: str, file: str, line: int) -> None:
        """Take note of what the calling thread writes or reads on a standard stream."""
        steps = getattr(self.local, "steps", None)
        if steps is None:
            steps = self._threads[0]  # it runs no traced code; any place is as good
        if not steps.is_muted:
            steps.entries.append((OUTPUT, stream, text, file, line))
            if len(steps.entries) >= self.max_entries:
                self.wait_for_room(steps)

    def add_output_of_others(self, stream: str, text: str) -> None:
        """Take note of output whose writer is not known, on the thread that began the session."""
        if self._threads:
            self._threads[0].entries.append((OUTPUT, stream, text, "", 0))

    def wait_for_room(self, steps: ThreadSteps) -> None:
        """Let the delivery catch up: entries are never dropped.

        The waiting is done in C, so that neither the end of the stack nor a signal can come
        between half-written entries.
        """
        begun = Time.monotonic_ns()
        self.wake()
        limit = begun + int(_GIVE_UP_S * 1e9)
        while self.is_delivering and self._is_full(steps):
            Time.sleep(_WAIT_S)
            if Time.monotonic_ns() > limit:
                self.is_delivering = False
                raise TimeoutError(f"the recorded steps were not written for {_GIVE_UP_S:.0f} s")
        self.stalled_ns += Time.monotonic_ns() - begun
        if not self.is_delivering:
            self._lose(steps)

    def wake_with_next(self) -> None:
        """Ask for a delivery with the next step, not before."""
        self.budget.bytes = self.max_bytes + 1

    def drain(self, take: Callable[[int, list[Entry]], None], *, is_last: bool = False) -> None:
        """Hand the entries of every thread to ``take``, by thread number.

        Args:
            take: called with a thread's number and its next entries.
            is_last: leave nothing, not even the beginning of a line of output.
        """
        self.budget.bytes = 0
        for steps in list(self._threads):
            count = len(steps.entries)
            if not is_last:
                count -= unfinished_output(steps)
            if count:
                entries = steps.entries[:count]
                del steps.entries[:count]
                try:
                    take(steps.number, entries)
                except BaseException:
                    self.lost_calls += count_calls(entries)
                    raise

    def give_up(self) -> None:
        """Count the calls that were not taken as lost."""
        for steps in list(self._threads):
            self._lose(steps)

    def _lose(self, steps: ThreadSteps) -> None:
        self.lost_calls += count_calls(steps.entries)
        steps.entries.clear()

    def take_ended_threads(self) -> list[int]:
        """Forget the threads that have ended and left nothing behind; return their numbers."""
        with self._lock:
            ended = [steps for steps in self._threads if not steps.is_alive and not steps.entries]
            for steps in ended:
                if steps.number != HOME_THREAD:
                    self._threads.remove(steps)
        return [steps.number for steps in ended]

    def close(self) -> None:
        """End every open call as unfinished; call it when no event fires any more."""
        self._in_flight.wait()
        for steps in list(self._threads):
            del steps.stack[1:]
            steps.entries.append((CLOSE,))

    def keep_suspended(self, frame_id: int, frame: list[Any]) -> None:
        """Keep what is known of a suspended frame, by the id of its frame object."""
        if len(self.suspended) >= _MAX_SUSPENDED:  # not every end of a generator is told
            self.suspended.clear()
        self.suspended[frame_id] = frame[1], frame[2]

    def resync_to(self, steps: ThreadSteps, code: CodeType) -> list[Any] | None:
        """Bring ``code``'s call to the top after lost events; None when it has none."""
        stack = steps.stack
        for index in range(len(stack) - 1, 0, -1):
            if stack[index][0] is code:
                lost = len(stack) - index - 1
                del stack[index + 1 :]
                steps.entries.extend([(END,)] * lost)
                self.lost_ends += lost
                found: list[Any] = stack[index]
                return found
        return None

    def restart_in_child(self) -> None:
        """Begin anew in a forked child: its open calls begin once more, without arguments."""
        mine = getattr(self.local, "steps", None)
        stack = mine.stack if mine is not None and not mine.is_muted else []
        self._lock = Threads.allocate_lock()
        self._threads.clear()
        self._numbers = HOME_THREAD
        self.lost_calls = 0  # those are the parent's
        steps = self._begin_here()
        for frame in stack[1:]:
            code, traced_code = frame[:2]
            steps.stack.append(traced_code.enter(code, (traced_code, None)))
            steps.entries.append((CALL, traced_code.plan, None, None))

    def is_traced(self, code: CodeType) -> bool:
        """Return whether the lines of ``code`` are recorded."""
        return id(code) in self.traced_codes

    def stats(self) -> dict[str, int]:
        """Return the counters, by name."""
        return {
            "native_stall_ms": self.stalled_ns // 1_000_000,
            "code_objects_stepped": len(self.traced_codes),
            "healed_stack_entries": self.lost_ends,
        }

    def _begin_here(self) -> ThreadSteps:
        steps = ThreadSteps(HOME_THREAD)
        self._threads.append(steps)
        self._adopt(steps)
        return steps

    def _adopt(self, steps: ThreadSteps) -> None:
        guard = Guard()
        steps.guard = weakref.ref(guard)
        self.local.guard = guard
        self.local.steps = steps

    def _is_full(self, steps: ThreadSteps) -> bool:
        return len(steps.entries) >= self.max_entries or self.budget.bytes > self.max_bytes
