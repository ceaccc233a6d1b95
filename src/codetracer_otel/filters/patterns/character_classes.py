"""Character classes of the regular expressions a filter may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.escapes import read_escape
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.patterns.pattern_error import PatternError, refuse_foreign

if TYPE_CHECKING:
    from codetracer_otel.filters.patterns.escapes import Atom

_POSIX: Final = lazy_regex(r"\[:(\^?)([a-z]+):\]")
_SET_OPERATORS: Final = ("&&", "--", "~~", "||")
_POSIX_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t\ ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": r"\ -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r\ ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


def read_class(text: str, at: int, *, verbose: bool = False) -> Atom:
    """Read the character class that begins at ``at``.

    Args:
        text: the pattern.
        at: where its ``[`` stands.
        verbose: the flag ``x`` is in force: white space stands for nothing.

    Raises:
        PatternError: it is not well-formed, or known to one of the two engines only.
    """
    return _Reader(text, at, verbose=verbose).run()


class _Reader:
    """Reads one class from left to right."""

    def __init__(self, text: str, at: int, *, verbose: bool) -> None:
        self._text = text
        self._begin = at
        self._at = at + 1
        self._verbose = verbose
        self._out = ["["]
        self._members: list[str] = []  # a character for each

    def run(self) -> Atom:
        negated = self._text.startswith("^", self._at)
        if negated:
            self._out.append("^")
            self._at += 1
        while not (self._members and self._text.startswith("]", self._at)):
            if self._at >= len(self._text):
                raise PatternError("a character class is not closed; write the missing `]`")
            self._member()
        sample = self._outside() if negated else self._members[0]
        return "".join(self._out) + "]", sample, self._at + 1 - self._begin

    def _member(self) -> None:
        text, at = self._text, self._at
        if self._verbose and text[at].isspace():
            self._at += 1
        elif text[at] == "[":
            self._posix_class()
        elif text[at : at + 2] in _SET_OPERATORS:
            refuse_foreign(f"the class operator `{text[at : at + 2]}`")
        elif text[at] == "\\":
            self._take(*read_escape(text, at, in_class=True))
        else:
            self._take(self._literal(text[at]), text[at], 1)

    def _take(self, piece: str, sample: str, consumed: int) -> None:
        self._out.append(piece)
        self._members.append(sample)
        self._at += consumed

    def _literal(self, char: str) -> str:
        if char == "-":
            # A hyphen at either end stands for itself; elsewhere it makes a range.
            first = self._text[self._at - 1] in "[^"
            return r"\-" if first or self._text[self._at + 1 : self._at + 2] == "]" else "-"
        return "\\" + char if char in "]^[&~|#" else char

    def _posix_class(self) -> None:
        found = _POSIX.match(self._text, self._at)
        if found is None:
            refuse_foreign("a class inside a class (write `\\[` for the bracket itself), which")
        body = _POSIX_CLASSES.get(found[2])
        if body is None or found[1]:
            refuse_foreign(f"the class `{found[0]}`")
        self._take(body, body[0] if body[0] != "\\" else " ", len(found[0]))

    def _outside(self) -> str:
        return next(char for char in "a0-_ !~zZ9" + chr(0x1234) if char not in self._members)
