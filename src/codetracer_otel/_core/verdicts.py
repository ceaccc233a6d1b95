"""Answers compiled code about the names of keys and fields, and remembers what it has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.instrumentation.values.adjacent_secrets import NAME_FIELDS, VALUE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

# As in `writer.h`.
_SHOWN: Final = 1
_HOLDS: Final = 2  # it may hold what another field names
_NAMES: Final = 4  # it may name another field

_MOST_NAMES: Final = 4096


class NameVerdicts:
    """What is known about names; compiled code looks into ``known`` and asks for the rest.

    Args:
        is_shown: whether what stands under a name is shown.
    """

    def __init__(self, is_shown: Callable[[str], bool]) -> None:
        self.known: dict[str, int] = {}
        self._is_shown = is_shown

    def judge(self, name: str) -> None:
        """Find out about a name, an exact text."""
        verdict = _SHOWN if self._is_shown(name) else 0
        if name in VALUE_FIELDS:
            verdict |= _HOLDS
        if name in NAME_FIELDS:
            verdict |= _NAMES
        if len(self.known) >= _MOST_NAMES:
            self.known.clear()
        self.known[name] = verdict
