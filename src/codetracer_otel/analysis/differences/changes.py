"""What two sides of a comparison differ in, as data."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE


class ChangeKind(Enum):
    """What changed; the order is that of their weight where times say nothing."""

    ERRORS = "errors"
    RESULTS = "results"
    NEW = "new"
    VANISHED = "vanished"
    CALLS = "calls"
    SELF = "self"
    TOTAL = "total"


_WEIGHTS: Final = {
    ChangeKind.ERRORS: 3.0,
    ChangeKind.RESULTS: 2.5,
    ChangeKind.NEW: 2.0,
    ChangeKind.VANISHED: 1.8,
    ChangeKind.CALLS: 1.5,
    ChangeKind.SELF: 1.0,
    ChangeKind.TOTAL: 0.9,
}
_OF_TIME: Final = 2.0
"""What a change weighs that takes the whole run, beside what its kind weighs."""


@dataclass(slots=True)
class Change:
    """One difference.

    Attributes:
        kind: what differs.
        path: number of the call path, or `NONE` for one that concerns all calls of a function.
        name: of the function.
        way: the functions of the path, the outermost first.
        old: figure of the old side: calls, failed calls, or the length of a call; medians.
        new: of the new side.
        share: of the run's time that is gained or lost by it, from 0.
        note: what else is known, for people.
        old_example: index of a span of the old side, or `NONE`; ``new_example``: of the new one.
        cause: path of the change that explains this one, or None.
        details: texts behind it: exceptions, arguments with results.
    """

    kind: ChangeKind
    path: int
    name: str
    way: list[str]
    old: float
    new: float
    share: float = 0.0
    note: str = ""
    old_example: int = NONE
    new_example: int = NONE
    cause: int | None = None
    details: list[str] = field(default_factory=list)

    @property
    def is_worse(self) -> bool:
        """Whether it is no improvement."""
        return self.kind in _NEVER_BETTER or self.new > self.old

    @property
    def ratio(self) -> float:
        """How much more there is than before; infinite where nothing was."""
        if not self.old:
            return float("inf") if self.new else 0.0
        return self.new / self.old - 1

    @property
    def weight(self) -> float:
        """By what changes are ordered."""
        return _WEIGHTS[self.kind] + _OF_TIME * min(self.share, 1.0)

    @property
    def order(self) -> tuple[bool, bool, float, int, str]:
        """What to sort by: causes first, then what got worse, then the heaviest and deepest."""
        return self.cause is not None, not self.is_worse, -self.weight, -len(self.way), self.name


_NEVER_BETTER: Final = (ChangeKind.RESULTS, ChangeKind.NEW, ChangeKind.VANISHED)
