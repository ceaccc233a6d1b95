"""Counts how often patterns took too long, and knows which are no longer tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codetracer_otel.filters.types import RuleSource
    from codetracer_otel.model.protocols import Notify

MOST_TIMEOUTS: Final = 3  # of one pattern: each costs 50 ms, and a thousand texts a minute


class Patience:
    """Counts the time-outs of patterns; a pattern with too many has decided for good.

    Args:
        notify: told of the first time-out of a pattern, and that it is given up.
        event: what it is told of the first time-out.

    Attributes:
        given_up: patterns that are taken to match whatever they are asked about.
        timeouts: of all patterns.
    """

    __slots__ = ("_counts", "_event", "_notify", "given_up", "timeouts")

    def __init__(self, notify: Notify | None, event: str) -> None:
        self._notify = notify
        self._event = event
        self._counts: dict[RuleSource, int] = {}
        self.given_up: set[RuleSource] = set()
        self.timeouts = 0

    def timed_out(self, source: RuleSource) -> None:
        """Take note of a match that took too long."""
        self.timeouts += 1
        count = self._counts[source] = self._counts.get(source, 0) + 1
        if count == 1:
            self._tell(self._event, source)
        if count == MOST_TIMEOUTS:
            self.given_up.add(source)
            self._tell("pattern_given_up", source)

    def _tell(self, event: str, source: RuleSource) -> None:
        if self._notify is not None:
            facts = {"file": source.file, "line": source.line, "selector": source.selector}
            self._notify(event, level="warning", **facts)
