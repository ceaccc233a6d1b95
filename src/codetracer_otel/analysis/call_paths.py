"""Merges the calls of a run by call path: who called whom, by names, over all threads and tasks."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.function_table import own_times
from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.traces import Traces

_ERROR: Final = int(Mark.ERROR)  # an int: operators of enum.Flag are slow
_MOST_FOLDED: Final = 10_000  # a bound: a file may state any number of folded calls


class PathTable:
    """Numbers call paths; several runs may share it.

    Attributes:
        names: the last function of each path.
        parents: the path without it, or `NONE`; always a smaller number.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.parents = array("i")
        self._numbers: dict[tuple[int, str], int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def number(self, parent: int, name: str) -> int:
        """Return the number of the path that ``name`` makes of ``parent``."""
        key = (parent, name)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.names)
            self.names.append(name)
            self.parents.append(parent)
        return found

    def way(self, path: int) -> list[str]:
        """Return the functions of a path, the outermost first."""
        found = []
        while path != NONE:
            found.append(self.names[path])
            path = self.parents[path]
        return found[::-1]


@dataclass(slots=True)
class PathCalls:
    """The calls by one path in one run; lengths in ns or steps.

    Attributes:
        errors: type of exception -> how many calls it left.
        owns: of each call its time without its children on the same thread and without waiting.
        lengths: of each call from its beginning to its end.
        example: index of its first span; ``failed``: of the first that failed, or `NONE`.
        waits: other threads or tasks run below a call, for which it may wait.
    """

    calls: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    owns: array[int] = field(default_factory=lambda: array("q"))
    lengths: array[int] = field(default_factory=lambda: array("q"))
    example: int = NONE
    failed: int = NONE
    waits: bool = False


def merge(
    traces: Traces, table: PathTable, wanted: Iterable[int] | None = None
) -> tuple[dict[int, PathCalls], array[int]]:
    """Return the calls of each path, and the path of each span.

    Args:
        traces: what was read.
        table: of the paths; it grows.
        wanted: numbers of the runs whose spans count; by default all.
    """
    spans = traces.spans
    runs = set(range(len(spans.runs)) if wanted is None else wanted)
    threads = [thread.run in runs for thread in spans.thread_table]
    names = [function.name for function in spans.function_table]
    own = own_times(spans, traces.tree)
    paths = array("i", [NONE]) * len(spans)
    found: dict[int, PathCalls] = {}
    for index in traces.tree.order:
        if not threads[spans.threads[index]]:
            continue
        parent = spans.parents[index]
        path = table.number(
            NONE if parent == NONE else paths[parent], names[spans.functions[index]]
        )
        paths[index] = path
        calls = found.get(path)
        if calls is None:
            calls = found[path] = PathCalls(example=index)
        _count(traces, index, own[index], calls)
    return found, paths


def _count(traces: Traces, index: int, own: int, calls: PathCalls) -> None:
    spans = traces.spans
    folded = spans.folded.get(index)
    if folded is not None:
        calls.calls += folded.count
        mean = array("q", [folded.total // folded.count]) * min(folded.count, _MOST_FOLDED)
        calls.owns += mean
        calls.lengths += mean
        return
    calls.calls += 1
    calls.owns.append(own)
    calls.lengths.append(spans.ends[index] - spans.starts[index])
    if spans.marks[index] & _ERROR and calls.failed == NONE:
        calls.failed = index
