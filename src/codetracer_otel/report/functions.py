"""What the calls of each function took, over every span, folded ones included."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codetracer_otel.report.spans import NONE, Mark

if TYPE_CHECKING:
    from codetracer_otel.report.spans import Spans
    from codetracer_otel.report.tree import Tree

_ERROR: Final = int(Mark.ERROR)  # a flag's own operators are slow


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
    own = own_times(spans, tree)
    count = len(spans.function_table)
    lengths = [array("q") for _ in range(count)]
    errors, owns, totals = ([0] * count for _ in range(3))
    open_calls: list[tuple[int, int]] = []  # (depth, function) of the way to the current span
    inside = [0] * count
    for index in tree.order:
        depth, function = tree.depths[index], spans.functions[index]
        while open_calls and open_calls[-1][0] >= depth:
            inside[open_calls.pop()[1]] -= 1
        length = spans.ends[index] - spans.starts[index]
        if not inside[function]:
            totals[function] += length
        inside[function] += 1
        open_calls.append((depth, function))
        lengths[function].append(length)
        errors[function] += spans.marks[index] & _ERROR
        owns[function] += own[index]
    return [
        _figures(lengths[number], errors[number], totals[number], owns[number])
        for number in range(count)
    ]


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
    own = array("q", (end - start for start, end in zip(starts, ends, strict=True)))
    covered = array("q", starts)  # up to where a parent's time is a child's
    for index in tree.order:
        parent = parents[index]
        if parent == NONE or threads[parent] != threads[index]:
            continue
        begin = max(starts[index], covered[parent])
        end = min(ends[index], ends[parent])
        if end > begin:
            own[parent] -= end - begin
            covered[parent] = end
    for index, busy in enumerate(spans.busy):
        if NONE < busy < own[index]:
            own[index] = busy
    return own
