"""Escapes of the regular expressions that a filter may use: what may follow a backslash."""

from __future__ import annotations

import re
from typing import Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.patterns.pattern_error import PatternError, refuse_foreign

Atom = tuple[str, str, int]  # what is written for it, text it matches, its length in the pattern

_HEX: Final = {
    "x": lazy_regex(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,8})\})"),
    "u": lazy_regex(r"\\u(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,8})\})"),
    "U": lazy_regex(r"\\U(?:([0-9A-Fa-f]{8})|\{([0-9A-Fa-f]{1,8})\})"),
}
_PROPERTY: Final = lazy_regex(r"\\[pP](?:([A-Za-z])|\{([^{}]+)\})")
_CONTROL: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_SETS: Final = {"d": "0", "D": "a", "w": "a", "W": "-", "s": " ", "S": "a"}
_FOREIGN_ESCAPES: Final = {
    "Z": r"`\Z`; write `\z`",
    "G": r"the search anchor `\G`",
    "K": r"the keep-out `\K`",
    "R": r"the line-break set `\R`",
    "X": r"the grapheme set `\X`",
    "N": r"the named character `\N`",
    "L": r"the named list `\L`",
    "Q": r"the quotation `\Q`",
    "E": r"the quotation `\E`",
    "h": r"the horizontal-space set `\h`",
    "g": r"the group reference `\g`",
    "k": r"the backreference `\k`",
    "m": r"the word start `\m`",
    "M": r"the word end `\M`",
    "<": r"the word start `\<`",
    ">": r"the word end `\>`",
}


def read_escape(text: str, at: int, *, in_class: bool = False) -> Atom:
    """Read the escape that begins at ``at``.

    Raises:
        PatternError: it is not well-formed, or known to one of the two engines only.
    """
    char = text[at + 1 : at + 2]
    if not char:
        raise PatternError("the pattern ends in a single backslash; write `\\\\`")
    if char in _CONTROL:
        return "\\" + char, _CONTROL[char], 2
    if char in _SETS:
        return "\\" + char, _SETS[char], 2
    if char in _HEX:
        return _read_code_point(text, at)
    if char in "pP":
        return _read_property(text, at)
    if char in "AzbB":
        return _read_assertion(text, at, in_class=in_class)
    return _read_punctuation(char)


def _read_punctuation(char: str) -> Atom:
    if char in _FOREIGN_ESCAPES:
        refuse_foreign(_FOREIGN_ESCAPES[char])
    if char.isdigit():
        refuse_foreign(f"the backreference `\\{char}`")
    if char.isalpha() or not char.isascii():
        refuse_foreign(f"the escape `\\{char}`")
    return re.escape(char), char, 2


def _read_code_point(text: str, at: int) -> Atom:
    char = text[at + 1]
    found = _HEX[char].match(text, at)
    if found is None:
        raise PatternError(
            f"`\\{char}` needs hexadecimal digits, such as `\\x7F` or `\\x{{1F600}}`"
        )
    number = int(found[1] or found[2], 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004 - Unicode's limits
        raise PatternError(f"`{found[0]}` is no Unicode character")
    return re.escape(chr(number)), chr(number), len(found[0])


def _read_property(text: str, at: int) -> Atom:
    found = _PROPERTY.match(text, at)
    if found is None:
        raise PatternError("`\\p` needs a property, such as `\\p{L}`")
    return f"\\{text[at + 1]}{{{found[1] or found[2]}}}", "a", len(found[0])


def _read_assertion(text: str, at: int, *, in_class: bool) -> Atom:
    char = text[at + 1]
    if in_class:
        refuse_foreign(f"the assertion `\\{char}` inside a character class")
    if text.startswith("{", at + 2):
        refuse_foreign(f"`\\{char}{{...}}`")
    return r"\Z" if char == "z" else "\\" + char, "", 2
