"""A gate for CI: which changes make a comparison fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.differences.changes import ChangeKind
from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import ErrorCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codetracer_otel.analysis.differences.changes import Change

_CONDITION: Final = re.compile(r"([a-z]+)(?:\s*>\s*(\d+(?:\.\d+)?)\s*%)?")
_EXPECTED: Final = (
    "expected conditions with commas: errors, results, new, vanished, calls, self or total, "
    "perhaps with a limit, such as self>20%"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must not be.

    Attributes:
        kind: of changes.
        most: by what part of the old figure there may be more, such as 0.2.
    """

    kind: ChangeKind
    most: float = 0.0

    def is_broken_by(self, change: Change) -> bool:
        """Return whether a change is of this kind, for the worse, and beyond the limit."""
        if change.kind is not self.kind or not change.is_worse:
            return False
        return change.kind is ChangeKind.RESULTS or (
            change.ratio > self.most or change.kind is ChangeKind.VANISHED
        )


def parse_gate(text: str) -> tuple[Condition, ...]:
    """Return the conditions of a text such as ``self>20%,calls>10%,errors,new``.

    Raises:
        UsageError: it has another form.
    """
    found = []
    for part in text.split(","):
        match = _CONDITION.fullmatch(part.strip())
        kinds = [kind for kind in ChangeKind if match and kind.value == match[1]]
        if match is None or not kinds:
            message = f"--fail-on: not a condition, got {part.strip()!r}; {_EXPECTED}"
            raise UsageError(message, ErrorCode.INVALID_POLICY_VALUE)
        found.append(Condition(kinds[0], float(match[2] or 0) / 100))
    return tuple(found)


def broken(conditions: Sequence[Condition], changes: Iterable[Change]) -> list[Change]:
    """Return the changes that break a condition."""
    return [
        change
        for change in changes
        if any(condition.is_broken_by(change) for condition in conditions)
    ]
