"""Finds who called whom: children in the order of their beginnings, and spans parents first."""

from __future__ import annotations

from array import array
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.traces.span_columns import Spans


class Tree:
    """The spans as a forest. Parents that go round in a circle are taken apart.

    Args:
        spans: with their parents.

    Attributes:
        order: every span, each after its parent, siblings earliest first.
        depths: number of spans above each.
        circles: how many circles were taken apart.
    """

    def __init__(self, spans: Spans) -> None:
        count = len(spans)
        self._parents = spans.parents
        self._first = array("i", [NONE]) * count
        self._next = array("i", [NONE]) * count
        self._root = NONE
        starts = spans.starts
        for index in reversed(sorted(range(count), key=starts.__getitem__)):  # noqa: C413 - equal ones turn round, too
            self._link(index)
        self.depths = array("i", [NONE]) * count
        self.order = array("i")
        self.circles = 0
        self._walk(self._root)
        if len(self.order) < count:
            self._open_circles(count)

    def children(self, index: int) -> Iterator[int]:
        """Yield the children of a span, or the roots, earliest first."""
        child = self._root if index == NONE else self._first[index]
        while child != NONE:
            yield child
            child = self._next[child]

    def families(self) -> Iterator[tuple[int, list[int]]]:
        """Yield who has children, `NONE` first, then spans behind their parents, with these."""
        for index in chain((NONE,), self.order):
            child = self._root if index == NONE else self._first[index]
            if child != NONE:
                yield index, list(self.children(index))

    def _link(self, index: int) -> None:
        parent = self._parents[index]
        if parent == NONE:
            self._next[index], self._root = self._root, index
        else:
            self._next[index], self._first[parent] = self._first[parent], index

    def _walk(self, root: int) -> None:
        first, following, depths = self._first, self._next, self.depths
        add = self.order.append
        stack = [(root, 0)] if root != NONE else []
        while stack:
            index, depth = stack.pop()
            depths[index] = depth
            add(index)
            if following[index] != NONE:
                stack.append((following[index], depth))
            if first[index] != NONE:
                stack.append((first[index], depth + 1))

    def _open_circles(self, count: int) -> None:
        for index in range(count):
            if self.depths[index] != NONE:
                continue
            first = self._in_circle(index)
            self._unlink(first)
            self._next[first], self._root = self._root, first
            self.circles += 1
            self._reach(first)

    def _in_circle(self, index: int) -> int:
        """Return the first span above an unreached one that was met before."""
        met: set[int] = set()
        while index not in met:
            met.add(index)
            index = self._parents[index]
        return index

    def _unlink(self, index: int) -> None:
        parent = self._parents[index]
        siblings = [child for child in self.children(parent) if child != index]
        for child, following in pairwise([*siblings, NONE]):
            self._next[child] = following
        self._first[parent] = siblings[0] if siblings else NONE
        self._parents[index] = NONE

    def _reach(self, index: int) -> None:
        following, self._next[index] = self._next[index], NONE
        self._walk(index)
        self._next[index] = following
