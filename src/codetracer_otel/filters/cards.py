"""Card numbers in text: 13 to 19 digits that pass the Luhn check."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_DIGITS: Final = 13
MAX_DIGITS: Final = 19

_SEQUENCE: Final = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,}+")
_GROUP: Final = re.compile(r"[0-9]+")
# Six digits name the issuer, not the card; more of them may be one that the cut took the rest of.
_AT_CUT: Final = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){6,}+[ -]?\Z")
_TAIL_LENGTH: Final = 64


def find_cards(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find card numbers, with single spaces or dashes between digits; one may reach the cut."""
    spans = [span for match in _SEQUENCE.finditer(text) for span in _cards_in(match)]
    if is_cut:
        tail = _AT_CUT.search(text, max(0, len(text) - _TAIL_LENGTH))
        if tail is not None:
            spans.append(tail.span())
    return spans


def _cards_in(sequence: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the runs of whole groups that are card numbers: other numbers may stand beside."""
    groups = [match.span() for match in _GROUP.finditer(sequence.string, *sequence.span())]
    if len(groups) == 1 and len(sequence[0]) > MAX_DIGITS:
        return
    sums = _LuhnSums(sequence[0])
    first_digits = [0]
    for start, end in groups:
        first_digits.append(first_digits[-1] + end - start)
    index = 0
    while index < len(groups):
        last = _card_from(index, first_digits, sums)
        if last is None:
            index += 1
        else:
            yield groups[index][0], groups[last][1]
            index = last + 1


def _card_from(first: int, first_digits: list[int], sums: _LuhnSums) -> int | None:
    """Return the last group of the longest card number that begins at group ``first``."""
    begin = first_digits[first]
    shortest = bisect_left(first_digits, begin + MIN_DIGITS)
    longest = bisect_right(first_digits, begin + MAX_DIGITS) - 1
    for last in range(longest, shortest - 1, -1):
        if sums.passes(begin, first_digits[last]):
            return last - 1
    return None


class _LuhnSums:
    """Running sums over digits, so that checking any window of them takes constant time."""

    __slots__ = ("_even", "_odd")

    def __init__(self, text: str) -> None:
        self._even = [0]  # digits at even indices doubled
        self._odd = [0]
        doubled = self._even, self._odd
        for index, char in enumerate(char for char in text if char not in " -"):
            digit = ord(char) - 48
            twice = digit * 2 - 9 if digit > 4 else digit * 2  # noqa: PLR2004 - 5 doubled has two digits
            plain = doubled[1 - index % 2]
            doubled[index % 2].append(doubled[index % 2][-1] + twice)
            plain.append(plain[-1] + digit)

    def passes(self, begin: int, end: int) -> bool:
        """Return whether digits ``begin`` to ``end`` pass the Luhn check (ISO/IEC 7812-1)."""
        sums = self._odd if end % 2 else self._even
        return (sums[end] - sums[begin]) % 10 == 0
