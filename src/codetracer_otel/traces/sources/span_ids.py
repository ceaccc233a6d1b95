"""Finds spans by trace id and span id, over all inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from codetracer_otel.traces.span_columns import Spans

_ID_BITS: Final = 64


class SpanIds:
    """The ids of the spans that were read."""

    def __init__(self) -> None:
        self._traces: dict[str, int] = {}
        self._spans: dict[int, int] = {}
        self._waiting: list[tuple[int, int]] = []

    def add(self, index: int, trace_id: str, span_id: str, parent_id: str | None) -> int:
        """Add a span; return the one with its ids, which may be there already.

        Raises:
            ValueError: an id is not hexadecimal.
        """
        trace = self._traces.setdefault(trace_id, len(self._traces)) << _ID_BITS
        key = trace | _id(span_id)
        parent = trace | _id(parent_id) if parent_id else NONE
        known = self._spans.setdefault(key, index)
        if known == index and parent != NONE:
            self._waiting.append((index, parent))
        return known

    def connect(self, spans: Spans) -> int:
        """Give each span its parent; return how many parents are not there."""
        missing = 0
        for index, key in self._waiting:
            parent = self._spans.get(key, NONE)
            missing += parent == NONE
            spans.parents[index] = parent
        self._waiting.clear()
        return missing

    def find(self, span_id: str) -> list[int]:
        """Return the spans with this id, one of each trace that has it."""
        try:
            number = _id(span_id)
        except ValueError:
            return []
        keys = ((trace << _ID_BITS) | number for trace in range(len(self._traces)))
        return [self._spans[key] for key in keys if key in self._spans]

    def forget(self) -> None:
        """Release the memory of the ids; nothing is found any more."""
        self._spans.clear()


def _id(text: str) -> int:
    number = int(text, 16)
    if number >> _ID_BITS:
        raise ValueError(text)
    return number
