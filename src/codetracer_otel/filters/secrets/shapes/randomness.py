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
_SIMILAR: Final = str.maketrans("123456789-", "000000000_")  # as far as text is concerned

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
_MOST_TRIPLES: Final = 20_000  # that are remembered
_LETTER_COUNT: Final = 26


class Drawn(NamedTuple):
    """A part of a text that was drawn at random."""

    score: int
    start: int
    end: int


@cache
def _table(packed: str) -> bytes:
    return zlib.decompress(base64.b85decode("".join(packed.split())))


_OTHER_KIND: Final = 4
_KIND_OF: Final = (
    dict.fromkeys(string.ascii_lowercase, 0)
    | dict.fromkeys(string.ascii_uppercase, 1)
    | {"0": 2, "_": 3}
)
_NUMBER_OF: Final = {letter: number for number, letter in enumerate(string.ascii_lowercase)} | {
    letter: number for number, letter in enumerate(string.ascii_uppercase)
}


class _Costs(dict[str, int]):
    """What the last of three characters costs in text."""

    def __missing__(self, triple: str) -> int:
        if len(self) > _MOST_TRIPLES:
            self.clear()
        self[triple] = cost = _cost(triple)
        return cost


FEWEST_DIFFERENT: Final = 9
"""Different characters of a token: of what is drawn at random hardly any has fewer."""

_COSTS: Final = _Costs()


def _cost(triple: str) -> int:
    first, second, third = (_KIND_OF.get(char, _OTHER_KIND) for char in triple)
    cost = 4 * _table(KINDS)[25 * first + 5 * second + third]
    if third > 1:
        return cost + (_DIGIT, _SEPARATOR, 0)[third - 2]
    row = 0  # of the letters of the same word that stand before, each one more than its number
    if second < 2 and (second, third) != (0, 1):  # noqa: PLR2004 - a letter
        row = _NUMBER_OF[triple[1]] + 1
        if first < 2 and (first, second) != (0, 1):  # noqa: PLR2004
            row += (_LETTER_COUNT + 1) * (_NUMBER_OF[triple[0]] + 1)
    return cost + 4 * _table(LETTERS)[_LETTER_COUNT * row + _NUMBER_OF[triple[2]]]


def without_digests(text: str) -> str:
    """Return a text with line ends for the characters of digests and UUIDs."""
    return _HEXADECIMAL.sub(lambda digits: _MASK * len(digits[0]), text)


def gains(text: str) -> list[int]:
    """Return for each character how much it speaks for having been drawn.

    Args:
        text: ASCII, `without_digests`.
    """
    gained = [_SEPARATORS.get(char, _OTHER_SEPARATOR) for char in text]
    similar = "  " + text.translate(_SIMILAR)
    for part in _PART.finditer(text):
        start, end = part.span()
        cost = _cost_if_drawn(part[0])
        gained[start:end] = [_COSTS[similar[i : i + 3]] - cost for i in range(start, end)]
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
