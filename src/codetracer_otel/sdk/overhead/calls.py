"""Counts recorded calls by function, and finds the costliest and least informative ones."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from codetracer_otel.model.record import Plan
    from codetracer_otel.model.record_block import RecordBlock, Tally

_SHORT_NS: Final = 100_000  # on average; of a longer one the recording is no twentieth
_MOST_FAILING: Final = 10_000  # functions
_FEW: Final = 0.1  # share of calls that may have others below them, or begin a trace


class FunctionCalls:
    """Calls of one function since a moment."""

    __slots__ = ("calls", "failed", "ns", "parents", "plan", "roots")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.calls = self.ns = self.parents = self.roots = self.failed = 0

    def add(self, tally: Tally) -> None:
        """Count what a block has of it."""
        self.calls += tally.calls
        self.ns += tally.ns
        self.parents += tally.parents
        self.roots += tally.roots
        self.failed += tally.failed

    @property
    def tells_little(self) -> bool:
        """Whether calls are short, have nothing below them, and begin no trace."""
        few = _FEW * self.calls
        is_short = self.ns < _SHORT_NS * self.calls
        return is_short and self.parents <= few and self.roots <= few

    @property
    def stays(self) -> bool:
        """Whether a rule of the user's keeps it."""
        return self.plan.always or self.plan.root


class Calls:
    """Counts the calls in blocks of records.

    Attributes:
        number: of all calls since the last `restart`.
        failing: ids of the plans of which a call has failed, with the plan.
    """

    def __init__(self) -> None:
        self._functions: dict[int, FunctionCalls] = {}
        self.number = 0
        self.failing: OrderedDict[int, Plan] = OrderedDict()

    def add(self, block: RecordBlock) -> None:
        """Count what a block holds."""
        for tally in block.tallies():
            key = id(tally.plan)
            function = self._functions.get(key)
            if function is None:
                function = self._functions[key] = FunctionCalls(tally.plan)
            function.add(tally)
            self.number += tally.calls
            if tally.failed:
                self.failing[key] = tally.plan
                if len(self.failing) > _MOST_FAILING:
                    self.failing.popitem(last=False)

    def restart(self) -> None:
        """Count anew."""
        self._functions.clear()
        self.number = 0

    def number_of(self, plans: Iterable[int]) -> int:
        """Return how many calls the plans with these ids have."""
        return sum(self._functions[key].calls for key in plans if key in self._functions)

    def hottest(self, left_alone: Container[int]) -> Iterable[FunctionCalls]:
        """Return functions with little information, those with most calls first.

        Args:
            left_alone: ids of plans that are no answer.
        """
        found = [
            function
            for key, function in self._functions.items()
            if key not in left_alone and not function.stays and function.tells_little
        ]
        return sorted(found, key=lambda function: -function.calls)
