"""How much speaks for a part of a text having been drawn at random, in quarters of a bit.

A character of words, names and paths mostly follows from the two before it; one that was drawn does
not. What it costs to write down a character in either way is counted, and the difference is added
up over the text: the parts with the highest sums were drawn, wherever they begin and end, whatever
word is glued to them. Digests and UUIDs are drawn as well, and left out here.
"""

from __future__ import annotations

import base64
import string
import zlib
from functools import cache
from typing import Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.shapes.letter_triples import KINDS, LETTERS

_PART: Final = lazy_regex(r"[A-Za-z0-9]+")
_HEXADECIMAL: Final = lazy_regex(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9a-f]{12,}|[0-9A-F]{12,}"
)
_MASK: Final = "\n"

# Of one character among 62, 36, 26 and 10.
_COST_OF_ANY: Final = 24
_COST_OF_ONE_CASE: Final = 21
_COST_OF_LETTERS: Final = 19
_COST_OF_DIGITS: Final = 20  # rows of them are numbers
# What separates parts of tokens, and more often something else.
_SEPARATORS: Final = {_MASK: -1, "_": -6, "-": -6, "+": -4, "/": -4, "=": -48, ":": -48}
_OTHER_SEPARATOR: Final = -24
_DIGIT: Final = 13
_SEPARATOR: Final = 4
_END: Final = 96  # as much in a row speaks for text, and what was drawn ends before
_LETTER_COUNT: Final = 26


class Drawn(NamedTuple):
    """A part of a text that was drawn at random."""

    score: int
    start: int
    end: int


@cache
def _table(packed: str) -> bytes:
    return zlib.decompress(base64.b85decode("".join(packed.split())))


# Characters by number: small letters, capitals, any digit, `_` and `-`, all others.
_CAPITALS: Final = _LETTER_COUNT
_FIRST_DIGIT: Final = 2 * _LETTER_COUNT
_DASH: Final = _FIRST_DIGIT + 1
_OTHER: Final = _FIRST_DIGIT + 2
_NUMBERS: Final = bytes(
    byte - ord("a")
    if chr(byte) in string.ascii_lowercase
    else byte - ord("A") + _CAPITALS
    if chr(byte) in string.ascii_uppercase
    else _FIRST_DIGIT
    if chr(byte) in string.digits
    else _DASH
    if chr(byte) in "_-"
    else _OTHER
    for byte in range(256)
)
_LOWER, _UPPER = range(2)  # kinds; the others have one character each


class _Behind(dict[int, bytes]):
    """Second character -> what each third one costs in text behind a first one and it.

    Made as pairs are met: of texts that were drawn hardly any three characters come again, so that
    remembering the costs of three would not help.
    """

    __slots__ = ("_first",)

    def __init__(self, first: int) -> None:
        self._first = first

    def __missing__(self, second: int) -> bytes:
        self[second] = costs = _costs_behind(self._first, second)
        return costs


_BEHIND: Final = tuple(map(_Behind, range(_OTHER + 1)))
FEWEST_DIFFERENT: Final = 9
"""Different characters of a token: of what is drawn at random hardly any has fewer."""


def _kind(number: int) -> int:
    return number // _LETTER_COUNT if number < _FIRST_DIGIT else number - _FIRST_DIGIT + 2


def _costs_behind(first: int, second: int) -> bytes:
    """Return what each character costs behind two others, by its number."""
    before, kind = _kind(first), _kind(second)
    of_kinds = _table(KINDS)[25 * before + 5 * kind :][:5]
    letters = _table(LETTERS)
    costs: list[int] = []
    for third in (_LOWER, _UPPER):
        row = 0  # of the letters of the same word that stand before, each one more than its number
        if kind <= _UPPER and (kind, third) != (_LOWER, _UPPER):
            row = second % _LETTER_COUNT + 1
            if before <= _UPPER and (before, kind) != (_LOWER, _UPPER):
                row += (_LETTER_COUNT + 1) * (first % _LETTER_COUNT + 1)
        costs += [4 * (of_kinds[third] + n) for n in letters[_LETTER_COUNT * row :][:_LETTER_COUNT]]
    _, _, digit, dash, other = of_kinds
    return bytes((*costs, 4 * digit + _DIGIT, 4 * dash + _SEPARATOR, 4 * other))


def without_digests(text: str) -> str:
    """Return a text with line ends for the characters of digests and UUIDs."""
    return _HEXADECIMAL.sub(lambda digits: _MASK * len(digits[0]), text)


def gains(text: str) -> list[int]:
    """Return for each character how much it speaks for having been drawn.

    Args:
        text: ASCII, `without_digests`.
    """
    gained = [_SEPARATORS.get(char, _OTHER_SEPARATOR) for char in text]
    numbers = f"  {text}".encode("latin-1", "replace").translate(_NUMBERS)
    for part in _PART.finditer(text):
        start, end = part.span()
        cost = _cost_if_drawn(part[0])
        gained[start:end] = [
            _BEHIND[first][second][third] - cost
            for first, second, third in zip(
                numbers[start:end],
                numbers[start + 1 : end + 1],
                numbers[start + 2 : end + 2],
                strict=True,
            )
        ]
    return gained


def _cost_if_drawn(part: str) -> int:
    if part.isdigit():
        return _COST_OF_DIGITS
    if not (part.islower() or part.isupper()):
        return _COST_OF_ANY
    return _COST_OF_LETTERS if part.isalpha() else _COST_OF_ONE_CASE


def drawn_parts(gained: list[int], least: int) -> list[Drawn]:
    """Return the parts that gain at least so much, in order."""
    found: list[Drawn] = []
    total = score = start = end = 0
    for index, gain in enumerate(gained):
        total += gain
        if total > score:
            score, end = total, index + 1
        elif total <= 0 or total < score - _END:
            if score >= least:
                found.append(Drawn(score, start, end))
            total = score = 0
            start = index + 1
    if score >= least:
        found.append(Drawn(score, start, end))
    return found


def is_hex(part: str) -> bool:
    """Return whether a text is hexadecimal digits of one case."""
    return not part.strip("0123456789abcdef") or not part.strip("0123456789ABCDEF")


def looks_made_up(text: str) -> bool:
    """Return whether a part of a text is letters and digits mixed as no words are."""
    return any(_is_mixed(part[0]) for part in _PART.finditer(text))


def _is_mixed(part: str) -> bool:
    if len(part) < 7:  # noqa: PLR2004 - shorter words have digits and humps by chance
        return False
    has_digit = any(char.isdigit() for char in part)
    uppers = sum(char.isupper() for char in part)
    has_letter = not part.isdigit()
    return (has_digit and has_letter) or (uppers > 1 and not part.isupper())
