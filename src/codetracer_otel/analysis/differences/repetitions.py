"""Splits traces into repetitions: runs of one program that count as equals in a comparison."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from codetracer_otel.analysis.call_paths import merge
from codetracer_otel.analysis.differences.outcomes import collect
from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from codetracer_otel.analysis.call_paths import PathCalls, PathTable
    from codetracer_otel.analysis.differences.outcomes import Outcomes
    from codetracer_otel.traces import Traces


@dataclass(frozen=True, slots=True)
class Repetition:
    """One run with its child processes.

    Attributes:
        traces: it was read from.
        runs: numbers of what its processes wrote.
        calls: by path.
        outcomes: exceptions and results.
        length: from the first beginning to the last end, in ns or steps.
        spans: how many calls it holds.
        lost: how many it is known to lack.
    """

    traces: Traces
    runs: tuple[int, ...]
    calls: dict[int, PathCalls]
    outcomes: Outcomes
    length: int
    spans: int
    lost: int


def repetitions(traces: Traces, table: PathTable) -> list[Repetition]:
    """Return the repetitions that one input holds: several runs in one file are several."""
    return [_repetition(traces, table, runs) for runs in _groups(traces)]


def _repetition(traces: Traces, table: PathTable, runs: tuple[int, ...]) -> Repetition:
    spans = traces.spans
    calls, paths = merge(traces, table, runs)
    outcomes = collect(traces, calls, paths)
    of_it = array("i", (index for index, path in enumerate(paths) if path != NONE))
    begin = min((spans.starts[index] for index in of_it), default=0)
    end = max((spans.ends[index] for index in of_it), default=0)
    count = sum(found.calls for found in calls.values())
    lost = sum(sum(spans.runs[run].lost().values()) for run in runs)
    return Repetition(traces, runs, calls, outcomes, max(end - begin, 1), count, lost)


def _groups(traces: Traces) -> list[tuple[int, ...]]:
    """Return the runs of each repetition: one of the first file, and those of its children."""
    runs = traces.spans.runs
    if not runs:
        return [()]
    mains = [number for number, run in enumerate(runs) if run.label == runs[0].label]
    groups = {main: [main] for main in mains}
    parents = _parents(traces)
    for number in range(len(runs)):
        if number not in groups:
            groups[_main_of(traces, number, mains, parents)].append(number)
    return [tuple(group) for group in groups.values()]


def _parents(traces: Traces) -> dict[int, int]:
    """Return for runs the one whose span started theirs."""
    spans, found = traces.spans, {}
    for index, parent in enumerate(spans.parents):
        if parent != NONE and spans.run_of(parent) != spans.run_of(index):
            found[spans.run_of(index)] = spans.run_of(parent)
    return found


def _main_of(traces: Traces, number: int, mains: list[int], parents: dict[int, int]) -> int:
    seen: set[int] = set()
    run = number
    while run in parents and run not in seen and run not in mains:
        seen.add(run)
        run = parents[run]
    if run in mains:
        return run
    begun = _begin(traces, number)
    earlier = [main for main in mains if _begin(traces, main) <= begun]
    return earlier[-1] if earlier else mains[0]


def _begin(traces: Traces, number: int) -> str:
    return str(traces.spans.runs[number].facts.get("timestamp", ""))
