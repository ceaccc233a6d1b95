"""Gives each slice a lane of its thread in which slices nest, and its depth there."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.traces.span_columns import NONE, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

# JSON lines hold beginnings in whole microseconds and lengths in ns.
TOLERANCE_NS: Final = 1_000


@dataclass(slots=True)
class Slice:
    """A span, or a run of spans, with its place in the layout.

    Attributes:
        parent: index of the parent's slice, which comes before this one; or `NONE`.
        marks: bits of `Mark`.
    """

    start: int
    end: int
    parent: int
    thread: int
    marks: int = 0
    lane: int = NONE
    depth: int = 0


@dataclass(slots=True)
class Lane:
    """Rows in which slices of one thread nest.

    Attributes:
        number: 0 for the thread's calls, then for what runs beside them.
        kind: ``calls``, ``task`` or ``generator``.
        rows: how many.
        open: indexes of slices that are not over, each inside the one before.
    """

    thread: int
    number: int
    kind: str = "calls"
    rows: int = 0
    open: list[int] = field(default_factory=list)


def lay_out(slices: Sequence[Slice], tolerance: int = 0) -> list[Lane]:
    """Set lane and depth of each slice; return the lanes, each thread's together.

    A span that was suspended while others of its thread ran stands in a lane of its own: a task,
    or a generator that its consumer reads.

    Args:
        slices: each behind its parent.
        tolerance: by how much an end may lie after the beginning that followed it; in the unit of
            the slices.
    """
    layout = _Layout(slices, tolerance)
    layout.run()
    lanes = layout.lanes
    found = [lane for thread in sorted(lanes) for lane in lanes[thread] if lane.rows]
    numbers = {id(lane): number for number, lane in enumerate(found)}
    for place in slices:
        place.lane = numbers[id(lanes[place.thread][place.lane])]
    return found


class _Layout:
    def __init__(self, slices: Sequence[Slice], tolerance: int) -> None:
        self.lanes: dict[int, list[Lane]] = {}
        self._slices = slices
        self._tolerance = tolerance
        self._order = sorted(range(len(slices)), key=lambda index: (slices[index].start, index))

    def run(self) -> None:
        """Put every slice into a lane."""
        beside = self._beside()
        for index in self._order:
            place = self._slices[index]
            lanes = self.lanes.setdefault(place.thread, [Lane(place.thread, 0)])
            lane = None if index in beside else self._lane_of_calls(place, lanes)
            self._put(index, place, lane or self._free_lane(place, lanes))

    def _beside(self) -> set[int]:
        """Return the suspended slices that overlap a sibling: every one that is still open."""
        found: set[int] = set()
        waiting: dict[tuple[int, int], list[int]] = {}  # suspended, no overlap so far
        ends: dict[tuple[int, int], int] = {}  # latest end of the siblings that are no generators
        for index in self._order:
            place = self._slices[index]
            key, limit = (place.parent, place.thread), place.start + self._tolerance
            before = waiting.pop(key, ())
            found.update(known for known in before if self._slices[known].end > limit)
            if place.marks & Mark.SUSPENDED:
                if ends.get(key, limit) > limit:
                    found.add(index)
                else:
                    waiting[key] = [index]
            if not place.marks & Mark.GENERATOR:
                ends[key] = max(place.end, ends.get(key, place.end))
        return found

    def _put(self, index: int, place: Slice, lane: Lane) -> None:
        place.lane = lane.number
        place.depth = len(lane.open)
        lane.open.append(index)
        lane.rows = max(lane.rows, place.depth + 1)

    def _lane_of_calls(self, place: Slice, lanes: list[Lane]) -> Lane | None:
        """Return the lane in which a slice lies inside its parent, or where it just fits."""
        parent = self._slices[place.parent] if place.parent != NONE else None
        if parent is None or parent.thread != place.thread or parent.lane == NONE:
            self._close(lanes[0], place)
            return lanes[0] if self._fits(lanes[0], place) else None
        lane = lanes[parent.lane]
        self._close(lane, place)
        is_innermost = bool(lane.open) and lane.open[-1] == place.parent
        return lane if is_innermost and self._fits(lane, place) else None

    def _fits(self, lane: Lane, place: Slice) -> bool:
        return not lane.open or place.end <= self._slices[lane.open[-1]].end + self._tolerance

    def _free_lane(self, place: Slice, lanes: list[Lane]) -> Lane:
        kind = "generator" if place.marks & Mark.GENERATOR else "task"
        for lane in lanes[1:]:
            if lane.kind == kind:
                self._close(lane, place)
                if not lane.open:
                    return lane
        lanes.append(Lane(place.thread, len(lanes), kind))
        return lanes[-1]

    def _close(self, lane: Lane, place: Slice) -> None:
        """End what was over when ``place`` began; its parent was not."""
        limit = place.start + self._tolerance
        while lane.open and lane.open[-1] != place.parent:
            if self._slices[lane.open[-1]].end > limit:
                return
            lane.open.pop()
