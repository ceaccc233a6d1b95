"""Globs over names and paths, matched in time linear in the text for each alternative."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.dialect import PatternError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_LENGTH: Final = 4096
MAX_NESTING: Final = 32
MAX_ALTERNATIVES: Final = 1024
MAX_TOKENS: Final = 65_536  # over all alternatives


class _Wild(Enum):
    """What is not a plain character."""

    STAR = "*"
    TWO_STARS = "**"
    ANY = "?"
    SLASH = "/"


@dataclass(frozen=True, slots=True)
class _Class:
    """A character class, as a regular expression for one character."""

    expression: str


_Token = str | _Wild | _Class
_Tokens = tuple[_Token, ...]


def compile_glob(pattern: str) -> Callable[[str], bool]:
    """Return a predicate that tells whether a whole text matches ``pattern``.

    Raises:
        PatternError: the glob is not well-formed, or has too many alternatives.
    """
    return glob_predicate(expand_glob(pattern))


def expand_glob(pattern: str) -> list[_Tokens]:
    """Read ``pattern`` and multiply its ``{a,b}`` out into alternatives without braces.

    Raises:
        PatternError: the glob is not well-formed, or has too many alternatives.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"the glob is longer than {MAX_LENGTH} characters; split it")
    return _Parser(pattern).run()


def glob_texts(alternatives: Sequence[_Tokens]) -> frozenset[str] | None:
    """Return the texts that match, or None when a wildcard makes them endless."""
    texts = [_plain(tokens) for tokens in alternatives]
    known = frozenset(text for text in texts if text is not None)
    return None if None in texts else known


def glob_prefixes(alternatives: Sequence[_Tokens]) -> tuple[str, ...]:
    """Return prefixes, one of which every matching text starts with."""
    return tuple(dict.fromkeys(map(_prefix, alternatives)))


def _prefix(tokens: _Tokens) -> str:
    taken = takewhile(lambda token: isinstance(token, str) or token is _Wild.SLASH, tokens)
    return "".join("/" if token is _Wild.SLASH else str(token) for token in taken)


class _Parser:
    """Reads one glob from left to right."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def run(self) -> list[_Tokens]:
        alternatives = self._sequence(0)
        if self._at < len(self._text):
            raise PatternError("a `}` closes nothing; write `\\}` for the character")
        return alternatives

    def _sequence(self, depth: int) -> list[_Tokens]:
        """Read up to the end, or inside braces up to ``,`` or ``}``."""
        done: list[_Tokens] = [()]
        run: list[_Token] = []
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

    def _braces(self, depth: int) -> list[_Tokens]:
        if depth > MAX_NESTING:
            raise PatternError(f"more than {MAX_NESTING} braces inside each other; write it flat")
        alternatives: list[_Tokens] = []
        while True:
            self._at += 1
            alternatives += [tokens for tokens in self._sequence(depth) if tokens]
            if self._at >= len(self._text):
                raise PatternError("a `{` is not closed; write the missing `}`, or `\\{`")
            if self._text[self._at] == "}":
                self._at += 1
                # `{}` and `{,}` have only empty alternatives and stand for nothing at all.
                return alternatives or [()]

    def _token(self, char: str) -> _Token:
        if char == "*":
            return self._stars()
        if char == "[":
            return self._class()
        self._at += 1
        if char == "\\":
            return self._escaped()
        if char in "?/":
            return _Wild(char)
        return char

    def _stars(self) -> _Wild:
        begin = self._at
        while self._text.startswith("*", self._at):
            self._at += 1
        return _Wild.TWO_STARS if self._at - begin == len("**") else _Wild.STAR

    def _escaped(self) -> _Token:
        if self._at >= len(self._text):
            raise PatternError("the glob ends in a single backslash; write `\\\\`")
        char = self._text[self._at]
        self._at += 1
        return _Wild.SLASH if char == "/" else char

    def _class(self) -> _Class:
        at = self._at + 1
        negated = self._text[at : at + 1] in ("!", "^")
        at += negated
        end = self._text.find("]", at + 1)
        if end < 0:
            raise PatternError("a `[` is not closed; write the missing `]`, or `\\[`")
        body = _class_body(self._text[at:end])
        self._at = end + 1
        return _Class(f"(?!/)[{'^' if negated else ''}{body}]")


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


def _product(left: list[_Tokens], right: list[_Tokens]) -> list[_Tokens]:
    if len(left) * len(right) > MAX_ALTERNATIVES:
        raise PatternError(
            f"the braces stand for more than {MAX_ALTERNATIVES} alternatives; "
            "split the glob into several rules"
        )
    joined = [before + after for before in left for after in right]
    if sum(map(len, joined)) > MAX_TOKENS:
        raise PatternError("the braces multiply out to too much text; split the glob")
    return joined


# ------------------------------------------------------------------------------- matching


def glob_predicate(alternatives: Sequence[_Tokens]) -> Callable[[str], bool]:
    """Return a predicate that tells whether a whole text matches one of the alternatives."""
    exact: list[str] = []
    prefixes: list[str] = []
    others: list[Callable[[str], bool]] = []
    for tokens in alternatives:
        plain = _plain(tokens)
        prefix = None if plain is not None else _plain(tokens[:-1])
        if plain is not None:
            exact.append(plain)
        elif (
            prefix is not None
            and tokens[-1] in (_Wild.STAR, _Wild.TWO_STARS)
            and "/" not in prefix
            and len(tokens) > 1
        ):
            prefixes.append(prefix)
        else:
            others.append(_compile_tokens(tokens))
    return _combine(exact, tuple(prefixes), others)


def _plain(tokens: _Tokens) -> str | None:
    """Return the text of tokens without wildcards, or None."""
    if all(isinstance(token, str) or token is _Wild.SLASH for token in tokens):
        return "".join("/" if token is _Wild.SLASH else str(token) for token in tokens)
    return None


def _combine(
    exact: list[str], prefixes: tuple[str, ...], others: list[Callable[[str], bool]]
) -> Callable[[str], bool]:
    """Return the cheapest predicate for what there is."""
    if not prefixes and not others:
        return exact[0].__eq__ if len(exact) == 1 else frozenset(exact).__contains__
    if not exact and not prefixes and len(others) == 1:
        return others[0]
    texts = frozenset(exact)

    def matches(text: str) -> bool:
        if text in texts or (text.startswith(prefixes) and "/" not in text):
            return True
        return any(other(text) for other in others)

    def matches_prefix(text: str) -> bool:
        return text.startswith(prefixes) and "/" not in text

    return matches if exact or others else matches_prefix


def _compile_tokens(tokens: _Tokens) -> Callable[[str], bool]:
    segments = _split(tokens)
    if segments == [(_Wild.TWO_STARS,)]:
        return lambda _text: True
    if len(segments) == 1:
        return _single(_segment(segments[0]))
    below = _plain(tokens[:-1])
    if below is not None and segments[-1] == (_Wild.TWO_STARS,):
        return _starts_with(below)
    return _path(segments)


def _split(tokens: _Tokens) -> list[_Tokens]:
    segments: list[list[_Token]] = [[]]
    for token in tokens:
        if token is _Wild.SLASH:
            segments.append([])
        else:
            segments[-1].append(token)
    return [tuple(segment) for segment in segments]


def _starts_with(prefix: str) -> Callable[[str], bool]:
    def matches(text: str) -> bool:
        return text.startswith(prefix)

    return matches


def _single(segment: Callable[[str], bool]) -> Callable[[str], bool]:
    def matches(text: str) -> bool:
        return "/" not in text and segment(text)

    return matches


def _path(segments: list[_Tokens]) -> Callable[[str], bool]:
    parts: list[Callable[[str], bool] | None] = []  # None: any number of directories
    for segment in segments:
        if segment != (_Wild.TWO_STARS,):
            parts.append(_segment(segment))
        elif not parts or parts[-1] is not None:
            parts.append(None)
    if parts[-1] is None:
        parts.append(lambda _text: True)  # `dir/**` is something below, not the directory

    def matches(text: str) -> bool:
        return _match_parts(parts, text.split("/"))

    return matches


def _match_parts(parts: Sequence[Callable[[str], bool] | None], names: list[str]) -> bool:
    """Match greedily; only the last ``**`` ever needs to take one more directory."""
    part = name = 0
    retry: tuple[int, int] | None = None
    while name < len(names):
        matcher = parts[part] if part < len(parts) else _nothing
        if matcher is None:
            retry = (part + 1, name)
            part += 1
        elif matcher(names[name]):
            part, name = part + 1, name + 1
        elif retry is not None:
            part, name = retry[0], retry[1] + 1
            retry = (part, name)
        else:
            return False
    return part == len(parts)


def _nothing(_text: str) -> bool:
    return False


def _segment(tokens: _Tokens) -> Callable[[str], bool]:
    """Compile one path component: chunks of fixed length between stars."""
    chunks: list[list[_Token]] = [[]]
    for token in tokens:
        if token in (_Wild.STAR, _Wild.TWO_STARS):
            chunks.append([])
        else:
            chunks[-1].append(token)
    if len(chunks) == 1:
        return _chunk_equals(chunks[0])
    return _chunk_sequence([_Chunk.of(chunk) for chunk in chunks])


def _chunk_equals(tokens: list[_Token]) -> Callable[[str], bool]:
    plain = _plain(tuple(tokens))
    if plain is not None:
        return plain.__eq__
    compiled = _expression(tokens)
    return lambda text: compiled.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A part of a component without stars: plain text, or an expression of fixed length."""

    length: int
    text: str | None
    expression: re.Pattern[str] | None

    @classmethod
    def of(cls, tokens: list[_Token]) -> _Chunk:
        plain = _plain(tuple(tokens))
        return cls(len(tokens), plain, None if plain is not None else _expression(tokens))

    def stands_at(self, text: str, at: int) -> bool:
        if self.text is not None:
            return text.startswith(self.text, at)
        assert self.expression is not None
        return self.expression.match(text, at) is not None

    def find(self, text: str, at: int, end: int) -> int:
        if self.text is not None:
            return text.find(self.text, at, end)
        assert self.expression is not None
        found = self.expression.search(text, at, end)
        return -1 if found is None else found.start()


def _expression(tokens: list[_Token]) -> re.Pattern[str]:
    return re.compile("".join(map(_one_character, tokens)), re.DOTALL)


def _one_character(token: _Token) -> str:
    if isinstance(token, str):
        return re.escape(token)
    return token.expression if isinstance(token, _Class) else "[^/]"


def _chunk_sequence(chunks: list[_Chunk]) -> Callable[[str], bool]:
    first, *middle, last = chunks
    least = sum(chunk.length for chunk in chunks)

    def matches(text: str) -> bool:
        end = len(text) - last.length
        if len(text) < least or not first.stands_at(text, 0) or not last.stands_at(text, end):
            return False
        at = first.length
        for chunk in middle:
            found = chunk.find(text, at, end)
            if found < 0:
                return False
            at = found + chunk.length
        return True

    return matches
