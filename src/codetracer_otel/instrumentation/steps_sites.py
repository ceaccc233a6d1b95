"""What the step recorder keeps for one code object: how to read its variables, and tell changes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.captured import REDACTED_NODE, Node, NodeKind, weight
from codetracer_otel.instrumentation.reading import (
    CO_OPTIMIZED,
    HAS_LIVE_F_LOCALS,
    reads_one_by_one,
    variable_reader,
)
from codetracer_otel.instrumentation.sites import PLAIN_TYPE_IDS, SHORT_TEXT, Site, judged_keywords
from codetracer_otel.instrumentation.steps_rebinding import find_rebindings
from codetracer_otel.instrumentation.steps_variables import (
    is_kept,
    is_volatile,
    shown_variables,
    trace_name,
)
from codetracer_otel.step_records import LAST, UNSET, StepPlan

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from types import CodeType, FrameType

    from codetracer_otel.captured import Captured
    from codetracer_otel.instrumentation.plans import PlannedCode
    from codetracer_otel.instrumentation.steps_rebinding import Rebindings

_MAX_NODES: Final = 10_000


class _Changing:
    """The type of `_CHANGING`."""

    __slots__ = ()


_CHANGING: Final = _Changing()  # the last value of a variable that must be captured anew
_SAME: Final = object()
_FIRST_LINE: Final = 0  # before the first line nothing is bound but arguments
_ANY_LINE: Final = -1


class StepBudget:
    """Counts the bytes of captured values that wait for delivery; shared by a session's sites."""

    __slots__ = ("bytes", "nodes")

    def __init__(self) -> None:
        self.bytes = 0
        self.nodes: dict[str, Node] = {}


class StepSite:
    """One code object whose steps are recorded.

    A *frame* of it is the list ``[code, site, last values, line, volatile, seen, before]``: what
    each variable was at the last step, that step's line, the local variables whose value may change
    without being bound anew, what the names of the namespace stood for, and the last values as it
    was left the last time.

    Attributes:
        plan: what the trace needs to know.
        arguments: reads the arguments of a call.
        count: how many variables a step shows.
        reads_arguments: whether a call shows any argument's value.
        returns_plain: whether scalars that are returned pass without a look.
        reference: forgets the site with its code object.
        line_events: takes the steps of spans whose rule asks for line events, or None.
    """

    __slots__ = (
        "_always",
        "_begun",
        "_budget",
        "_every",
        "_hidden",
        "_is_optimized",
        "_keywords_index",
        "_locals",
        "_names",
        "_plain_type_ids",
        "_planned",
        "_reads_quickly",
        "_rebound",
        "_short_text",
        "_unset",
        "arguments",
        "count",
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
        self.arguments = site = Site(code, planned, capture, forget)
        self.reference = site.reference
        self.line_events: Any = None
        self.count = len(self.plan.variables)
        self.reads_arguments = bool(plan.argument_names)
        self._planned = planned
        self._budget = budget
        self.returns_plain = plan.captures_return and site.takes_plain
        self._reads_quickly = (
            site.takes_plain
            and planned.keywords_name not in plan.argument_names
            and not reads_one_by_one(code, plan.argument_names)
        )
        self._is_optimized = bool(code.co_flags & CO_OPTIMIZED)
        in_frame = [item.name for item in read if item.kind != "global" and self._is_optimized]
        self._locals = tuple(in_frame)
        self._names = tuple(item.name for item in read[len(in_frame) :])
        self._unset = (UNSET,) * len(self._names)
        self._hidden = tuple(
            (len(read) + position, item.name, item.kind) for position, item in enumerate(hidden)
        )
        self._begun = tuple(index for index, _, kind in self._hidden if kind == "argument")
        keywords = planned.keywords_name
        self._keywords_index = in_frame.index(keywords) if keywords in in_frame else -1
        self._plain_type_ids = site.plain_type_ids | {id(type(UNSET))}
        self._short_text = min(site.short_text, SHORT_TEXT)
        self._every = tuple(range(len(in_frame)))
        self._always = self._every
        self._rebound: dict[int, tuple[int, ...]] = {}
        if rebindings is not None:
            self._keep(rebindings)

    def _keep(self, rebindings: Rebindings) -> None:
        def indices(names: AbstractSet[str]) -> tuple[int, ...]:
            return tuple(index for index, name in enumerate(self._locals) if name in names)

        always = rebindings.always
        self._always = indices(always)
        self._rebound = {line: indices(names | always) for line, names in rebindings.lines.items()}
        self._rebound[_ANY_LINE] = self._every

    def read_arguments(self, python_frame: FrameType) -> tuple[Captured, ...]:
        """Return the captured arguments of a frame that has just begun."""
        site = self.arguments
        if not self._reads_quickly:
            return site.read_arguments(python_frame)
        namespace = python_frame.f_locals
        assert site.read is not None
        values: tuple[Any, ...] = site.read(namespace)
        if site.is_single:
            values = (values,)
        if site.clears:
            namespace.clear()
        for value in values:
            kind = type(value)
            if id(kind) in PLAIN_TYPE_IDS or (kind is str and len(value) <= SHORT_TEXT):
                continue
            return tuple([site.capture_quickly(item) for item in values])
        return values

    def begin(self, code: CodeType, values: tuple[Captured, ...]) -> list[Any]:
        """Return the frame of a call that begins with these arguments."""
        last: list[Any] = [UNSET] * self.count
        last[: len(values)] = values
        for index in self._begun:
            last[index] = REDACTED_NODE
        volatile = [
            index
            for index, value in enumerate(values)
            if type(value) is Node and is_volatile(value)
        ]
        return [code, self, last, _FIRST_LINE, volatile, self._unset, None]

    def enter(self, code: CodeType, before: list[Any] | None = None) -> list[Any]:
        """Return the frame of a call that goes on; ``before``: its last values as it was left."""
        return [code, self, [UNSET] * self.count, _ANY_LINE, [], self._unset, before]

    def changes(  # noqa: C901 - a Python call costs 60 ns: the common road stays flat
        self, python_frame: FrameType, frame: list[Any], line: int
    ) -> list[Any] | None:
        """Return the entry of a step if a variable differs from the step before, else None."""
        last, volatile = frame[2], frame[4]
        indices = self._rebound.get(frame[3], self._always)
        frame[3] = line
        if volatile:
            indices = (*indices, *[index for index in volatile if index not in indices])
        change: list[Any] | None = None
        if indices:
            plain_type_ids, short_text = self._plain_type_ids, self._short_text
            for index, value in zip(indices, self._read(python_frame, indices), strict=False):
                if value is last[index]:
                    continue
                kind = type(value)
                if id(kind) in plain_type_ids or (kind is str and len(value) <= short_text):
                    last[index] = kept = value
                    if volatile and index in volatile:
                        volatile.remove(index)
                else:
                    kept = self._capture(index, value, last)
                    if index not in volatile and is_volatile(last[index]):
                        volatile.append(index)
                    if kept is _SAME:
                        continue
                if change is None:
                    change = [line, index, kept]
                else:
                    change += (index, kept)
        if self._names:
            change = self._named_changes(python_frame, frame, line, change)
        return change if not self._hidden else self._with_hidden(python_frame, last, line, change)

    def _named_changes(
        self, python_frame: FrameType, frame: list[Any], line: int, change: list[Any] | None
    ) -> list[Any] | None:
        """Add what differs of the names in the module's or the class body's namespace."""
        namespace: Any = python_frame.f_globals if self._is_optimized else python_frame.f_locals
        if not isinstance(namespace, dict):
            return change  # made by the program: reading it would run its code
        seen = frame[5]
        read, unset = namespace.get, UNSET
        if type(namespace) is not dict:
            read = partial(dict.get, namespace)
        for name, before in zip(self._names, seen, strict=False):
            if read(name, unset) is not before:
                break
        else:
            return change
        values = [read(name, unset) for name in self._names]
        last, offset = frame[2], len(self._locals)
        new_seen = []
        for index, (value, before) in enumerate(zip(values, seen, strict=True), offset):
            if value is before:
                new_seen.append(value)
                continue
            kind = type(value)
            if id(kind) in self._plain_type_ids or (kind is str and len(value) <= SHORT_TEXT):
                kept = last[index] = value
            else:
                kept = self._capture(index, value, last)
            new_seen.append(value if is_kept(kind, last[index], value) else _CHANGING)
            if kept is not _SAME:
                change = [line] if change is None else change
                change += (index, kept)
        frame[5] = tuple(new_seen)
        return change

    def final_changes(
        self, python_frame: FrameType, frame: list[Any]
    ) -> tuple[int, list[Any]] | None:
        """Return the entry of a last step as a frame is left: what its last line has assigned."""
        has_stepped = frame[3] != _ANY_LINE
        change = self.changes(python_frame, frame, _FIRST_LINE)
        if change is None:
            return None
        if not has_stepped and frame[6] is not None and all(map(_is_same, frame[2], frame[6])):
            return None  # it was entered and left on one line, as ``yield from`` does
        change[0] = python_frame.f_lineno or self.plan.plan.line
        return (LAST, change)

    def result(self, value: Any) -> Any:
        """Return what is recorded of a return value."""
        plan = self.plan.plan
        return self.arguments.capture_quickly(value) if plan.captures_return else plan.fixed_result

    def forget_values(self, frame: list[Any]) -> None:
        """Have every variable of a frame captured anew: a step was interrupted."""
        frame[2][:] = [_CHANGING] * self.count
        frame[3], frame[4], frame[5] = _ANY_LINE, [], (_CHANGING,) * len(self._names)

    def _read(self, frame: FrameType, indices: tuple[int, ...]) -> list[Any]:
        names = self._locals
        if HAS_LIVE_F_LOCALS:
            get, unset = frame.f_locals.get, UNSET
            return [get(names[index], unset) for index in indices]
        # Before PEP 667 f_locals writes into a dict that the program may hold.
        return [_read_or_unset(frame, names[index]) for index in indices]

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
        kept = self.arguments.capture(value)
        if type(kept) is not Node or kept.kind is not NodeKind.OBJECT:
            return kept
        nodes = self._budget.nodes  # one for all objects of a class: it is known again by identity
        if len(nodes) > _MAX_NODES:
            nodes.clear()
        return nodes.setdefault(kept.type_name, kept)

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
        if self._is_optimized and not HAS_LIVE_F_LOCALS:
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


def _read_or_unset(frame: FrameType, name: str) -> Any:
    try:
        return variable_reader()(frame, name)
    except NameError:
        return UNSET
