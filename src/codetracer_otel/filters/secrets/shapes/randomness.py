"""Whether letters and digits are mixed as in what is drawn at random."""

from __future__ import annotations

import operator
import string
from typing import Final, NamedTuple

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

PART: Final = lazy_regex(r"[A-Za-z0-9]+")
_KINDS: Final = str.maketrans(
    dict.fromkeys(string.digits, "d")
    | dict.fromkeys(string.ascii_uppercase, "u")
    | dict.fromkeys(string.ascii_lowercase, "l")
)
_SEPARATORS: Final = lazy_regex(r"[^A-Za-z0-9]+")


class Mix(NamedTuple):
    """What a stretch of letters and digits is made of.

    Attributes:
        changes: from one of capitals, small letters and digits to another.
        is_hex: whether it is hexadecimal digits of one case.
    """

    length: int
    digits: int
    upper: int
    lower: int
    changes: int
    is_hex: bool

    @property
    def is_random(self) -> bool:
        """Whether letters and digits change as often as in what is drawn at random."""
        cases = (self.upper > 0) + (self.lower > 0)
        if not self.digits:  # one in fifty of 22 characters
            return self.length >= 20 and cases > 1 and self.changes * 100 >= self.length * 40  # noqa: PLR2004
        if not cases or self.digits * 5 > self.length * 4:
            return False
        return self.changes * 100 >= self.length * (30 if cases > 1 else 20)

    @property
    def is_of_all_kinds(self) -> bool:
        """Whether capitals, small letters and digits are all there and change all the time."""
        kinds = min(self.upper, self.lower, self.digits)
        return kinds > 1 and self.changes * 100 >= self.length * 42


def mix_of(text: str) -> Mix:
    """Return the mix of a text's letters and digits, without what separates them."""
    part = _SEPARATORS.sub("", text)
    kinds = part.translate(_KINDS)
    changes = sum(map(operator.ne, kinds, kinds[1:]))
    digits, upper = kinds.count("d"), kinds.count("u")
    return Mix(len(part), digits, upper, len(part) - digits - upper, changes, is_hex(part))


def mix_of_longest(text: str) -> Mix:
    """Return the mix of the longest stretch of letters and digits."""
    return mix_of(max(PART.findall(text), key=len, default=""))


def is_hex(part: str) -> bool:
    """Return whether a text is hexadecimal digits of one case."""
    return not part.strip("0123456789abcdef") or not part.strip("0123456789ABCDEF")


def looks_made_up(text: str) -> bool:
    """Return whether a part of a text is letters and digits mixed as no words are."""
    return any(_is_mixed(part[0]) for part in PART.finditer(text))


def _is_mixed(part: str) -> bool:
    if len(part) < 7:  # noqa: PLR2004 - shorter words have digits and humps by chance
        return False
    has_digit = any(char.isdigit() for char in part)
    uppers = sum(char.isupper() for char in part)
    has_letter = not part.isdigit()
    return (has_digit and has_letter) or (uppers > 1 and not part.isupper())
