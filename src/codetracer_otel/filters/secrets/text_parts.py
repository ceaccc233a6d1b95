"""Parts of a text, and their replacement."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TextPart = tuple[int, int]  # where it begins and ends


class TextParts:
    """A set of parts of one text."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, parts: Sequence[TextPart]) -> None:
        """Add parts; they may overlap with each other and with those that are there."""
        if parts:
            merged = _merge([*zip(self._starts, self._ends, strict=True), *parts])
            self._starts = [start for start, _ in merged]
            self._ends = [end for _, end in merged]

    def covers(self, part: TextPart) -> bool:
        """Return whether all of a part belongs to the set."""
        index = bisect_right(self._starts, part[0]) - 1
        return index >= 0 and part[1] <= self._ends[index]


def _merge(parts: Iterable[TextPart]) -> list[TextPart]:
    """Return the parts in order, overlapping ones as one."""
    merged: list[TextPart] = []
    for start, end in sorted(parts):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def replace_parts(text: str, parts: Sequence[TextPart], replacement: str) -> str:
    """Return ``text`` with every part replaced; overlapping ones are one."""
    pieces: list[str] = []
    position = 0
    for start, end in _merge(parts):
        pieces += (text[position:start], replacement)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


class Finder(Protocol):
    """Finds the parts of a text that have one shape."""

    def __call__(self, text: str, *, is_cut: bool) -> Iterable[tuple[int, int]]:
        """Return the parts to replace as (start, end).

        Args:
            text: any text.
            is_cut: whether its end was cut off: a shape that reaches it extends to the end.
        """
