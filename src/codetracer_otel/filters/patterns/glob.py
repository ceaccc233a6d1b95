"""Globs over names and paths, matched in time linear in the text for each alternative."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.glob_syntax import (
    CharacterClass,
    Wildcard,
    expand_glob,
    plain_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetracer_otel.filters.patterns.glob_syntax import Token, Tokens


def compile_glob(pattern: str) -> Callable[[str], bool]:
    """Return a predicate that tells whether a whole text matches ``pattern``.

    Raises:
        PatternError: the glob is not well-formed, or has too many alternatives.
    """
    return glob_predicate(expand_glob(pattern))


def glob_predicate(alternatives: Sequence[Tokens]) -> Callable[[str], bool]:
    """Return a predicate that tells whether a whole text matches one of the alternatives."""
    exact: list[str] = []
    prefixes: list[str] = []
    others: list[Callable[[str], bool]] = []
    for tokens in alternatives:
        plain = plain_text(tokens)
        prefix = None if plain is not None else plain_text(tokens[:-1])
        if plain is not None:
            exact.append(plain)
        elif (
            prefix is not None
            and tokens[-1] in (Wildcard.STAR, Wildcard.TWO_STARS)
            and "/" not in prefix
            and len(tokens) > 1
        ):
            prefixes.append(prefix)
        else:
            others.append(_compile_tokens(tokens))
    return _combine(exact, tuple(prefixes), others)


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


def _compile_tokens(tokens: Tokens) -> Callable[[str], bool]:
    segments = _split(tokens)
    if segments == [(Wildcard.TWO_STARS,)]:
        return lambda _text: True
    if len(segments) == 1:
        return _single(_segment(segments[0]))
    below = plain_text(tokens[:-1])
    if below is not None and segments[-1] == (Wildcard.TWO_STARS,):
        return _starts_with(below)
    return _path(segments)


def _split(tokens: Tokens) -> list[Tokens]:
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token is Wildcard.SLASH:
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


def _path(segments: list[Tokens]) -> Callable[[str], bool]:
    parts: list[Callable[[str], bool] | None] = []  # None: any number of directories
    for segment in segments:
        if segment != (Wildcard.TWO_STARS,):
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


def _segment(tokens: Tokens) -> Callable[[str], bool]:
    """Compile one path component: chunks of fixed length between stars."""
    chunks: list[list[Token]] = [[]]
    for token in tokens:
        if token in (Wildcard.STAR, Wildcard.TWO_STARS):
            chunks.append([])
        else:
            chunks[-1].append(token)
    if len(chunks) == 1:
        return _chunk_equals(chunks[0])
    return _chunk_sequence([_Chunk.of(chunk) for chunk in chunks])


def _chunk_equals(tokens: list[Token]) -> Callable[[str], bool]:
    plain = plain_text(tuple(tokens))
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
    def of(cls, tokens: list[Token]) -> _Chunk:
        plain = plain_text(tuple(tokens))
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


def _expression(tokens: list[Token]) -> re.Pattern[str]:
    return re.compile("".join(map(_one_character, tokens)), re.DOTALL)


def _one_character(token: Token) -> str:
    if isinstance(token, str):
        return re.escape(token)
    return token.expression if isinstance(token, CharacterClass) else "[^/]"


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
