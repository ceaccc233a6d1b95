"""Reads the times that lines hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_TEXT_LENGTH: Final = 27  # 2026-01-31T12:00:00.000000Z
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Times:
    """Reads RFC 3339 texts, each second only once."""

    def __init__(self) -> None:
        self._seconds: dict[str, int] = {}

    def unix_ns(self, text: str) -> int:
        """Return Unix time in ns.

        Raises:
            ValueError: the text is no time.
        """
        if len(text) != _TEXT_LENGTH or text[19] != "." or text[26] != "Z":
            return self._other(text)
        fraction = text[20:26]
        if not (fraction.isascii() and fraction.isdigit()):
            raise ValueError(text)
        second = text[:19]
        seconds = self._seconds.get(second)
        if seconds is None:
            seconds = self._seconds[second] = self._other(second + "Z") // 1_000_000_000
        return seconds * 1_000_000_000 + int(fraction) * 1000

    def _other(self, text: str) -> int:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(text)
        passed = found - _EPOCH
        return ((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds) * 1000
