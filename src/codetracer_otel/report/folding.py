"""Chooses the spans that a page shows; runs of the others become one entry each."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import field
from itertools import count
from operator import sub
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE, Mark

if TYPE_CHECKING:
    from codetracer_otel.traces.call_tree import Tree
    from codetracer_otel.traces.span_columns import Spans

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
    budget = limit
    for attempt in count():
        folded = _chosen(spans, tree, ranks, budget)
        hidden = _hidden(spans, tree, folded.kept)
        excess = len(folded.kept) + len(hidden) - limit
        if excess <= 0 or not budget:
            break
        # spans that go may each become a run of their own: ever larger steps
        budget = max(budget - (excess << attempt), 0)
    sizes, errors = _below(spans, tree)
    folded.runs = [_run(spans, members, sizes, errors) for members in hidden]
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
    functions = spans.functions
    shortness = array("q", map(sub, spans.starts, spans.ends))
    failed = {index for index, mark in enumerate(spans.marks) if mark & _ERROR}
    for parent, children in tree.families():
        least = 0 if parent == NONE else ranks[parent]
        if len(children) == 1:
            ranks[children[0]] = least
            continue
        groups: dict[int, list[int]] = {}
        for child in children:
            groups.setdefault(functions[child], []).append(child)
        for group in groups.values():
            if len(group) > 1:
                group.sort(key=shortness.__getitem__)
                if not failed.isdisjoint(group):
                    group.sort(key=failed.__contains__, reverse=True)
            for place, child in enumerate(group):
                ranks[child] = max(place, least)
    return ranks


def _below(spans: Spans, tree: Tree) -> tuple[array[int], array[int]]:
    """Return how many spans each one is with those below it, and how many of these failed."""
    sizes = array("i", [1]) * len(spans)
    errors = array("i", (mark & _ERROR for mark in spans.marks))
    parents = spans.parents
    for index in reversed(tree.order):
        parent = parents[index]
        if parent != NONE:
            sizes[parent] += sizes[index]
            if errors[index]:
                errors[parent] += errors[index]
    return sizes, errors


def _hidden(spans: Spans, tree: Tree, kept: list[int]) -> list[list[int]]:
    """Return siblings of one thread next to each other that are not kept, below what is."""
    is_kept = bytearray(len(spans))
    for index in kept:
        is_kept[index] = True
    threads, found = spans.threads, []
    for parent in (NONE, *kept):
        current: dict[int, list[int]] = {}
        for child in tree.children(parent):
            thread = threads[child]
            if is_kept[child]:
                current.pop(thread, None)
            elif thread in current:
                current[thread].append(child)
            else:
                current[thread] = [child]
                found.append(current[thread])
    return found


def _run(spans: Spans, members: list[int], sizes: array[int], errors: array[int]) -> Run:
    first = members[0]
    functions, starts, ends = spans.functions, spans.starts, spans.ends
    run = Run(first, spans.parents[first], spans.threads[first], starts[first], ends[first])
    run.end = max(map(ends.__getitem__, members))
    run.spans = sum(map(sizes.__getitem__, members))
    run.errors = sum(map(errors.__getitem__, members))
    run.calls.update(map(functions.__getitem__, members))
    for index in members:
        run.lengths[functions[index]] += ends[index] - starts[index]
    return run
