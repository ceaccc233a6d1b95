"""Merges the calls of a page by call path, for its flame graph."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.analysis.call_paths import PathTable, merge
from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.analysis.call_paths import PathCalls
    from codetracer_otel.traces import Traces

MOST_PATHS: Final = 20_000


def flame_columns(traces: Traces, sides: Sequence[Sequence[int]] = ()) -> dict[str, Any]:
    """Return the paths as columns, parents first; if there are too many, only the longest.

    Args:
        traces: what was read.
        sides: numbers of the runs of the old and of the new side, or nothing for all as one.
    """
    table = PathTable()
    merged = [merge(traces, table, runs)[0] for runs in sides or (None,)]
    totals = _totals(table, merged)
    kept = sorted(sorted(range(len(table)), key=lambda path: -totals[path])[:MOST_PATHS])
    numbers = {path: number for number, path in enumerate(kept)} | {NONE: NONE}
    functions: dict[str, int] = {}
    for number, function in enumerate(traces.spans.function_table):
        functions.setdefault(function.name, number)
    columns: dict[str, Any] = {
        "parent": [numbers[table.parents[path]] for path in kept],
        "function": [functions[table.names[path]] for path in kept],
        "hidden": len(table) - len(kept),
    }
    for name, calls in zip(("old", "new") if sides else ("all",), merged, strict=True):
        columns[name] = [_figures(calls.get(path)) for path in kept]
    return columns


def _figures(calls: PathCalls | None) -> list[int]:
    """Return the own time of all calls, and their number."""
    return [0, 0] if calls is None else [sum(calls.owns), calls.calls]


def _totals(table: PathTable, merged: Sequence[dict[int, PathCalls]]) -> array[int]:
    """Return the time on each path and below; a path never has more than its parent."""
    totals = array("q", [0]) * len(table)
    for calls in merged:
        for path, found in calls.items():
            totals[path] += sum(found.owns) + 1
    for path in range(len(table) - 1, -1, -1):
        parent = table.parents[path]
        if parent != NONE:
            totals[parent] += totals[path]
    return totals
