"""An index of scope rules by what their selectors begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codetracer_otel.filters.language.selector import Matcher


class RuleIndex:
    """Finds the rules of one kind that match a text without asking each of them.

    Args:
        rules: numbers of rules with their matchers.
    """

    __slots__ = ("_by_prefix", "_exact", "_open")

    def __init__(self, rules: Iterable[tuple[int, Matcher]]) -> None:
        self._exact: dict[str, list[int]] = {}
        self._open: list[tuple[int, Callable[[str], bool]]] = []
        by_length: dict[int, dict[str, list[tuple[int, Callable[[str], bool]]]]] = {}
        for number, matcher in rules:
            if matcher.exact is not None:
                for text in matcher.exact:
                    self._exact.setdefault(text, []).append(number)
            elif "" in matcher.prefixes:
                self._open.append((number, matcher.matches))
            else:
                for prefix in matcher.prefixes:
                    of_length = by_length.setdefault(len(prefix), {})
                    of_length.setdefault(prefix, []).append((number, matcher.matches))
        self._by_prefix = tuple(by_length.items())

    def find(self, text: str, found: list[int]) -> None:
        """Append the numbers of matching rules; ``~number`` where matching took too long."""
        found += self._exact.get(text, ())
        candidates = self._open
        for length, rules in self._by_prefix:
            fitting = rules.get(text[:length])
            if fitting is not None:
                candidates = candidates + fitting
        for number, matches in candidates:
            try:
                if matches(text):
                    found.append(number)
            except TimeoutError:
                found.append(~number)
