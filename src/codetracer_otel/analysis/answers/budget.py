"""Keeps an answer within a number of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_TOKENS: Final = 2_000
CHARACTERS: Final = 3  # of a token at least, on average over names, numbers and punctuation
_RESERVE: Final = 40  # tokens for the line that says what is missing


def within(lines: Iterable[str], hint: str, most: int = MOST_TOKENS) -> str:
    """Return as many lines as fit, and how many more there are with what to do about them."""
    room = (min(max(most, 100), MOST_TOKENS) - _RESERVE) * CHARACTERS
    shown: list[str] = []
    missing = 0
    for line in lines:
        if missing or len(line) + 1 > room:
            missing += 1
            continue
        room -= len(line) + 1
        shown.append(line)
    if missing:
        shown.append(f"... {missing} more lines; {hint}")
    return "\n".join(shown)
