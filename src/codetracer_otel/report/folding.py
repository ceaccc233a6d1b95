"""Chooses the spans that a page shows; runs of the others become one entry each."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from codetracer_otel.report.spans import NONE, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.report.spans import Spans
    from codetracer_otel.report.tree import Tree

_ERROR: Final = int(Mark.ERROR)  # a flag's own operators are slow


@dataclass(slots=True)
class Run:
    """Siblings next to each other that are not shown one by one.

    Attributes:
        first: the span it begins with.
        spans: how many they are with all below them; ``errors`` of these failed.
        calls: function -> (number of siblings, their total length).
    """

    first: int
    parent: int
    thread: int
    start: int
    end: int
    spans: int = 0
    errors: int = 0
    calls: Counter[int] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Folded:
    """What is shown.

    Attributes:
        kept: spans, each behind its parent.
        runs: of what is not kept.
        hidden: number of spans in runs.
        per_function: how many calls of a function by one parent are shown whatever they took.
    """

    kept: list[int]
    runs: list[Run] = field(default_factory=list)
    hidden: int = 0
    per_function: int = 0


def fold(spans: Spans, tree: Tree, limit: int) -> Folded:
    """Choose at most ``limit`` entries.

    Of the calls of one function by one parent the failed ones and then the longest stay. Where
    even one of each is too much, the longest spans of all stay.
    """
    if len(spans) <= limit:
        return Folded(list(tree.order))
    ranks = _ranks(spans, tree)
    sizes, errors = _below(spans, tree)
    budget = limit
    for attempt in count():
        folded = _chosen(spans, tree, ranks, budget)
        folded.runs = list(_runs(spans, tree, folded.kept, sizes, errors))
        excess = len(folded.kept) + len(folded.runs) - limit
        if excess <= 0 or not budget:
            break
        # spans that go may each become a run of their own: ever larger steps
        budget = max(budget - (excess << attempt), 0)
    folded.hidden = len(spans) - len(folded.kept)
    return folded


def _chosen(spans: Spans, tree: Tree, ranks: array[int], budget: int) -> Folded:
    """Choose by rank, and the longest spans of the first rank that does not fit as a whole."""
    counts = Counter(ranks)
    total = most = 0
    while total + counts[most] <= budget:
        total += counts[most]
        most += 1
    room = budget - total
    shortest = _threshold(spans, ranks, most, room)
    kept: list[int] = []
    is_kept = bytearray(len(spans))
    for index in tree.order:
        parent = spans.parents[index]
        if ranks[index] >= most:
            if ranks[index] > most or not room or not (parent == NONE or is_kept[parent]):
                continue
            if spans.ends[index] - spans.starts[index] < shortest:
                continue
            room -= 1
        is_kept[index] = True
        kept.append(index)
    return Folded(kept, per_function=most)


def _threshold(spans: Spans, ranks: array[int], rank: int, room: int) -> int:
    """Return the length that the ``room`` longest spans of a rank have at least."""
    lengths = [
        spans.ends[index] - spans.starts[index] for index, own in enumerate(ranks) if own == rank
    ]
    lengths.sort(reverse=True)
    return lengths[max(room - 1, 0)]


def _ranks(spans: Spans, tree: Tree) -> array[int]:
    """Return for each span its place among its parent's calls of its function, from 0.

    A span below one of a higher place has that one.
    """
    ranks = array("i", [0]) * len(spans)
    functions, marks, starts, ends = spans.functions, spans.marks, spans.starts, spans.ends

    def importance(index: int) -> tuple[int, int]:
        return -(marks[index] & _ERROR), starts[index] - ends[index]

    for parent in (NONE, *tree.order):
        groups: dict[int, list[int]] = {}
        for child in tree.children(parent):
            groups.setdefault(functions[child], []).append(child)
        least = 0 if parent == NONE else ranks[parent]
        for group in groups.values():
            if len(group) > 1:
                group.sort(key=importance)
            for place, child in enumerate(group):
                ranks[child] = max(place, least)
    return ranks


def _below(spans: Spans, tree: Tree) -> tuple[array[int], array[int]]:
    """Return how many spans each one is with those below it, and how many of these failed."""
    sizes = array("i", [1]) * len(spans)
    errors = array("i", (mark & _ERROR for mark in spans.marks))
    for index in reversed(tree.order):
        parent = spans.parents[index]
        if parent != NONE:
            sizes[parent] += sizes[index]
            errors[parent] += errors[index]
    return sizes, errors


def _runs(
    spans: Spans, tree: Tree, kept: list[int], sizes: array[int], errors: array[int]
) -> Iterator[Run]:
    is_kept = bytearray(len(spans))
    for index in kept:
        is_kept[index] = True
    for parent in (NONE, *kept):
        current: dict[int, Run] = {}
        for child in tree.children(parent):
            thread = spans.threads[child]
            if is_kept[child]:
                if thread in current:
                    yield current.pop(thread)
                continue
            run = current.get(thread)
            if run is None:
                start = spans.starts[child]
                run = current[thread] = Run(child, parent, thread, start, start)
            _add(run, spans, child, sizes[child], errors[child])
        yield from current.values()


def _add(run: Run, spans: Spans, index: int, size: int, errors: int) -> None:
    function = spans.functions[index]
    run.end = max(run.end, spans.ends[index])
    run.spans += size
    run.errors += errors
    run.calls[function] += 1
    run.lengths[function] += spans.ends[index] - spans.starts[index]
