"""Finds functions that give other results for the same arguments."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.captured_values import ARGUMENT, RETURN, short_text
from codetracer_otel.analysis.differences.changes import Change, ChangeKind
from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.analysis.differences.outcomes import Results
    from codetracer_otel.analysis.differences.repetitions import Repetition

_EXAMPLES: Final = 3
_TWICE: Final = 2


@dataclass(slots=True)
class _Evidence:
    """What the repetitions of one side say of some arguments."""

    results: set[int] = field(default_factory=set)
    calls: int = 0
    runs: int = 0
    is_open: bool = False
    is_volatile: bool = False
    example: tuple[Repetition, int] | None = None

    def add(self, run: Repetition, found: Results) -> None:
        self.results |= found.counts.keys()
        self.calls += found.counts.total()
        self.runs += 1
        self.is_open = self.is_open or found.is_open
        self.is_volatile = self.is_volatile or found.is_volatile
        if self.example is None:
            self.example = (run, next(iter(found.examples.values())))


def result_changes(old: Sequence[Repetition], new: Sequence[Repetition]) -> list[Change]:
    """Return a change for each function whose results differ although they were steady."""
    names = {name for run in old for name in run.outcomes.results}
    is_concurrent = any(run.outcomes.is_concurrent for run in (*old, *new))
    found = [_of_function(name, old, new, is_concurrent=is_concurrent) for name in sorted(names)]
    return [change for change in found if change is not None]


def _of_function(
    name: str, old: Sequence[Repetition], new: Sequence[Repetition], *, is_concurrent: bool
) -> Change | None:
    before, after = _evidence(name, old), _evidence(name, new)
    shared = before.keys() & after.keys()
    is_steady = all(len(side[key].results) == 1 for side in (before, after) for key in shared)
    wrong = [
        key
        for key in shared
        if _is_other(before[key], after[key], is_concurrent=is_concurrent, is_steady=is_steady)
    ]
    if not wrong:
        return None
    change = Change(ChangeKind.RESULTS, NONE, name, [name], len(shared), len(wrong))
    change.note = f"for {len(wrong):,} of {len(shared):,} sets of arguments seen on both sides"
    for key in wrong[:_EXAMPLES]:
        change.details.append(_shown(before[key], after[key]))
    first_old, first_new = before[wrong[0]].example, after[wrong[0]].example
    if first_old and first_new:
        change.old_example, change.new_example = first_old[1], first_new[1]
    return change


def _evidence(name: str, side: Sequence[Repetition]) -> dict[int, _Evidence]:
    found: dict[int, _Evidence] = {}
    for run in side:
        for key, results in run.outcomes.results.get(name, {}).items():
            found.setdefault(key, _Evidence()).add(run, results)
    return found


def _is_other(old: _Evidence, new: _Evidence, *, is_concurrent: bool, is_steady: bool) -> bool:
    """Return whether results differ and the old ones can be relied on.

    One call says little where the result may depend on more than the arguments: on the state of
    an object, on what other threads did, on the clock.
    """
    if len(old.results) != 1 or new.results == old.results:
        return False
    is_sure = min(old.runs, new.runs) >= _TWICE and len(new.results) == 1
    if old.is_volatile or new.is_volatile:
        return is_sure
    if old.is_open or new.is_open:
        return is_sure or (is_steady and not is_concurrent)
    return len(new.results) == 1 or old.calls >= _TWICE


def _shown(old: _Evidence, new: _Evidence) -> str:
    if old.example is None or new.example is None:
        return ""
    arguments, before = _call(*old.example)
    return f"({arguments}) -> {before}, now {_call(*new.example)[1]}"


def _call(run: Repetition, index: int) -> tuple[str, str]:
    values = run.traces.details(index).values
    arguments = ", ".join(
        f"{key.removeprefix(ARGUMENT)}={short_text(value)}"
        for key, value in values
        if key.startswith(ARGUMENT)
    )
    result = next((short_text(value) for key, value in values if key == RETURN), "nothing")
    return arguments, result
