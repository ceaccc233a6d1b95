"""Holds what the step recorder keeps of a code object: how its variables and changes are read."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.spans.traced_code import PLAIN_TYPE_IDS, SHORT_TEXT, TracedCode
from codetracer_otel.instrumentation.steps.namespace_variables import NamedVariables
from codetracer_otel.instrumentation.steps.rebinding import find_rebindings
from codetracer_otel.instrumentation.steps.value_changes import (
    CHANGING,
    SAME,
    StepBudget,
    StepValues,
    looks_same,
)
from codetracer_otel.instrumentation.steps.variables import (
    is_volatile,
    shown_variables,
    trace_name,
)
from codetracer_otel.instrumentation.values.adjacent_secrets import (
    is_secret_name,
    may_hold_text,
    paired_variables,
    told_variables,
)
from codetracer_otel.instrumentation.values.frame_variables import (
    CO_OPTIMIZED,
    HAS_LIVE_F_LOCALS,
    read_variable_or,
    read_variables,
)
from codetracer_otel.instrumentation.values.safe_access import derives
from codetracer_otel.model.step_entries import LAST, UNSET, StepPlan
from codetracer_otel.model.value import REDACTED_NODE, Node

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from types import CodeType, FrameType

    from codetracer_otel.instrumentation.plan_builder import PlannedCode
    from codetracer_otel.instrumentation.steps.rebinding import Rebindings
    from codetracer_otel.model.record import Plan
    from codetracer_otel.model.step_entries import StepVariable
    from codetracer_otel.model.value import Captured

_FIRST_LINE: Final = 0  # before the first line nothing is bound but arguments
_ANY_LINE: Final = -1

_Places = tuple[tuple[int, str], ...]  # index and name of variables


# Of a call that waits: what has its frame, and its last values, None if they are not known.
type Suspended = tuple[SteppedCode, list[Any] | None]


class SteppedCode:
    """One code object whose steps are recorded.

    A *frame* of it is the list ``[code, site, last values, line, volatile, seen, before]``: what
    each variable was at the last step, that step's line, the local variables whose value may change
    without being bound anew, what the names of the namespace stood for, and the last values as it
    was left the last time.

    Attributes:
        plan: what the trace needs to know.
        arguments: reads the arguments of a call.
        reads_arguments: whether a call shows any argument's value.
        returns_plain: whether scalars that are returned pass without a look.
        reference: forgets the site with its code object.
        line_events: takes the steps of spans whose rule asks for line events, or None.
    """

    __slots__ = (
        "_always",
        "_blank",
        "_capture",
        "_every",
        "_hidden",
        "_is_optimized",
        "_is_plain",
        "_named",
        "_paired",
        "_plain_type_ids",
        "_reads_quickly",
        "_rebound",
        "_short_text",
        "_shown",
        "_told",
        "_unset",
        "arguments",
        "line_events",
        "plan",
        "reads_arguments",
        "reference",
        "returns_plain",
    )

    def __init__(
        self,
        code: CodeType,
        planned: PlannedCode,
        capture: Callable[[object], Captured],
        budget: StepBudget,
        forget: Callable[[weakref.ref[CodeType]], None],
    ) -> None:
        plan = planned.plan
        rebindings = find_rebindings(code) if code.co_flags & CO_OPTIMIZED else None
        read, hidden = shown_variables(code, plan, rebindings)
        self.plan = StepPlan(plan, trace_name(code, plan), (*read, *hidden))
        self.arguments = traced_code = TracedCode(code, planned, capture, forget)
        self.reference = traced_code.reference
        self.line_events: Any = None
        self.reads_arguments = traced_code.read is not None
        self.returns_plain = plan.captures_return and traced_code.takes_plain
        self._reads_quickly = (
            traced_code.takes_plain
            and planned.keywords_name not in plan.argument_names
            and not traced_code.reads_one_by_one
            and not traced_code.names_secrets
        )
        self._is_optimized = bool(code.co_flags & CO_OPTIMIZED)
        in_frame = [item.name for item in read if item.kind != "global" and self._is_optimized]
        keywords = planned.keywords_name
        values = StepValues(
            traced_code, planned, in_frame.index(keywords) if keywords in in_frame else -1, budget
        )
        self._capture = values.capture
        self._plain_type_ids = traced_code.plain_type_ids | {id(type(UNSET))}
        self._short_text = min(traced_code.short_text, SHORT_TEXT)
        names = tuple(item.name for item in read[len(in_frame) :])
        self._named = names and NamedVariables(
            names, len(in_frame), values, self._plain_type_ids, are_globals=self._is_optimized
        )
        self._unset = (UNSET,) * len(names)
        self._hidden = tuple((len(read) + position, item) for position, item in enumerate(hidden))
        read_names = [item.name for item in read]
        self._paired = () if plan.attribute_rules is None else paired_variables(read_names)
        self._is_plain = not (self._hidden or self._paired)
        self._told: SteppedCode | None = None
        self._shown: SteppedCode | None = None
        begun = [UNSET] * len(read) + [
            REDACTED_NODE if item.kind == "argument" else UNSET for item in hidden
        ]
        self._blank = begun[len(plan.argument_names) :]
        self._every: _Places = tuple(enumerate(in_frame))
        self._always = self._every
        self._rebound: dict[int, _Places] = {}
        if rebindings is not None:
            self._keep(rebindings)
        if traced_code.told_plan is not None:
            self._told = self._with_hidden_result(traced_code.told_plan)

    def _with_hidden_result(self, plan: Plan) -> SteppedCode:
        told = copy(self)
        told.plan = StepPlan(plan, self.plan.name, self.plan.variables)
        told.returns_plain = False
        told._shown = self  # noqa: SLF001 - of its own class
        return told

    def _keep(self, rebindings: Rebindings) -> None:
        def places(names: AbstractSet[str]) -> _Places:
            return tuple(place for place in self._every if place[1] in names)

        always = rebindings.always
        self._always = places(always)
        self._rebound = {line: places(names | always) for line, names in rebindings.lines.items()}
        self._rebound[_ANY_LINE] = self._every

    def read_arguments(self, python_frame: FrameType) -> tuple[Captured, ...]:
        """Return the captured arguments of a frame that has just begun."""
        traced_code = self.arguments
        if not self._reads_quickly:
            return traced_code.read_arguments(python_frame)
        namespace = python_frame.f_locals
        assert traced_code.read is not None
        values: tuple[Any, ...] = traced_code.read(namespace)
        if traced_code.is_single:
            values = (values,)
        if traced_code.clears:
            namespace.clear()
        for value in values:
            kind = type(value)
            if id(kind) in PLAIN_TYPE_IDS or (kind is str and len(value) <= SHORT_TEXT):
                continue
            return traced_code.capture_all(values)
        return values

    def begin(self, code: CodeType, values: tuple[Captured, ...]) -> list[Any]:
        """Return the frame of a call that begins with these arguments."""
        volatile: tuple[int, ...] = ()
        for index, value in enumerate(values):
            if type(value) is Node and is_volatile(value):
                volatile += (index,)
        tells_result = self._told is not None and self.arguments.tells_result(values)
        owner = self._told if tells_result else self
        return [code, owner, [*values, *self._blank], _FIRST_LINE, volatile, self._unset, None]

    def enter(self, code: CodeType, before: Suspended | None) -> list[Any]:
        """Return the frame of a call that goes on; ``before``: what was known as it was left.

        Where nothing was, an argument may have named the result as a secret.
        """
        owner, left = before or (None, None)
        if owner is not self and owner is not self._told:
            owner = None
        last = [UNSET] * len(self.plan.variables)
        return [code, owner or self._told or self, last, _ANY_LINE, (), self._unset, left]

    def changes(self, python_frame: FrameType, frame: list[Any], line: int) -> list[Any] | None:
        """Return the entry of a step if a variable differs from the step before, else None."""
        places, volatile = self._rebound.get(frame[3], self._always), frame[4]
        frame[3] = line
        if volatile:
            rebound = [index for index, _ in places]
            places += tuple(self._every[index] for index in volatile if index not in rebound)
        change = self._local_changes(python_frame, frame, line, places) if places else None
        if self._named:
            change = self._named.changes(python_frame, frame, line, change)
        return change if self._is_plain else self._judged(python_frame, frame, line, change)

    def _local_changes(
        self, python_frame: FrameType, frame: list[Any], line: int, places: _Places
    ) -> list[Any] | None:
        change: list[Any] | None = None
        last, unset, plain_type_ids = frame[2], UNSET, self._plain_type_ids
        # Before PEP 667 f_locals writes into a dict that the program may hold.
        read: Any = (
            python_frame.f_locals.get
            if HAS_LIVE_F_LOCALS
            else partial(read_variable_or, python_frame)
        )
        for index, name in places:
            value = read(name, unset)
            if value is last[index]:
                continue
            kind = type(value)
            if id(kind) in plain_type_ids or (kind is str and len(value) <= self._short_text):
                last[index] = kept = value
                if index in frame[4]:
                    frame[4] = tuple(item for item in frame[4] if item != index)
            else:
                kept = self._capture(index, value, last)
                if index not in frame[4] and is_volatile(last[index]):
                    frame[4] += (index,)
                if kept is SAME:
                    continue
            if change is None:
                change = [line, index, kept]
            else:
                change += (index, kept)
        return change

    def final_changes(
        self, python_frame: FrameType, frame: list[Any]
    ) -> tuple[int, list[Any]] | None:
        """Return the entry of a last step as a frame is left: what its last line has assigned."""
        has_stepped = frame[3] != _ANY_LINE
        change = self.changes(python_frame, frame, _FIRST_LINE)
        if change is None:
            return None
        if not has_stepped and frame[6] is not None and all(map(looks_same, frame[2], frame[6])):
            return None  # it was entered and left on one line, as ``yield from`` does
        change[0] = python_frame.f_lineno or self.plan.plan.line
        return (LAST, change)

    def result(self, value: Any) -> Any:
        """Return what is recorded of a return value."""
        if self._shown is not None and not may_hold_text(value):
            return self._shown.result(value)
        plan, traced_code = self.plan.plan, self.arguments
        if plan.captures_return:
            return traced_code.capture_quickly(value)
        if plan.result_place:
            traced_code.teach([value], (("", plan.result_place),))
        return plan.fixed_result

    def forget_values(self, frame: list[Any]) -> None:
        """Have every variable of a frame captured anew: a step was interrupted."""
        frame[2][:] = [CHANGING] * len(frame[2])
        frame[3], frame[4], frame[5] = _ANY_LINE, (), (CHANGING,) * len(self._unset)

    def _judged(
        self, python_frame: FrameType, frame: list[Any], line: int, change: list[Any] | None
    ) -> list[Any] | None:
        if self._hidden:
            change = self._with_hidden(python_frame, frame, line, change)
        if self._paired and change is not None:
            told = told_variables(frame[2], self._paired, self._is_secret_name)
            for position in range(1, len(change), 2):
                if change[position] in told and change[position + 1] is not UNSET:
                    self.arguments.learn_neighbour(change[position + 1])
                    change[position + 1] = REDACTED_NODE
        return change

    def _is_secret_name(self, name: Any) -> bool:
        return is_secret_name(name, self.plan.plan.attribute_rules)

    def _with_hidden(
        self, python_frame: FrameType, frame: list[Any], line: int, change: list[Any] | None
    ) -> list[Any] | None:
        """Add redacted variables as they get a value: whether they have one, not which."""
        last = frame[2]
        for index, item in self._hidden:
            is_new = last[index] is UNSET
            if item.place and (is_new or item.kind != "global"):
                self.arguments.teach([_read_hidden(python_frame, item)], (("", item.place),))
            if is_new and self._is_bound(python_frame, item.name, item.kind):
                last[index] = REDACTED_NODE
                change = [line] if change is None else change
                change += (index, REDACTED_NODE)
        return change

    def _is_bound(self, frame: FrameType, name: str, kind: str) -> bool:
        if kind == "argument":
            return True
        if kind == "global":
            return dict.__contains__(frame.f_globals, name)
        if self._is_optimized:  # asking would cost as much as reading on 3.12
            return not HAS_LIVE_F_LOCALS or name in frame.f_locals
        namespace: Any = frame.f_locals
        return derives(type(namespace), dict) and dict.__contains__(namespace, name)


def _read_hidden(frame: FrameType, item: StepVariable) -> object:
    """Return what is bound to the name of a redacted variable, to be learned and not shown."""
    if item.kind == "global":
        return dict.get(frame.f_globals, item.name, UNSET)
    return read_variables(frame, (item.name,), UNSET)[0]
