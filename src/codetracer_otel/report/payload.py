"""Turns what a page shows into JSON that can stand inside HTML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.files.json_text import strict
from codetracer_otel.model.value import cut_marker

if TYPE_CHECKING:
    from codetracer_otel.traces.span_columns import Details

CHUNK: Final = 1_000
_MAX_EXACT: Final = 2**53
_MAX_VALUE: Final = 4 * 1024 * 1024
_MAX_TOTAL: Final = 192 * 1024 * 1024
_CUT: Final = 1_000
_IN_FUNCTION_TABLE: Final = frozenset(
    ("code.function.name", "code.file.path", "code.line.number", "thread.id", "thread.name")
)

_encode: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def html_safe_json(value: Any) -> str:
    """Return ASCII JSON in which no markup can begin or end."""
    text = _encode(value)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class DetailsEncoder:
    """Encodes details, keys by number; where a page would become too large it cuts long values.

    Attributes:
        keys: every key, by number.
        cut: how many values were cut.
    """

    def __init__(self, max_total: int = _MAX_TOTAL) -> None:
        self.keys: list[str] = []
        self.cut = 0
        self._numbers: dict[str, int] = {}
        self._room = max_total

    def encode(self, details: Details, origin: int) -> list[Any]:
        """Return the JSON form of details; times count from ``origin``."""
        events = [
            [
                self._text(name),
                None if at is None else at - origin,
                self._pairs(values),
            ]
            for name, at, values in details.events
        ]
        shown = [pair for pair in details.values if pair[0] not in _IN_FUNCTION_TABLE]
        found: list[Any] = [self._pairs(shown)]
        links = [[self._text(trace), self._text(span)] for trace, span in details.links]
        ids = [self.key(details.ids[0]), details.ids[1]] if details.ids else None
        found += [events, links, self._text(details.message), ids]
        while found and not found[-1]:
            found.pop()
        return found

    def key(self, text: str) -> int:
        """Return the number of a key."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.keys)
            self.keys.append(strict(self._text(text)))
        return number

    def _pairs(self, values: list[tuple[str, Any]]) -> list[Any]:
        flat: list[Any] = []
        for key, value in values:
            flat += (self.key(key), self._value(value))
        return flat

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            self._room -= 8
            return value if -_MAX_EXACT < value < _MAX_EXACT else str(value)
        plain = strict(value)
        if isinstance(plain, float):
            return plain
        return self._text(plain if isinstance(plain, str) else _encode(plain))

    def _text(self, text: str) -> str:
        limit = _MAX_VALUE if len(text) <= self._room else _CUT
        if len(text) > limit:
            self.cut += 1
            text = text[:limit] + cut_marker(len(text))
        self._room -= len(text)
        return text if text.isascii() else str(strict(text))
