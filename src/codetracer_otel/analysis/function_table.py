"""Sums up the time of each function's calls over every span, folded ones included."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE, Mark

if TYPE_CHECKING:
    from codetracer_otel.traces.call_tree import Tree
    from codetracer_otel.traces.span_columns import Spans

_ERROR: Final = int(Mark.ERROR)  # an int: operators of enum.Flag are slow
_MOST_FOLDED: Final = 100_000  # a bound: a file may state any number of folded calls


@dataclass(slots=True)
class FunctionTimes:
    """Figures of one function; times in ns or steps.

    Attributes:
        total: of calls that are not inside another call of the same function.
        own: without the time in children on the same thread.
    """

    calls: int
    errors: int
    total: int
    own: int
    p50: int
    p95: int
    longest: int


def measure(spans: Spans, tree: Tree) -> list[FunctionTimes]:
    """Return the figures of each function, in the order of the function table."""
    count = len(spans.function_table)
    lengths = _lengths(spans, count)
    errors, owns = [0] * count, [0] * count
    for function, mark, own in zip(
        spans.functions, spans.marks, own_times(spans, tree), strict=True
    ):
        owns[function] += own
        if mark & _ERROR:
            errors[function] += 1
    totals = _totals(spans, tree, count)
    figures = [
        _figures(lengths[number], errors[number], totals[number], owns[number])
        for number in range(count)
    ]
    _add_folded(spans, figures)
    return figures


def _add_folded(spans: Spans, figures: list[FunctionTimes]) -> None:
    """Count the calls that a span stands for; percentiles are of the others."""
    for index, folded in spans.folded.items():
        found = figures[spans.functions[index]]
        found.calls += folded.count - min(folded.count, _MOST_FOLDED)
        found.errors += folded.errors - bool(spans.marks[index] & _ERROR)
        found.longest = max(found.longest, folded.longest)


def _lengths(spans: Spans, count: int) -> list[array[int]]:
    """Return the lengths of each function's calls; of folded ones some of the mean length."""
    lengths = [array("q") for _ in range(count)]
    for function, start, end in zip(spans.functions, spans.starts, spans.ends, strict=True):
        lengths[function].append(end - start)
    for index, folded in spans.folded.items():
        found = lengths[spans.functions[index]]
        found.remove(spans.ends[index] - spans.starts[index])
        found.extend([folded.total // folded.count] * min(folded.count, _MOST_FOLDED))
    return lengths


def _totals(spans: Spans, tree: Tree, count: int) -> list[int]:
    """Return for each function the length of those calls that are in no other call of it."""
    totals, inside = [0] * count, [0] * count
    functions, depths, starts, ends = spans.functions, tree.depths, spans.starts, spans.ends
    open_calls: list[int] = []  # functions on the way to the current span
    for index in tree.order:
        function, depth = functions[index], depths[index]
        while len(open_calls) > depth:
            inside[open_calls.pop()] -= 1
        if not inside[function]:
            folded = spans.folded.get(index)
            totals[function] += folded.total if folded else ends[index] - starts[index]
        inside[function] += 1
        open_calls.append(function)
    return totals


def _figures(lengths: array[int], errors: int, total: int, own: int) -> FunctionTimes:
    ordered = sorted(lengths)
    last = len(ordered) - 1
    p50, p95 = (ordered[round(last * share)] if ordered else 0 for share in (0.5, 0.95))
    return FunctionTimes(
        len(ordered), errors, total, own, p50, p95, ordered[last] if ordered else 0
    )


def own_times(spans: Spans, tree: Tree) -> array[int]:
    """Return for each span its time outside of its children on the same thread.

    Children that overlap count once. Time in which a body was suspended is not its own.
    """
    starts, ends, parents, threads = spans.starts, spans.ends, spans.parents, spans.threads
    folded = spans.folded
    own = array("q", (end - start for start, end in zip(starts, ends, strict=True)))
    covered = array("q", starts)  # up to where children have taken their parent's time
    for index in tree.order:
        parent = parents[index]
        if parent == NONE or threads[parent] != threads[index] or index in folded:
            continue
        begin, end = starts[index], ends[index]
        if begin < covered[parent]:  # noqa: PLR1730 - min() and max() take twice as long
            begin = covered[parent]
        if end > ends[parent]:  # noqa: PLR1730
            end = ends[parent]
        if end > begin:
            own[parent] -= end - begin
            covered[parent] = end
    _settle_folded(spans, own)
    for index, busy in enumerate(spans.busy):
        if NONE < busy < own[index]:
            own[index] = busy
    return own


def _settle_folded(spans: Spans, own: array[int]) -> None:
    """Give folded calls their time: others ran between them, and that is not theirs."""
    for index, folded in spans.folded.items():
        own[index] = folded.total
        parent = spans.parents[index]
        if parent != NONE and spans.threads[parent] == spans.threads[index]:
            own[parent] = max(own[parent] - folded.total, 0)
