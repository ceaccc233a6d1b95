"""Captures the values that steps show, and compares them with those shown before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.spans.traced_code import judged_keywords
from codetracer_otel.model.step_entries import UNSET
from codetracer_otel.model.value import Node, NodeKind, weight

if TYPE_CHECKING:
    from codetracer_otel.instrumentation.plan_builder import PlannedCode
    from codetracer_otel.instrumentation.spans.traced_code import TracedCode
    from codetracer_otel.model.value import Captured

_MAX_NODES: Final = 10_000


class _Changing:
    """The type of `CHANGING`."""

    __slots__ = ()


CHANGING: Final = _Changing()
"""Stands for the last value of a variable that must be captured anew."""

SAME: Final = object()
"""Says that a variable is what it was at the step before."""


class StepBudget:
    """Counts the bytes of captured values that wait for delivery; shared by a session's sites."""

    __slots__ = ("bytes", "nodes")

    def __init__(self) -> None:
        self.bytes = 0
        self.nodes: dict[str, Node] = {}


class StepValues:
    """Captures the values of one code object's variables.

    Args:
        traced_code: captures arguments and results of the same code.
        planned: judges the keys of ``**kwargs``.
        keywords_index: of the variable that holds ``**kwargs``; -1 for none.
        budget: the session's.
    """

    __slots__ = ("_budget", "_keywords_index", "_planned", "_traced_code")

    def __init__(
        self, traced_code: TracedCode, planned: PlannedCode, keywords_index: int, budget: StepBudget
    ) -> None:
        self._traced_code = traced_code
        self._planned = planned
        self._keywords_index = keywords_index
        self._budget = budget

    def capture(self, index: int, value: Any, last: list[Any]) -> Any:
        """Return the captured value, or `SAME` if it is what ``last`` has; keep it there."""
        if value is UNSET:
            last[index] = UNSET
            return UNSET
        try:
            kept = self._captured(index, value)
        except RecursionError:  # the program is about to get its own
            return SAME
        before = last[index]
        if type(kept) is Node and (
            kept is before or (type(before) is Node and looks_same(kept, before))
        ):
            return SAME
        last[index] = kept
        self._budget.bytes += weight(kept)
        return kept

    def _captured(self, index: int, value: Any) -> Captured:
        if index == self._keywords_index and type(value) is dict:
            return judged_keywords(value, self._planned, self._traced_code)
        is_receiver = index == 0 and self._traced_code.has_receiver
        kept = self._traced_code.capture(value, is_receiver)
        if type(kept) is not Node or kept.kind is not NodeKind.OBJECT:
            return kept
        nodes = self._budget.nodes  # one for all objects of a class: it is known again by identity
        if len(nodes) > _MAX_NODES:
            nodes.clear()
        return nodes.setdefault(kept.type_name, kept)


def looks_same(one: Any, other: Any) -> bool:
    """Return whether two captured values look the same: ``1``, ``1.0`` and ``True`` do not."""
    if type(one) is not type(other):
        return False
    if type(one) is tuple:
        return len(one) == len(other) and all(map(looks_same, one, other))
    if type(one) is not Node:
        return bool(one == other)
    return (
        one.kind is other.kind
        and one.omitted == other.omitted
        and one.type_name == other.type_name
        and looks_same(one.items, other.items)
    )
