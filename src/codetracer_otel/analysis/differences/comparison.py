"""Compares two sides of repetitions: by call path, and by function where results are concerned."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.call_paths import PathCalls, PathTable
from codetracer_otel.analysis.differences.causes import explain
from codetracer_otel.analysis.differences.changes import Change, ChangeKind
from codetracer_otel.analysis.differences.noise import (
    MANY_CALLS,
    Noise,
    slowdowns_of,
    stall_of,
    typical,
)
from codetracer_otel.analysis.differences.repetitions import repetitions
from codetracer_otel.analysis.differences.result_changes import result_changes
from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetracer_otel.analysis.differences.repetitions import Repetition
    from codetracer_otel.traces import Traces

_CALLS_RATIO: Final = 1.05
_SLOWER: Final = 1.5
_NO_CALLS: Final = PathCalls()


@dataclass(slots=True)
class Comparison:
    """Two sides and what they differ in.

    Attributes:
        old: its repetitions; so is ``new``.
        table: of the call paths of both.
        noise: what is noise between them.
        changes: the heaviest first, those that others explain last.
        notes: what a reader must know.
    """

    old: list[Repetition]
    new: list[Repetition]
    table: PathTable
    noise: Noise
    changes: list[Change]
    notes: list[str]


def compare(old: Sequence[Traces], new: Sequence[Traces]) -> Comparison:
    """Compare what was read of the two sides, all with the same unit.

    Args:
        old: what each input holds; so is ``new``. None is empty.
        new: the side that is judged.
    """
    table = PathTable()
    before, after = (
        [run for traces in side for run in repetitions(traces, table)] for side in (old, new)
    )
    noise = _noise(before, after, is_exact=not old[0].is_timed)
    changes = _Comparer(before, after, table, noise).changes()
    explain(changes, table)
    changes.sort(key=lambda change: change.order)
    return Comparison(before, after, table, noise, changes, _notes(before, after, noise))


def _noise(old: list[Repetition], new: list[Repetition], *, is_exact: bool) -> Noise:
    return Noise(
        stall_of(run.calls for run in (*old, *new)),
        *slowdowns_of(old[0].calls, new[0].calls),
        median(run.length for run in old),
        is_exact,
        min(len(old), len(new)),
    )


class _Comparer:
    """Goes through the paths of both sides."""

    def __init__(
        self, old: list[Repetition], new: list[Repetition], table: PathTable, noise: Noise
    ) -> None:
        self._old, self._new = old, new
        self._table = table
        self._noise = noise
        self._known_before = self._names(old)
        self._known_after = self._names(new)
        self._totals = self._totals_of_paths()

    def changes(self) -> list[Change]:
        found: list[Change] = []
        for path in range(len(self._table)):
            found += self._of_path(path)
        found += result_changes(self._old, self._new)
        return found

    def _names(self, side: list[Repetition]) -> set[str]:
        return {self._table.names[path] for run in side for path in run.calls}

    def _totals_of_paths(self) -> dict[int, tuple[float, float]]:
        """Return for each path the own time of all calls on it and below, on both sides."""
        sums = [[0.0] * len(self._table), [0.0] * len(self._table)]
        for place, side in enumerate((self._old, self._new)):
            for run in side:
                for path, calls in run.calls.items():
                    sums[place][path] += sum(calls.owns) / len(side)
        for path in range(len(self._table) - 1, -1, -1):
            parent = self._table.parents[path]
            if parent != NONE:
                for own in sums:
                    own[parent] += own[path]
        return {path: (sums[0][path], sums[1][path]) for path in range(len(self._table))}

    def _calls(self, side: list[Repetition], path: int) -> list[PathCalls]:
        return [run.calls.get(path, _NO_CALLS) for run in side]

    def _count(self, side: list[Repetition], path: int) -> float:
        return median(calls.calls for calls in self._calls(side, path))

    def _of_path(self, path: int) -> list[Change]:
        old, new = self._count(self._old, path), self._count(self._new, path)
        if not old and not new:
            return []
        if not old or not new:
            change = self._appeared(path, old, new)
            errors = self._errors(path, old, new) if new else []
            leaving = [error for error in errors if self._leaves_what_is_new(path, error)]
            return [*([change] if change else []), *leaving]
        found = [self._number(path, old, new), *self._errors(path, old, new)]
        found.append(self._length(path, ChangeKind.SELF, lambda calls: calls.owns))
        if self._noise.has_repetitions:  # one pause delays all tasks that wait: they agree
            found.append(self._length(path, ChangeKind.TOTAL, lambda calls: calls.lengths))
        return [change for change in found if change is not None]

    def _appeared(self, path: int, old: float, new: float) -> Change | None:
        """Return that a path is new or gone; the paths below it go without saying."""
        parent = self._table.parents[path]
        here = (self._old, self._new)[not old]
        there = (self._new, self._old)[not old]
        if parent != NONE and not self._count(there, parent):
            return None
        may_be_lost = any(run.lost >= old + new for run in there if run.lost)
        if may_be_lost or self._is_unsteady(path):
            return None
        kind = ChangeKind.VANISHED if old else ChangeKind.NEW
        change = self._change(kind, path, old, new)
        change.share = abs(self._totals[path][1] - self._totals[path][0]) / self._noise.length
        name = self._table.names[path]
        if name in (self._known_before if new else self._known_after):
            change.note = "called from a new place" if new else "no longer called from here"
        else:
            change.note = "a new function" if new else "no longer called at all"
        below = sum(1 for inner in range(path, len(self._table)) if self._is_below(inner, path))
        if below:
            change.note += f", with {below} paths below it"
        example = next(calls.example for calls in self._calls(here, path) if calls.calls)
        change.new_example, change.old_example = (example, NONE) if new else (NONE, example)
        return change

    def _is_below(self, path: int, above: int) -> bool:
        path = self._table.parents[path]
        while path > above:
            path = self._table.parents[path]
        return path == above

    def _is_unsteady(self, path: int) -> bool:
        """Return whether the repetitions of one side do not agree that the path is there."""
        if self._noise.count == 1:
            return False
        return any(
            len({bool(calls.calls) for calls in self._calls(side, path)}) > 1
            for side in (self._old, self._new)
        )

    def _number(self, path: int, old: float, new: float) -> Change | None:
        """Return that there are more or fewer calls, for each call of their parent too."""
        if not self._differs(old, new, path):
            return None
        parent = self._table.parents[path]
        before = self._count(self._old, parent) if parent != NONE else 1
        after = self._count(self._new, parent) if parent != NONE else 1
        if before and after and not self._differs(old / before, new / after, path):
            return None  # as many more as there are of the parent
        change = self._change(ChangeKind.CALLS, path, old, new)
        change.share = abs(self._totals[path][1] - self._totals[path][0]) / self._noise.length
        if parent != NONE and before and after:
            change.note = (
                f"{_figure(old / before)} -> {_figure(new / after)} for each call of "
                f"{self._table.names[parent]}"
            )
        return change

    def _differs(self, old: float, new: float, path: int) -> bool:
        low, high = sorted((old, new))
        lost = max((run.lost / max(run.spans, 1) for run in (*self._old, *self._new)), default=0)
        if high <= low * max(_CALLS_RATIO, 1 + 2 * lost):
            return False
        return self._are_apart(path, lambda calls: calls.calls)

    def _are_apart(self, path: int, figure: Callable[[PathCalls], int]) -> bool:
        """Return whether no repetition of a side is like one of the other, if there are several."""
        if self._noise.count == 1:
            return True
        a, b = (
            [figure(calls) for calls in self._calls(side, path)] for side in (self._old, self._new)
        )
        return max(a) < min(b) or max(b) < min(a)

    def _errors(self, path: int, old: float, new: float) -> list[Change]:
        """Return for each type of exception that there are more or fewer."""
        before, after = (self._error_counts(side, path) for side in (self._old, self._new))
        found = []
        for kind in before.keys() | after.keys():
            was, now = before[kind], after[kind]
            rate = (was / max(old, 1), now / max(new, 1))
            if not self._differs_in_errors(path, kind, was, now) or rate[0] == rate[1]:
                continue
            change = self._change(ChangeKind.ERRORS, path, was, now)
            change.note = kind
            text = f"{_figure(was)} of {_figure(old)} calls, now {_figure(now)} of {_figure(new)}"
            change.details = [f"{kind}: {text}"]
            change.old_example, change.new_example = (
                next((calls.failed for calls in self._calls(side, path)), NONE)
                for side in (self._old, self._new)
            )
            found.append(change)
        return found

    def _leaves_what_is_new(self, path: int, error: Change) -> bool:
        """Return whether an exception on a new path is news to what was there before."""
        kind = error.note
        if self._errors_by_name(self._old, error.name, kind) >= error.new:
            return False  # the calls came from elsewhere before
        below = (inner for inner, parent in enumerate(self._table.parents) if parent == path)
        if any(self._error_counts(self._new, inner)[kind] for inner in below):
            return False  # it only passes
        above = self._table.parents[path]
        while above != NONE and not self._count(self._old, above):
            if not self._error_counts(self._new, above)[kind]:
                return False
            above = self._table.parents[above]
        return above != NONE

    def _errors_by_name(self, side: list[Repetition], name: str, kind: str) -> float:
        return max(
            sum(
                calls.errors[kind]
                for path, calls in run.calls.items()
                if self._table.names[path] == name
            )
            for run in side
        )

    def _error_counts(self, side: list[Repetition], path: int) -> Counter[str]:
        calls = self._calls(side, path)
        kinds = {kind for found in calls for kind in found.errors}
        return Counter({kind: median(found.errors[kind] for found in calls) for kind in kinds})

    def _differs_in_errors(self, path: int, kind: str, old: float, new: float) -> bool:
        low, high = sorted((old, new))
        if high <= low * _CALLS_RATIO:
            return False
        return self._are_apart(path, lambda calls: calls.errors[kind])

    def _length(
        self, path: int, kind: ChangeKind, lengths: Callable[[PathCalls], Sequence[int]]
    ) -> Change | None:
        """Return that a call takes longer or shorter than before."""
        old, new = (
            [lengths(calls) for calls in self._calls(side, path) if calls.calls]
            for side in (self._old, self._new)
        )
        if self._may_wait(path) or not self._noise.is_change(old, new):
            return None
        before, after = typical(old), typical(new)
        calls = self._count(self._new, path)
        was, now = self._totals[path]
        if kind is ChangeKind.TOTAL and abs(now - was) > abs(after - before) * calls / 2:
            return None  # work on it and below took longer, which is told of those paths or noise
        change = self._change(kind, path, before, after)
        change.share = abs(after - before) * calls / self._noise.length
        change.note = f"{_figure(calls)} calls"
        return change

    def _may_wait(self, path: int) -> bool:
        """Return whether a few calls wait for other threads, which one run says little about."""
        calls = [calls for side in (self._old, self._new) for calls in self._calls(side, path)]
        few = min(found.calls for found in calls) < MANY_CALLS
        return few and not self._noise.has_repetitions and any(found.waits for found in calls)

    def _change(self, kind: ChangeKind, path: int, old: float, new: float) -> Change:
        examples = [
            next((calls.example for calls in self._calls(side, path) if calls.calls), NONE)
            for side in (self._old, self._new)
        ]
        return Change(
            kind,
            path,
            self._table.names[path],
            self._table.way(path),
            old,
            new,
            old_example=examples[0],
            new_example=examples[1],
        )


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


def _notes(old: list[Repetition], new: list[Repetition], noise: Noise) -> list[str]:
    notes = [_note_of_times(noise)]
    for name, side in (("OLD", old), ("NEW", new)):
        lost = max(run.lost for run in side)
        if lost:
            notes.append(f"{name} lacks {lost:,} spans that were lost: counts are compared loosely")
    if _filters(old) != _filters(new):
        notes.append("the sides were recorded with different filters: what is new may be older")
    if noise.count == 1 and any(run.outcomes.is_concurrent for run in (*old, *new)):
        notes.append(
            "there are threads or tasks: results that objects or other threads decide were not "
            "compared; two runs or more of each side show which are steady"
        )
    return [note for note in notes if note]


def _note_of_times(noise: Noise) -> str:
    if noise.is_exact:
        return "recordings hold steps, which are compared exactly"
    if not noise.has_repetitions:
        return (
            "with fewer than three runs of each side, only large changes of time are reported: by "
            "a factor of 2 (functions with many calls) to 4 (with few calls); three runs of each "
            "show smaller ones: --old A B C --new D E F"
        )
    slower = noise.slowdown
    return f"the machine was about {slower:.1f} times slower for NEW" if slower > _SLOWER else ""


def _filters(side: list[Repetition]) -> set[str]:
    return {
        str(run.traces.spans.runs[number].facts.get("filters"))
        for run in side
        for number in run.runs[:1]
    }
