"""What the step recorder keeps for one code object: how to read its variables, and tell changes."""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.captured import REDACTED_NODE, Node, NodeKind, weight
from codetracer_otel.instrumentation.reading import (
    CO_OPTIMIZED,
    HAS_LIVE_F_LOCALS,
    names_a_namespace_reader,
    variable_reader,
)
from codetracer_otel.instrumentation.sites import SHORT_TEXT, Site, judged_keywords
from codetracer_otel.step_records import LAST, UNSET, StepPlan, StepVariable

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

    from codetracer_otel.captured import Captured
    from codetracer_otel.instrumentation.plans import PlannedCode
    from codetracer_otel.records import Plan

# Captured as "<function f>" whatever they are: one node serves for all of a type.
_OPAQUE_TYPE_IDS: Final = frozenset(
    map(id, (FunctionType, BuiltinFunctionType, MethodType, ModuleType))
)

# A frame's f_locals dict that nobody else holds: the frame, two variables of ours, an argument.
_UNSHARED: Final = 4
_MAX_NODES: Final = 10_000


class _Changing:
    """The type of `_CHANGING`."""

    __slots__ = ()


_CHANGING: Final = _Changing()  # the last value of a variable that must be captured anew
_SAME: Final = object()


class StepBudget:
    """Counts the bytes of captured values that wait for delivery; shared by a session's sites."""

    __slots__ = ("bytes", "nodes")

    def __init__(self) -> None:
        self.bytes = 0
        self.nodes: dict[str, Node] = {}


class StepSite:
    """One code object whose steps are recorded.

    Attributes:
        plan: what the trace needs to know.
        arguments: reads the arguments of a call.
        count: how many variables a step shows.
        reads_arguments: whether a call shows any argument's value.
        reference: forgets the site with its code object.
        start_offset: bytecode offset of PY_START.
        line_events: takes the steps of spans whose rule asks for line events, or None.
    """

    __slots__ = (
        "_budget",
        "_clears",
        "_globals",
        "_hidden",
        "_is_optimized",
        "_keywords_index",
        "_locals",
        "_one_by_one",
        "_plain_type_ids",
        "_planned",
        "_short_text",
        "arguments",
        "count",
        "line_events",
        "plan",
        "reads_arguments",
        "reference",
        "start_offset",
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
        read, hidden = _shown_variables(code, plan)
        self.plan = StepPlan(plan, _trace_name(code, plan), (*read, *hidden))
        self.arguments = Site(code, planned, capture, forget)
        self.reference = self.arguments.reference
        self.start_offset = -1
        self.line_events: Any = None
        self._planned = planned
        self._budget = budget
        self._locals = tuple(item.name for item in read if item.kind != "global")
        self._globals = tuple(item.name for item in read if item.kind == "global")
        self._hidden = tuple(
            (len(read) + position, item.name, item.kind) for position, item in enumerate(hidden)
        )
        self.count = len(self.plan.variables)
        self.reads_arguments = bool(plan.argument_names)
        self._is_optimized = bool(code.co_flags & CO_OPTIMIZED)
        self._clears = self._is_optimized and not HAS_LIVE_F_LOCALS
        self._one_by_one = self._clears and names_a_namespace_reader(code)
        keywords = planned.keywords_name
        self._keywords_index = self._locals.index(keywords) if keywords in self._locals else -1
        site = self.arguments
        self._plain_type_ids = site.plain_type_ids | {id(type(UNSET))}
        self._short_text = min(site.short_text, SHORT_TEXT)

    def new_values(self) -> list[Any]:
        """Return the state of a frame's variables before its first step."""
        return [UNSET] * self.count

    def changes(self, frame: FrameType, last: list[Any], line: int) -> list[Any] | None:
        """Return the entry of a step if a variable differs from ``last``, which is updated.

        Args:
            frame: of this code object.
            last: see `new_values`; holds captured values, so no object of the program.
            line: of the step.
        """
        values = self._read(frame)
        plain_type_ids, short_text = self._plain_type_ids, self._short_text
        change: list[Any] | None = None
        index = 0
        for value in values:
            if value is not last[index]:
                kind = type(value)
                if id(kind) in plain_type_ids or (kind is str and len(value) <= short_text):
                    last[index] = value
                else:
                    value = self._capture(index, value, last)  # noqa: PLW2901 - hot
                    if value is _SAME:
                        index += 1
                        continue
                if change is None:
                    change = [line]
                change += (index, value)
            index += 1
        return change if not self._hidden else self._with_hidden(frame, last, line, change)

    def final_changes(self, frame: FrameType, last: list[Any]) -> tuple[int, list[Any]] | None:
        """Return the entry of a last step as a frame is left: what its last line has assigned."""
        change = self.changes(frame, last, 0)
        if change is None:
            return None
        change[0] = frame.f_lineno or self.plan.plan.line
        return (LAST, change)

    def result(self, value: Any) -> Any:
        """Return what is recorded of a return value."""
        plan = self.plan.plan
        return self.arguments.capture_quickly(value) if plan.captures_return else plan.fixed_result

    def forget_values(self, last: list[Any]) -> None:
        """Have every variable captured anew: a step was interrupted."""
        last[:] = [_CHANGING] * len(last)

    def _read(self, frame: FrameType) -> list[Any]:
        unset = UNSET
        values: list[Any]
        if self._one_by_one:
            values = [_read_or_unset(frame, name) for name in self._locals]
        elif self._is_optimized and HAS_LIVE_F_LOCALS:
            get = frame.f_locals.get
            values = [get(name, unset) for name in self._locals]
        else:
            namespace: Any = frame.f_locals
            if not isinstance(namespace, dict):
                return []  # a namespace made by the program: reading it would run its code
            read = dict.get
            values = [read(namespace, name, unset) for name in self._locals]
            if self._clears:
                self._clear(namespace)
        if self._globals:
            namespace, read = frame.f_globals, dict.get
            values += [read(namespace, name, unset) for name in self._globals]
        return values

    def _clear(self, namespace: dict[str, Any]) -> None:
        """Empty what f_locals has filled, or it keeps the program's objects alive (3.12)."""
        if sys.getrefcount(namespace) > _UNSHARED:
            self._one_by_one = True  # the program holds it, too
        else:
            namespace.clear()

    def _capture(self, index: int, value: Any, last: list[Any]) -> Any:
        """Return the captured value, or `_SAME` if it is what was captured before."""
        if value is UNSET:
            last[index] = UNSET
            return UNSET
        try:
            kept = self._captured(index, value)
        except RecursionError:  # the program is about to get its own
            return _SAME
        if type(kept) is not Node:
            last[index] = kept
            self._budget.bytes += weight(kept)
            return kept
        before = last[index]
        if kept is before or (type(before) is Node and _is_same(kept, before)):
            return _SAME
        last[index] = kept
        self._budget.bytes += weight(kept)
        return kept

    def _captured(self, index: int, value: Any) -> Captured:
        if index == self._keywords_index and type(value) is dict:
            return judged_keywords(value, self._planned.judge_keyword, self.arguments)
        nodes = self._budget.nodes
        kind = type(value)
        if id(kind) in _OPAQUE_TYPE_IDS and kind.__name__ in nodes and self.arguments.takes_plain:
            return nodes[kind.__name__]
        kept = self.arguments.capture(value)
        if type(kept) is Node and kept.kind is NodeKind.OBJECT:
            if len(nodes) > _MAX_NODES:
                nodes.clear()
            kept = nodes.setdefault(kept.type_name, kept)
            if id(kind) in _OPAQUE_TYPE_IDS:
                nodes[kind.__name__] = kept
        return kept

    def _with_hidden(
        self, frame: FrameType, last: list[Any], line: int, change: list[Any] | None
    ) -> list[Any] | None:
        """Add redacted variables as they get a value: whether they have one, not which."""
        for index, name, kind in self._hidden:
            if last[index] is UNSET and self._is_bound(frame, name, kind):
                last[index] = REDACTED_NODE
                change = [line] if change is None else change
                change += (index, REDACTED_NODE)
        return change

    def _is_bound(self, frame: FrameType, name: str, kind: str) -> bool:
        if kind == "argument":
            return True
        if kind == "global":
            return dict.__contains__(frame.f_globals, name)
        if self._clears:
            return True  # asking would cost as much as reading on 3.12
        namespace: Any = frame.f_locals
        if isinstance(namespace, dict):
            return dict.__contains__(namespace, name)
        return HAS_LIVE_F_LOCALS and name in namespace


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two captured values look the same: ``1``, ``1.0`` and ``True`` do not."""
    if type(one) is not type(other):
        return False
    if type(one) is tuple:
        return len(one) == len(other) and all(map(_is_same, one, other))
    if type(one) is not Node:
        return bool(one == other)
    return (
        one.kind is other.kind
        and one.omitted == other.omitted
        and one.type_name == other.type_name
        and _is_same(one.items, other.items)
    )


def _trace_name(code: CodeType, plan: Plan) -> str:
    return plan.name if code.co_qualname == "<module>" else code.co_qualname


def _shown_variables(code: CodeType, plan: Plan) -> tuple[list[StepVariable], list[StepVariable]]:
    """Return the variables that are read at a step, and those that are redacted."""
    variables = [
        *(StepVariable(item.name, "argument", item.redacted) for item in plan.arguments),
        *(StepVariable(item.name, "local", item.redacted) for item in _locals(code, plan)),
        *(StepVariable(item.name, "global", item.redacted) for item in _globals(code, plan)),
    ]
    read = [variable for variable in variables if not variable.redacted]
    return read, [variable for variable in variables if variable.redacted]


def _locals(code: CodeType, plan: Plan) -> Iterable[Any]:
    if code.co_flags & CO_OPTIMIZED:
        return plan.locals
    return [variable for variable in plan.locals if not _is_dunder(variable.name)]


def _globals(code: CodeType, plan: Plan) -> Iterable[Any]:
    # a module's globals are its locals; a class body's names are looked up in both
    return plan.globals if code.co_flags & CO_OPTIMIZED else ()


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _read_or_unset(frame: FrameType, name: str) -> Any:
    try:
        return variable_reader()(frame, name)
    except NameError:
        return UNSET
