"""The span recorder in Python: interpreter events in, finished records out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.filter_change import OpenCalls
from codetracer_otel.instrumentation.monitoring.api import DISABLE
from codetracer_otel.instrumentation.monitoring.in_flight import CallbacksInFlight
from codetracer_otel.instrumentation.open_calls import unfinished_copies
from codetracer_otel.instrumentation.plan_builder import PlannedCode, module_hint
from codetracer_otel.instrumentation.spans.call_ends import CallEnds, cut
from codetracer_otel.instrumentation.spans.call_starts import Calls
from codetracer_otel.instrumentation.spans.callbacks import build_callbacks
from codetracer_otel.instrumentation.spans.parents import decide_again
from codetracer_otel.instrumentation.spans.readable.current_call import ThreadsCall
from codetracer_otel.instrumentation.spans.readable.function_span import FunctionSpan
from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
from codetracer_otel.instrumentation.spans.thread_stacks import GreenletStacks, Stacks
from codetracer_otel.instrumentation.spans.traced_code import (
    Captures,
    HookCode,
    TracedCode,
    forget_in,
)
from codetracer_otel.instrumentation.values.exceptions import drop_contexts, drop_frames
from codetracer_otel.model.ids import wire_ids
from codetracer_otel.model.record import (
    CODE,
    EXTRAS,
    PLAN,
    RESULT,
    Ending,
    Record,
)
from codetracer_otel.model.record_block import RecordBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    from codetracer_otel.filters.types import WalkRules
    from codetracer_otel.instrumentation.monitoring.tool import Monitor
    from codetracer_otel.instrumentation.plan_builder import PlanBuilder
    from codetracer_otel.instrumentation.spans.parents import Parents
    from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
    from codetracer_otel.instrumentation.spans.sampling import SamplerTable
    from codetracer_otel.model.protocols import CallAdopter, Clock, ContextCarrier
    from codetracer_otel.model.record import Plan, RootSampler
    from codetracer_otel.model.value import Captured


class PythonRecorder:
    """The reference implementation of `SpanRecorder`.

    Args:
        monitor: the session's switchboard.
        plans: decides about code objects.
        samplers: the samplers and event gates of the rules.
        parents: resolves parents that are not simply the caller.
        buffer: takes finished records.
        read_context: reads OpenTelemetry's context variable.
        next_span_id: source of span ids in wire order.
        clock: time.
        build_capture: returns the value capture for a set of walk rules.
        error_boundary: is told of every exception in a callback; raises it or returns.
        is_ours: answers whether a file is one of this package.
        silent_close: closing a plain generator goes unreported (CPython 3.13.0).
        exception_text: use ``str(error)``, which is code of the program.
        stacks: holds the open calls of each thread.
    """

    def __init__(
        self,
        *,
        monitor: Monitor,
        plans: PlanBuilder,
        samplers: SamplerTable,
        parents: Parents,
        buffer: RecordBuffer,
        read_context: Callable[[], Context],
        next_span_id: Callable[[], int],
        clock: Clock,
        build_capture: Callable[[WalkRules | None], Callable[[object], Captured]],
        error_boundary: Callable[[BaseException], None],
        is_ours: Callable[[str], bool],
        silent_close: bool = False,
        exception_text: bool = False,
        stacks: Stacks | None = None,
    ) -> None:
        self.traced_codes: dict[int, TracedCode] = {}
        self.stacks = stacks or Stacks()
        self.buffer = buffer
        self.parents = parents
        self.read_context = read_context
        self.next_span_id = next_span_id
        self.on_new_ids: list[Callable[[Callable[[], int]], None]] = []
        self.clock = clock
        self.error_boundary = self._pass_on
        self._apply_policy = error_boundary
        self.suspended = SuspendedCalls(clock.monotonic_ns, watches=silent_close)
        self.propagation: ContextCarrier | None = None
        self.call_adoption: CallAdopter | None = None
        self.current_call = ThreadsCall(self.stacks, parents, read_context, self.build_span)
        self.ends = CallEnds(
            traced_codes=self.traced_codes,
            stacks=self.stacks,
            suspended=self.suspended,
            buffer=buffer,
            next_span_id=next_span_id,
            clock=clock,
            release=self._release,
            exception_text=exception_text,
        )
        self.calls = Calls(
            stacks=self.stacks,
            suspended=self.suspended,
            parents=parents,
            ends=self.ends,
            read_context=read_context,
            next_span_id=next_span_id,
            clock=clock,
            release=self._release,
        )
        self.in_flight = CallbacksInFlight()
        self.greenlets = GreenletStacks(self.stacks)
        self.stacks.on_new = self.greenlets.watch_this_thread
        self._monitor = monitor
        self._plans = plans
        self.learn = plans.learn
        self._samplers = samplers
        self._captures = Captures(build_capture)
        self.is_ours = is_ours
        self._abandoned = 0
        self._generation = 0  # of the filter
        self._switched_off: dict[int, TracedCode] = {}

    def callbacks(self, depth: int = 1) -> Mapping[str, Callable[..., Any]]:
        """Return event name -> callable; see `callbacks`."""
        callbacks = build_callbacks(self, depth)
        self.in_flight.add(callbacks.values())
        return callbacks

    def carry_with(self, carrier: ContextCarrier) -> None:
        """Let ``carrier`` hand on what is current; before `callbacks`."""
        self.propagation = carrier

    def leave_out(self, code: CodeType) -> object:
        """Record nothing of code that no frame runs, and be asked about it no more.

        Modules of Cython with ``profile=True`` send events for such code: there are no arguments
        to read, and 3.13 sends the end of such a call to nobody but global events.
        """
        self._monitor.skipped(code)
        return DISABLE

    def on_unknown(self, code: CodeType, frame: FrameType) -> object:
        """Decide about a code object seen for the first time: a `TracedCode`, or ``DISABLE``."""
        if self.is_ours(code.co_filename):
            return self._skip(code)
        # Not `stacks.mine`: the compiled core would make records of every open call for that.
        if "greenlet" in sys.modules and hasattr(self.stacks.local, "stack"):
            self.greenlets.watch_this_thread()
        off = self._switched_off.get(id(code))
        if off is not None and off.reference() is code:
            return self._skip(code)
        generation = self._generation
        hook = self._hook_for(code, frame)
        planned = self._plans.build(code, frame)
        if planned is None:
            answer = self._skip(code) if hook is None else self._watch_hook(code, hook, frame)
            # What another filter decided meanwhile would stand until the next one.
            return answer if generation == self._generation else self.on_unknown(code, frame)
        traced_code = self._traced(code, planned)
        if hook is not None:
            traced_code.hook, traced_code.is_special = hook, True
        if self.call_adoption is not None and self.call_adoption.is_marked(code):
            traced_code.call_adoption, traced_code.is_special = self.call_adoption, True
        self._enter(code, traced_code)
        return traced_code if generation == self._generation else self.on_unknown(code, frame)

    def _traced(self, code: CodeType, planned: PlannedCode) -> TracedCode:
        return TracedCode(
            code,
            planned,
            self._captures.of(planned.plan.attribute_rules),
            forget_in(self.traced_codes, id(code), TracedCode.settle_counts),
            self._samplers.sampler_for(planned.plan.sampling),
        )

    def replan(self) -> None:
        """Plan all code anew: the filter is another one. Open calls get the stricter plan.

        Whatever begins meanwhile begins with the new plan, or is open when the others are looked
        for; nothing is recorded without one.
        """
        self._generation += 1
        self._switched_off.clear()
        gone = [
            code
            for traced_code in list(self.traced_codes.values())
            if (code := traced_code.reference()) is not None and not self._plan_again(code)
        ]
        open_calls = [*self.stacks.open_entries(), *self.suspended.all()]
        calls = OpenCalls(self._captures.of, self.learn)
        for entry in open_calls:
            traced_code = self.traced_codes.get(id(entry[CODE]))
            calls.restrict(entry, None if traced_code is None else traced_code.plan)
        still_open = {id(entry[CODE]) for entry in open_calls}
        for code in gone:
            if id(code) not in still_open:
                self._forget(code)
        self._monitor.ask_again()

    def _plan_again(self, code: CodeType) -> bool:
        """Return whether calls of traced code are of interest under the filter of now."""
        old = self.traced_codes[id(code)]
        planned = self._plans.build_again(code, old.module_hint)
        if planned is None:
            # Open calls need it for their ends; see `_forget` for code that has none.
            forget = forget_in(self.traced_codes, id(code), TracedCode.settle_counts)
            stand_in = HookCode(code, old.hook or _do_not_hook, forget, old.module_hint)
            self._enter(code, stand_in)
            return stand_in.hook is not _do_not_hook
        new = self._traced(code, planned)
        new.start_offset = old.start_offset
        new.hook = None if old.hook is _do_not_hook else old.hook
        new.call_adoption = old.call_adoption
        new.is_special = new.is_special or bool(new.hook or new.call_adoption)
        self._enter(code, new)
        return True

    def _forget(self, code: CodeType) -> None:
        """Record nothing of code that was traced before, from its next call on."""
        self.traced_codes.pop(id(code), None)
        self._monitor.unwatch(code)

    def trace_as(self, code: CodeType, plan: Plan) -> None:
        """Record the calls of ``code`` by a plan that no filter has made."""
        planned = PlannedCode(plan, lambda _key: Action.ALLOW, None)
        self._enter(code, self._traced(code, planned))

    def switch_off(self, plan: Plan) -> bool:
        """Record no calls of a plan's code from the next one on; return whether it is so now.

        It is not so while one of them is open: its end would not be told; nor when code has another
        plan by now. What `replan` plans anew is recorded again. Not to be called meanwhile.
        """
        chosen = [
            (code, known)
            for known in list(self.traced_codes.values())
            if known.plan is plan and (code := known.reference()) is not None
        ]
        if not chosen or any(known.hook or known.call_adoption for _, known in chosen):
            return False
        for code, known in chosen:
            # What begins while nobody looks at the open calls is none of them.
            forget = forget_in(self.traced_codes, id(code), TracedCode.settle_counts)
            self._enter(code, HookCode(code, _do_not_hook, forget, known.module_hint))
        open_calls = [*self.stacks.open_entries(), *self.suspended.all()]
        still_open = {id(entry[CODE]) for entry in open_calls}
        if any(id(code) in still_open for code, _ in chosen):
            for code, known in chosen:
                self._enter(code, known)
            return False
        for code, known in chosen:
            self._switched_off[id(code)] = known
            known.settle_counts()
            self._forget(code)
        return True

    def switch_on(self, plan: Plan) -> None:
        """Record the calls of a plan's code again."""
        for key, traced_code in list(self._switched_off.items()):
            code = traced_code.reference()
            if traced_code.plan is plan and code is not None:
                del self._switched_off[key]
                self._enter(code, traced_code)
        self._monitor.ask_again()

    def expect_call(self, code: CodeType, call_adoption: CallAdopter) -> None:
        """Let the calls of ``code`` be claimed from ``call_adoption``, known before or not."""
        self.call_adoption = call_adoption
        traced_code = self.traced_codes.get(id(code))
        if traced_code is not None:
            traced_code.call_adoption, traced_code.is_special = call_adoption, True

    def is_traced(self, code: CodeType) -> bool:
        """Return whether calls of ``code`` are recorded."""
        traced_code = self.traced_codes.get(id(code))
        return traced_code is not None and traced_code.plan is not None

    def _count_traced(self) -> int:
        return sum(traced_code.plan is not None for traced_code in list(self.traced_codes.values()))

    def _pass_on(self, error: BaseException) -> None:
        """Hand an exception of a callback to the policy; what it raises carries no trace of us."""
        try:
            self._apply_policy(error)
        except BaseException as raised:
            try:  # noqa: SIM105 - suppress() is Python code, and there may be no room for it
                self._clean_when_handled(raised)
            except RecursionError:
                pass  # better a frame of ours in a traceback than a lost interrupt
            raise

    def _clean_when_handled(self, raised: BaseException) -> None:
        try:
            drop_contexts(raised, self.is_ours)
            self._monitor.when_handled(raised, lambda handled: drop_frames(handled, self.is_ours))
        except RecursionError:
            raise
        except BaseException as later:  # the next signal already: it is what the program will see
            self._monitor.never_handled(raised)
            self._clean_when_handled(later)
            raise

    def _enter(self, code: CodeType, traced_code: TracedCode) -> TracedCode:
        self._monitor.watch(code)
        self._watch_copies(code)
        self.traced_codes[id(code)] = traced_code  # last: from here on its calls are on the stack
        return traced_code

    def current(self) -> Record | None:
        """Return the innermost recorded call of this thread, or None."""
        return self.stacks.innermost()

    def follow(self, ids: IdGenerator, keeps_root: RootSampler | None) -> None:
        """Take ids and decisions from another source from now on; arguments as for `Parents`.

        Traces that are open go on. What the sampler says about each is what spans of others below
        see: without the flag theirs are not sampled either, as if they had asked it at the root.
        """
        self.next_span_id = self.ends.next_span_id = self.calls.next_span_id = wire_ids(ids)
        for use_ids in self.on_new_ids:
            use_ids(self.next_span_id)
        self.parents.follow(ids, keeps_root)
        if keeps_root is not None:
            decide_again(self.stacks.open_entries(), keeps_root)

    def build_span(self, record: Record) -> FunctionSpan:
        """Return the OpenTelemetry span of an open record."""
        plan = record[PLAN]
        gate, capture = (
            self._samplers.gate_for(plan.events),
            self._captures.of(plan.attribute_rules),
        )
        return FunctionSpan(record, self.clock.monotonic_ns, gate, self.learn, capture)

    def drain(self, limit: int) -> RecordBlock:
        """Take up to ``limit`` finished records, oldest first."""
        has_waived = self.buffer.waive_waits()  # for room, which there is after this alone
        try:
            self._finish_what_waits()
        finally:
            self.buffer.waive_waits(is_waived=has_waived)
        return RecordBlock.of(self.buffer.take(limit))

    def _finish_what_waits(self) -> None:
        self.ends.finish_cramped()
        for record, collected_ns in self.suspended.take_abandoned():
            self._abandoned += 1
            self.ends.finish_open(record, collected_ns, Ending.ABANDONED)
        self.ends.deliver_waiting()

    @property
    def waiting(self) -> int:
        """How many finished records wait to be drained."""
        return len(self.buffer.records)

    def copy_open_calls(self) -> tuple[list[Record], int]:
        """Return the open calls as unfinished, and how many that ended before wait to be drained.

        The calls themselves go on, and may be suspended or resumed while they are copied. Those of
        one stack come innermost first.
        """
        self._take_in_open_calls()
        entries = [*reversed(self.stacks.open_entries()), *self.suspended.all()]
        copies = unfinished_copies(entries, self.clock.monotonic_ns())
        return copies, self.waiting

    def _take_in_open_calls(self) -> None:
        """Make records of the open calls that are none: here all are."""

    def stats(self) -> dict[str, Any]:
        """Return the counters, by name."""
        return {
            "dropped_buffer_full": self.buffer.dropped_full,
            "queue_depth": self.waiting,
            "queue_bytes": self.buffer.size,
            "healed_stack_entries": self.ends.lost_ends,
            "abandoned": self._abandoned,
            "code_objects_traced": self._count_traced(),
            "sampling": self._samplers.stats(self.traced_codes.values()),
        }

    def close(self) -> None:
        """Finish every open record as unfinished; call it when no event fires any more."""
        self.in_flight.wait()
        self.ends.finish_cramped()
        now = self.clock.monotonic_ns()
        for entry in self.stacks.take_open():
            if entry[PLAN] is None:
                self.ends.finish_entry(entry, None)
            else:
                self.suspended.forget(entry)
                self.ends.finish_open(entry, now, Ending.UNFINISHED)
        for record in self.suspended.take_all():
            self.ends.finish_open(record, now, Ending.UNFINISHED)
        if self._monitor.tool_id < 0:
            self.greenlets.close()

    def wake_with_next(self) -> None:
        """Have the worker woken with the next record."""
        self.buffer.wake_with_next()

    def begin_in_forked_child(self) -> None:
        """Keep this thread's open calls as parents only: the other process delivers them."""
        self.stacks.forget_other_threads()
        mine = self.stacks.mine() or []
        for record in (*mine[1:], *self.suspended.take_all()):
            if record[PLAN] is not None:
                record[PLAN] = record[RESULT] = None
                if record[EXTRAS] is not None:
                    cut(record[EXTRAS])
        self.ends.forget_waiting()
        self.buffer.clear()

    def view_this_thread(self) -> Callable[[], list[Record]]:
        """Return what gives the open calls of the calling thread, to be called on any thread."""
        return self.stacks.view_mine()

    def mute_this_thread(self) -> None:
        """Record nothing on the calling thread from now on: it is one of ours."""
        self.stacks.new(muted=True)
        self.buffer.waive_waits()  # a call may end here: generators are closed by any collection

    def _skip(self, code: CodeType) -> object:
        self._watch_copies(code)
        self._monitor.skipped(code)
        return DISABLE

    def _watch_copies(self, code: CodeType) -> None:
        if self.propagation is not None and self.propagation.names_a_copier(code):
            self._monitor.add_events(code, ("CALL",))
            if self.propagation.watches_instructions(code):
                self._monitor.add_events(code, ("INSTRUCTION",))

    def _hook_for(self, code: CodeType, frame: FrameType) -> Any:
        return None if self.propagation is None else self.propagation.hook_for(code, frame)

    def _watch_hook(self, code: CodeType, hook: Any, frame: FrameType) -> TracedCode:
        forget = forget_in(self.traced_codes, id(code), TracedCode.settle_counts)
        return self._enter(code, HookCode(code, hook, forget, module_hint(frame)))

    def _release(self, entry: Record) -> None:
        if self.propagation is not None and entry[EXTRAS] is not None:
            self.propagation.detach(entry)


def _do_not_hook(_code: CodeType, _frame: FrameType) -> bool:
    return False
