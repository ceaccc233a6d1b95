"""Counts what the rules of a chain match, and says of those that matched nothing what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.language.lint import find_slips
from codetracer_otel.filters.language.selector import MatchType, SelectorKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.filters.language.chain import ScopeRule
    from codetracer_otel.filters.types import CodeIdentity

_MOST_SEEN: Final = 2_000
_BUILTIN: Final = "<builtin:"
_WILD: Final = "*?[{"


class RuleHits:
    """How many code objects each rule of a user matched.

    Args:
        rules: of the chain, in their order.
        roots: its project roots.
    """

    def __init__(self, rules: Sequence[ScopeRule], roots: tuple[str, ...]) -> None:
        self._roots = roots
        self._hits = {
            number: 0
            for number, rule in enumerate(rules)
            if not rule.source.file.startswith(_BUILTIN)
        }
        self._rules = rules
        self._seen: list[CodeIdentity] = []

    def count(self, matching: Sequence[int], identity: CodeIdentity, *, is_foreign: bool) -> None:
        """Count a code object.

        Args:
            matching: numbers of the rules that match it; ``~number`` for one that took too long.
            identity: the code object's.
            is_foreign: the builtin filter leaves it out: nobody misspells its name.
        """
        for number in matching:
            if number in self._hits:
                self._hits[number] += 1
        if self._hits and not is_foreign and len(self._seen) < _MOST_SEEN:
            self._seen.append(identity)

    def stats(self) -> dict[str, int]:
        """Return the counts by ``file:line`` of the rules."""
        return {_place(self._rules[number]): hits for number, hits in self._hits.items()}

    def unmatched(self) -> list[str]:
        """Return a sentence for each rule that matched nothing though something was meant by it."""
        missed = [self._rules[number] for number, hits in self._hits.items() if not hits]
        return [
            f"rule {_place(rule)} `{rule.selector.text}` matched nothing{meant}"
            for rule in missed
            if (meant := self._meant(rule))
        ]

    def _meant(self, rule: ScopeRule) -> str:
        for identity in self._seen:
            for slip in find_slips([rule], identity, self._roots):
                return f": it {slip.partition(f'{rule.selector.text} ')[2]}"
        from difflib import get_close_matches  # noqa: PLC0415 - only for the message

        close = get_close_matches(_stem(rule), self._names(rule), n=1, cutoff=0.75)
        return f"; did you mean {close[0]}?" if close else ""

    def _names(self, rule: ScopeRule) -> list[str]:
        """Return what was seen of the kind that a rule selects, as long as its fixed part."""
        if rule.selector.match not in (MatchType.GLOB, MatchType.LITERAL):
            return []
        count = _stem(rule).count(".") + 1
        kind = rule.selector.kind
        names = {
            name if kind is SelectorKind.PKG else f"{name}.{identity.qualname}"
            for identity in self._seen
            for name in identity.module_names
            if kind in (SelectorKind.PKG, SelectorKind.OBJ)
        }
        return sorted({".".join(name.split(".")[:count]) for name in names})


def _stem(rule: ScopeRule) -> str:
    """Return the part of a pattern that is a name: up to its first wildcard."""
    pattern = rule.selector.pattern
    wild = [place for mark in _WILD if (place := pattern.find(mark)) >= 0]
    return pattern[: min(wild, default=len(pattern))].rstrip(".")


def _place(rule: ScopeRule) -> str:
    return f"{rule.source.file}:{rule.source.line}"
