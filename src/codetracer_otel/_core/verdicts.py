"""Tells compiled code whether names of keys and fields are hidden, and remembers the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.decisions.adjacent_names import holds_something, names_something
from codetracer_otel.filters.types import Action

if TYPE_CHECKING:
    from collections.abc import Callable

# As in `writer.h`.
_SHOWN: Final = 1
_HOLDS: Final = 2  # it may hold what another field names
_NAMES: Final = 4  # it may name another field
_HIDDEN: Final = 8
_BY_ACTION: Final = {Action.ALLOW: _SHOWN, Action.REDACT: _HIDDEN}

_MOST_NAMES: Final = 4096


class NameVerdicts:
    """What is known about names; compiled code looks into ``known`` and asks for the rest.

    Args:
        action_for: what happens to the value that stands under a name.
    """

    def __init__(self, action_for: Callable[[str], Action]) -> None:
        self.known: dict[str, int] = {}
        self._action_for = action_for

    def judge(self, name: str) -> None:
        """Find out about a name, an exact text."""
        verdict = _BY_ACTION.get(self._action_for(name), 0)
        if holds_something(name):
            verdict |= _HOLDS
        if names_something(name):
            verdict |= _NAMES
        if len(self.known) >= _MOST_NAMES:
            self.known.clear()
        self.known[name] = verdict
