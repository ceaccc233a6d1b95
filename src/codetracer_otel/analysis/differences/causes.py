"""Finds which changes others explain: a cause is named before what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.differences.changes import ChangeKind
from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.analysis.call_paths import PathTable
    from codetracer_otel.analysis.differences.changes import Change

_TIMES: Final = (ChangeKind.SELF, ChangeKind.TOTAL)
_OF_TIME: Final = (ChangeKind.SELF, ChangeKind.CALLS, ChangeKind.NEW, ChangeKind.VANISHED)


def explain(changes: list[Change], table: PathTable) -> None:
    """Set the cause of each change that another one explains.

    * An exception goes up: the deepest path with it is the cause.
    * What is missing below or beside a new exception is so because of it.
    * A longer total comes from a change of time below, or from a longer total there.
    * Another result comes from whatever changed below the function.
    """
    by_path: dict[int, list[Change]] = {}
    for change in changes:
        if change.path != NONE:
            by_path.setdefault(change.path, []).append(change)
    below = _below(by_path, table)
    results = {change.name for change in changes if change.kind is ChangeKind.RESULTS}
    behind_results = _below_functions(by_path, table, results)
    for change in changes:
        if change.kind is ChangeKind.RESULTS:
            change.cause = behind_results.get(change.name)
        else:
            change.cause = _cause(change, below.get(change.path, []), by_path, table)


def _below(by_path: dict[int, list[Change]], table: PathTable) -> dict[int, list[Change]]:
    """Return for each path the changes of those below it, the deepest first."""
    found: dict[int, list[Change]] = {}
    for path in sorted(by_path, reverse=True):
        above = table.parents[path]
        while above != NONE:
            found.setdefault(above, []).extend(by_path[path])
            above = table.parents[above]
    return found


def _cause(
    change: Change, below: list[Change], by_path: dict[int, list[Change]], table: PathTable
) -> int | None:
    if change.kind is ChangeKind.ERRORS:
        return _first(below, lambda other: _is_same_error(change, other))
    if change.kind is ChangeKind.TOTAL:
        own = [other for other in by_path[change.path] if other.kind is ChangeKind.SELF]
        return _first(
            [*own, *below],
            lambda other: (
                other.kind in (*_OF_TIME, ChangeKind.TOTAL) and other.is_worse == change.is_worse
            ),
        )
    return _error_beside(change, by_path, table)


def _is_same_error(change: Change, other: Change) -> bool:
    return (
        other.kind is ChangeKind.ERRORS
        and other.note == change.note
        and other.is_worse == change.is_worse
    )


def _error_beside(change: Change, by_path: dict[int, list[Change]], table: PathTable) -> int | None:
    """Return the new exception that explains why calls are missing, new, or more or fewer."""
    if change.kind is ChangeKind.SELF:
        return None
    parent = table.parents[change.path]
    here = [parent] if parent != NONE else []
    siblings = [path for path in by_path if table.parents[path] == parent and path != change.path]
    for path in (*here, *siblings):
        for other in by_path.get(path, ()):
            if other.kind is ChangeKind.ERRORS and other.is_worse and other.path != change.path:
                return other.path
    return None


def _below_functions(
    by_path: dict[int, list[Change]], table: PathTable, results: set[str]
) -> dict[str, int]:
    """Return for functions with other results a path below with a change that explains them.

    What else than a time changed there comes first, then another result.
    """
    strong: dict[str, int] = {}
    weak: dict[str, int] = {}
    for path, name in enumerate(table.names):
        is_changed = any(change.kind not in _TIMES for change in by_path.get(path, ()))
        if not is_changed and name not in results:
            continue
        way = set(table.way(path))
        for above in way & results:
            if is_changed:
                strong.setdefault(above, path)
            elif above != name:
                weak.setdefault(above, path)
    return weak | strong


def _first(changes: list[Change], fits: Callable[[Change], bool]) -> int | None:
    return next((other.path for other in changes if fits(other)), None)
