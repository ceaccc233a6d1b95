"""The syntax of globs: a pattern becomes alternatives without braces, each a row of tokens."""

from __future__ import annotations

import re
from enum import Enum
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.pattern_error import PatternError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_LENGTH: Final = 4096
MAX_NESTING: Final = 32
MAX_ALTERNATIVES: Final = 1024
MAX_TOKENS: Final = 65_536  # over all alternatives


class Wildcard(Enum):
    """What is not a plain character."""

    STAR = "*"
    TWO_STARS = "**"
    ANY = "?"
    SLASH = "/"


@dataclass(frozen=True, slots=True)
class CharacterClass:
    """A character class, as a regular expression for one character."""

    expression: str


Token = str | Wildcard | CharacterClass
Tokens = tuple[Token, ...]


def expand_glob(pattern: str) -> list[Tokens]:
    """Read ``pattern`` and multiply its ``{a,b}`` out into alternatives without braces.

    Raises:
        PatternError: the glob is not well-formed, or has too many alternatives.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"the glob is longer than {MAX_LENGTH} characters; split it")
    return _Parser(pattern).run()


def glob_texts(alternatives: Sequence[Tokens]) -> frozenset[str] | None:
    """Return the texts that match, or None when a wildcard makes them endless."""
    texts = [plain_text(tokens) for tokens in alternatives]
    known = frozenset(text for text in texts if text is not None)
    return None if None in texts else known


def glob_prefixes(alternatives: Sequence[Tokens]) -> tuple[str, ...]:
    """Return prefixes, one of which every matching text starts with."""
    return tuple(dict.fromkeys(map(_prefix, alternatives)))


def _prefix(tokens: Tokens) -> str:
    taken = takewhile(lambda token: isinstance(token, str) or token is Wildcard.SLASH, tokens)
    return "".join("/" if token is Wildcard.SLASH else str(token) for token in taken)


def plain_text(tokens: Tokens) -> str | None:
    """Return the text of tokens without wildcards, or None."""
    if all(isinstance(token, str) or token is Wildcard.SLASH for token in tokens):
        return "".join("/" if token is Wildcard.SLASH else str(token) for token in tokens)
    return None


class _Parser:
    """Reads one glob from left to right."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def run(self) -> list[Tokens]:
        alternatives = self._sequence(0)
        if self._at < len(self._text):
            raise PatternError("a `}` closes nothing; write `\\}` for the character")
        return alternatives

    def _sequence(self, depth: int) -> list[Tokens]:
        """Read up to the end, or inside braces up to ``,`` or ``}``."""
        done: list[Tokens] = [()]
        run: list[Token] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "}" or (char == "," and depth):
                break
            if char == "{":
                done = _product(_product(done, [tuple(run)]), self._braces(depth + 1))
                run = []
            else:
                run.append(self._token(char))
        return _product(done, [tuple(run)])

    def _braces(self, depth: int) -> list[Tokens]:
        if depth > MAX_NESTING:
            raise PatternError(f"more than {MAX_NESTING} braces inside each other; write it flat")
        alternatives: list[Tokens] = []
        while True:
            self._at += 1
            alternatives += [tokens for tokens in self._sequence(depth) if tokens]
            if self._at >= len(self._text):
                raise PatternError("a `{` is not closed; write the missing `}`, or `\\{`")
            if self._text[self._at] == "}":
                self._at += 1
                # `{}` and `{,}` have only empty alternatives and stand for nothing at all.
                return alternatives or [()]

    def _token(self, char: str) -> Token:
        if char == "*":
            return self._stars()
        if char == "[":
            return self._class()
        self._at += 1
        if char == "\\":
            return self._escaped()
        if char in "?/":
            return Wildcard(char)
        return char

    def _stars(self) -> Wildcard:
        begin = self._at
        while self._text.startswith("*", self._at):
            self._at += 1
        return Wildcard.TWO_STARS if self._at - begin == len("**") else Wildcard.STAR

    def _escaped(self) -> Token:
        if self._at >= len(self._text):
            raise PatternError("the glob ends in a single backslash; write `\\\\`")
        char = self._text[self._at]
        self._at += 1
        return Wildcard.SLASH if char == "/" else char

    def _class(self) -> CharacterClass:
        at = self._at + 1
        negated = self._text[at : at + 1] in ("!", "^")
        at += negated
        end = self._text.find("]", at + 1)
        if end < 0:
            raise PatternError("a `[` is not closed; write the missing `]`, or `\\[`")
        body = _class_body(self._text[at:end])
        self._at = end + 1
        return CharacterClass(f"(?!/)[{'^' if negated else ''}{body}]")


def _class_body(members: str) -> str:
    body: list[str] = []
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            low, high = members[at], members[at + 2]
            if low > high:
                raise PatternError(f"the range `{low}-{high}` is in the wrong order")
            body.append(f"{re.escape(low)}-{re.escape(high)}")
            at += 3
        else:
            body.append(_class_literal(members[at]))
            at += 1
    return "".join(body)


def _class_literal(char: str) -> str:
    return "\\" + char if char in "\\]^-[&~|" else char


def _product(left: list[Tokens], right: list[Tokens]) -> list[Tokens]:
    if len(left) * len(right) > MAX_ALTERNATIVES:
        raise PatternError(
            f"the braces stand for more than {MAX_ALTERNATIVES} alternatives; "
            "split the glob into several rules"
        )
    joined = [before + after for before in left for after in right]
    if sum(map(len, joined)) > MAX_TOKENS:
        raise PatternError("the braces multiply out to too much text; split the glob")
    return joined
