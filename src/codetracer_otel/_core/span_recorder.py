"""The span recorder that keeps plain calls in compiled code; the Python one does the rest."""

from __future__ import annotations

import sys
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from codetracer_otel._core.class_forms import build_class_forms
from codetracer_otel._core.record_block import CompiledBlock
from codetracer_otel._core.verdicts import NameVerdicts
from codetracer_otel.bindings import Os, Time
from codetracer_otel.filters.secrets.scan_tables import scan_tables
from codetracer_otel.instrumentation.context.runtime_context import span_key
from codetracer_otel.instrumentation.spans.parents import NEVER, UNDECIDED
from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
from codetracer_otel.instrumentation.spans.recorder import PythonRecorder
from codetracer_otel.instrumentation.spans.thread_stacks import Stacks
from codetracer_otel.instrumentation.values.exceptions import drop_frames, read_traceback
from codetracer_otel.instrumentation.values.objects.fields import wants_nothing
from codetracer_otel.model.ids import gives_random_ids
from codetracer_otel.model.record import (
    NOT_CAPTURED,
    Ending,
    ExceptionRecord,
    SpanDetails,
    TraceOnThread,
)
from codetracer_otel.model.value import REDACTED_NODE, Node, NodeKind
from codetracer_otel.own_code import FOLDER, is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import ContextVar
    from types import CodeType

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    from codetracer_otel.filters.types import LearnedTexts, WalkRules
    from codetracer_otel.instrumentation.spans.thread_stacks import StackHandle
    from codetracer_otel.instrumentation.spans.traced_code import TracedCode
    from codetracer_otel.instrumentation.values.limits import ValueLimits
    from codetracer_otel.instrumentation.values.objects.fields import Wanted
    from codetracer_otel.model.protocols import CallAdopter
    from codetracer_otel.model.record import Plan, Record, RootSampler
    from codetracer_otel.model.record_block import RecordBlock

    Walk = tuple[dict[str, int] | None, Callable[[str], None] | None]


_frame_of = sys._getframe  # noqa: SLF001 - the documented way to the caller's frame


class CompiledBuffer(RecordBuffer):
    """A record buffer whose records are bytes until they are taken.

    Args:
        native: the extension module.
        bounds: as for `RecordBuffer`.
    """

    def __init__(self, native: Any, *bounds: Any) -> None:
        model = {"node": Node, "kinds": tuple(NodeKind)}
        model |= {"details": SpanDetails, "told": ExceptionRecord}
        stand_ins = {"not_captured": NOT_CAPTURED, "hidden": REDACTED_NODE}
        records = native.Log(endings=tuple(Ending), **stand_ins, **model)
        super().__init__(*bounds, records=records)
        records.most_charged = self._max_bytes // 2
        self._new_scanner: Callable[..., Any] = native.Scanner
        self._scanner: Any = None

    def take(self, limit: int) -> RecordBlock:
        """Remove and return up to ``limit`` records, oldest first."""
        return CompiledBlock(super().take(limit), self._read_scanner)

    def _read_scanner(self) -> Any:
        if self._scanner is None:
            self._scanner = self._new_scanner(**scan_tables())
        return self._scanner

    def _set_high_watermark(self, count: int) -> None:
        records: Any = self.records
        records.watermark = count

    # C code at both ends: a Python callback reads it, where each call takes a level of the stack.
    high_watermark = property(attrgetter("records.watermark"), _set_high_watermark)

    def _set_bytes(self, size: int) -> None:
        records: Any = self.records
        records.charged = size

    # Compiled code counts the values that it captures itself.
    _bytes = property(attrgetter("records.charged"), _set_bytes)


class CompiledStacks(Stacks):
    """Stacks on which a thread's calls may still be entries of the core.

    Whoever looks at a stack makes them records first.

    Attributes:
        box: makes records of the calling thread's entries.
        box_all: makes records of every thread's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.box: Callable[[], None] = lambda: None
        self.box_all: Callable[[], None] = lambda: None

    def mine(self) -> list[Record] | None:
        """Return the calling thread's stack, or None before its first traced call."""
        self.box()
        return super().mine()

    def view_mine(self) -> Callable[[], list[Record]]:
        """Return what gives the calling thread's stack, to be called on any thread."""
        stack = self.mine_or_new()

        def read() -> list[Record]:
            self.box_all()
            return stack

        return read

    def mine_or_new(self) -> list[Record]:
        """Return the calling thread's stack."""
        self.box()
        return super().mine_or_new()

    def use(self, handle: StackHandle) -> None:
        """Make a stack the calling thread's."""
        self.box()
        super().use(handle)
        self.box()  # the core has seen the one before, if a signal came in between

    def take_open(self) -> list[Record]:
        """Remove and return the open entries of every thread, innermost first."""
        self.box_all()
        return super().take_open()

    def open_entries(self) -> list[Record]:
        """Return the open entries of every thread; they stay where they are."""
        self.box_all()
        return super().open_entries()

    def forget_other_threads(self) -> None:
        """Keep only the calling thread's stack: a forked child has no other thread."""
        self.box()
        super().forget_other_threads()


class CompiledRecorder(PythonRecorder):
    """A span recorder that keeps calls of plain values in C.

    Args:
        native: the extension module.
        context_variable: OpenTelemetry's, in which the current context is.
        limits: what is kept of a value.
        wanted: whether a filter wants the fields of a class read.
        runs_code: captures may run code of the program.
        learned: what need not be learned of hidden texts; None where nothing is.
        has_random_ids: span ids are any random numbers, so the core makes its own.
        options: as for `PythonRecorder`.
    """

    def __init__(
        self,
        native: Any,
        context_variable: ContextVar[Any],
        limits: ValueLimits,
        wanted: Wanted = wants_nothing,
        *,
        runs_code: bool,
        learned: LearnedTexts | None = None,
        has_random_ids: bool,
        **options: Any,
    ) -> None:
        self._stacks = CompiledStacks()
        super().__init__(stacks=self._stacks, **options)
        self._native = native
        self.suspended.key_of = native.frame_key
        self._context_variable = context_variable
        self._limits = limits
        self._wanted = wanted
        self._verdicts: dict[int, tuple[WalkRules | None, Walk | None]] = {}
        self._runs_code = runs_code
        self._learned = learned
        self._has_random_ids = has_random_ids
        self._core: Any = None
        self._in_python: Counter[str] = Counter()

    def callbacks(self, depth: int = 1) -> Mapping[str, Callable[..., Any]]:
        """Return event name -> callable; the compiled ones read the frame that calls them."""
        if depth != 1:
            deeper = super().callbacks(depth + 1)
            return {name: self._with_records(callback) for name, callback in deeper.items()}
        callbacks = super().callbacks()
        asked = (self._decide, self._describe, self.ends.charge, self.buffer.overflow)
        self.in_flight.add(asked)
        core = self._core = self._build_core(callbacks)
        self._set_roots()
        self._stacks.box, self._stacks.box_all = core.box, core.box_all
        self.suspended.take_in_others = core.box_suspended
        for traced_code in self.traced_codes.values():
            self._register(traced_code)
        return {
            **callbacks,
            "PY_START": core.on_start,
            "PY_RETURN": core.on_return,
            "PY_UNWIND": core.on_unwind,
            "PY_YIELD": core.on_yield,
            "PY_RESUME": core.on_resume,
            "PY_THROW": core.on_throw,
        }

    def _with_records(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._stacks.box()
            return callback(*arguments)

        return call

    def follow(self, ids: IdGenerator, keeps_root: RootSampler | None) -> None:
        """Take ids and sampling decisions from another source from now on."""
        super().follow(ids, keeps_root)
        self._has_random_ids = gives_random_ids(ids)
        if self._core is not None:
            self._core.set_ids(None if self._has_random_ids else self.next_span_id)
            self._set_roots()

    def replan(self) -> None:
        """Plan all code anew, and ask anew whose fields are shown: the filter is another one."""
        if self._core is not None:
            self._core.forget_classes()
        super().replan()

    def close(self) -> None:
        """Finish every open record, and keep nothing of the program's."""
        super().close()
        if self._core is not None:
            self._core.forget_values()

    def expect_call(self, code: CodeType, call_adoption: CallAdopter) -> None:
        """Let hand-written spans adopt calls of ``code``, which compiled code knows nothing of."""
        super().expect_call(code, call_adoption)
        if self._core is not None:
            self._core.set_native(code, False)

    def _take_in_open_calls(self) -> None:
        if self._core is not None:
            self._core.box_open()

    def stats(self) -> dict[str, Any]:
        """Return the counters, by name."""
        core = self._core
        if core is None:
            return super().stats()
        for traced_code, kept, sampled_out, in_python in core.take_counts():
            traced_code.count(kept, sampled_out)
            if in_python:
                self._in_python[traced_code.special_reason] += in_python
        boxed = {
            **self._in_python,
            "parent": core.parentless,
            "while open": core.boxed_calls,
            "value": core.captured_values,
            "first sight": core.answers,
        }
        native = {"native_calls": core.native_calls, "boxed_calls": core.boxed_calls}
        return {**super().stats(), **native, "boxed": boxed}

    def begin_in_forked_child(self) -> None:
        """Keep this thread's open calls as parents only: the other process delivers them."""
        super().begin_in_forked_child()
        if self._core is not None:
            self._core.begin_in_forked_child()

    def _build_core(self, callbacks: Mapping[str, Callable[..., Any]]) -> Any:
        is_own_clock = self.clock.monotonic_ns is Time.monotonic_ns
        return self._native.Core(
            log=self.buffer.records,
            context_variable=self._context_variable,
            threads_local=self.stacks.local,
            decide=self._decide,
            start=callbacks["PY_START"],
            result=callbacks["PY_RETURN"],
            unwind=callbacks["PY_UNWIND"],
            yield_=callbacks["PY_YIELD"],
            resume=callbacks["PY_RESUME"],
            throw_in=callbacks["PY_THROW"],
            error_boundary=self.error_boundary,
            charge=self.ends.charge,
            overflow=self.buffer.overflow,
            deferred_ends=self.ends.deferred_ends,
            clock=None if is_own_clock else self.clock.monotonic_ns,
            next_id=None if self._has_random_ids else self.next_span_id,
            urandom=Os.urandom,
            form_of_class=build_class_forms(runs_code=self._runs_code, wanted=self._wanted),
            describe=self._describe,
            limits=tuple(
                [getattr(self._limits, name) for name in type(self._limits).__match_args__]
            ),
            suspended=self.suspended.records,
            own_folder=FOLDER if self._describes_in_c() else None,
            undecided=UNDECIDED,
            runs_code=self._runs_code,
            roots=(TraceOnThread, NEVER, span_key(), self._refuse),
            learned=self._learned,
        )

    def _set_roots(self) -> None:
        """Let compiled code begin traces if ids and times are its own to make."""
        is_own_clock = (self.clock.monotonic_ns, self.clock.wall_ns) == (
            Time.monotonic_ns,
            Time.time_ns,
        )
        model = self.parents.root_model() if is_own_clock and self._has_random_ids else None
        self._core.set_roots(*(model or (None, 0, None)))

    def _refuse(self, code: CodeType, context: Context) -> None:
        """Take note of a trace that a sampler does not keep: nothing below its call is recorded."""
        self.parents.refused_by_sampler += 1
        self.calls.push_unsampled(self.stacks.local.stack, code, context)

    def _describes_in_c(self) -> bool:
        return self.is_ours is is_ours and not self.ends.takes_text_of_program

    def _forget(self, code: CodeType) -> None:
        """Record nothing of code that was traced before, from its next call on."""
        super()._forget(code)
        if self._core is not None:
            self._core.forget(code)

    def _describe(
        self, code: CodeType, plan: Plan, segment: TraceOnThread, error: BaseException, now: int
    ) -> tuple[Ending, ExceptionRecord | None]:
        """Describe an exception that leaves a call, as the Python callback does."""
        left = read_traceback(error)
        inner = None if left is None else left.tb_next
        # A signal that arrived in a callback left our frames in the traceback.
        if inner is not None and self.is_ours(inner.tb_frame.f_code.co_filename):
            drop_frames(error, self.is_ours)
        return self.ends.describe(code, plan, segment, error, now)

    def _enter(self, code: CodeType, traced_code: TracedCode) -> TracedCode:
        entered = super()._enter(code, traced_code)
        if self._core is not None:
            self._register(traced_code)
        return entered

    def _decide(self, code: CodeType) -> object:
        """Decide about code that is called for the first time, as the Python callback does."""
        frame = _frame_of(1)
        return self.leave_out(code) if frame.f_code is not code else self.on_unknown(code, frame)

    def _register(self, traced_code: TracedCode) -> None:
        code, plan = traced_code.reference(), traced_code.plan
        if code is None:
            return
        if plan is None:
            self._core.add(
                code, traced_code, None, None, None, (), -1, False, None, False, None, (), "", None,
                None, None, False, False, False, False,
            )  # fmt: skip
            return
        self._core.add(
            code=code,
            traced_code=traced_code,
            plan=plan,
            capture=traced_code.capture,
            fixed_result=None if plan.captures_return else plan.fixed_result,
            slots=tuple([_slot(code, name) for name in plan.argument_names]),
            short_text=traced_code.short_text,
            takes_plain=traced_code.takes_plain,
            ratio_bound=traced_code.ratio_threshold,
            is_native=traced_code.is_simple_call and not self._is_watched(plan),
            learn=traced_code.learn,
            taught=tuple([(*_slot(code, name), place) for name, place in traced_code.taught]),
            result_place="" if plan.captures_return else plan.result_place,
            walk=self._walk(plan.attribute_rules),
            keywords=_keywords(traced_code),
            pairs=_pairs(traced_code),
            has_receiver=traced_code.has_receiver,
            suspends=traced_code.suspends,
            reads_at_error=traced_code.reads_at_error,
            tells_errors=_tells_errors(plan),
        )

    def _is_watched(self, plan: Plan) -> bool:
        return plan.kind == "generator" and self.suspended.watches_generators

    def _walk(self, rules: WalkRules | None) -> Walk | None:
        """Return how values are walked in compiled code; None where Python captures each."""
        known = self._verdicts.get(id(rules))
        if known is None:  # the rules are kept beside it, so that their id stays taken
            known = self._verdicts[id(rules)] = rules, _build_walk(rules)
        return known[1]


def _build_walk(rules: WalkRules | None) -> Walk | None:
    if rules is None:
        return None, None
    if rules.has_type_patterns or rules.has_repr_patterns:
        return None
    verdicts = NameVerdicts(rules.attribute_action)
    return verdicts.known, verdicts.judge


def _tells_errors(plan: Plan) -> bool:
    """Return whether nothing is hidden of what leaves a function."""
    keeps_event = plan.events is None or plan.events.exceptions
    return keeps_event and plan.fixed_result is NOT_CAPTURED


def _pairs(traced_code: TracedCode) -> tuple[Any, ...] | None:
    """Return which arguments may name secrets, what hides those, the plan with such a result."""
    if not traced_code.names_secrets:
        return None
    told = traced_code.told_plan
    return (
        *(traced_code.naming, traced_code.hide_told, told),
        *((None, "") if told is None else (told.fixed_result, told.result_place)),
    )


def _keywords(traced_code: TracedCode) -> tuple[Any, ...] | None:
    """Return where ``**kwargs`` are, who judges their keys, and who captures them."""
    index = traced_code.keywords_index
    if index < 0:
        return None
    verdicts = NameVerdicts(traced_code.keyword_action)
    return index, verdicts.known, verdicts.judge, traced_code.capture_keywords


def _slot(code: CodeType, name: str) -> tuple[int, bool]:
    """Return where in a frame an argument is, and whether behind a cell."""
    return code.co_varnames.index(name), name in code.co_cellvars
