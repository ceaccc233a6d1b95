"""Tokens that vendors gave a prefix, what is built like them, and JSON Web Tokens."""

from __future__ import annotations

import operator
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.encodings import BEHIND_ESCAPE, OF_ESCAPE
from codetracer_otel.filters.secrets.shapes.digests import find_digits
from codetracer_otel.filters.secrets.shapes.glue import unglued
from codetracer_otel.filters.secrets.shapes.opaque import MADE_UP, find_drawn
from codetracer_otel.filters.secrets.shapes.prefixes import is_word
from codetracer_otel.filters.secrets.shapes.randomness import looks_made_up
from codetracer_otel.filters.secrets.shapes.vendors import ALPHABETS, FORMATS
from codetracer_otel.filters.secrets.text_parts import TextParts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.filters.secrets.shapes.vendors import Format

# Every token of a family without ``telling`` has this many of `TOKEN_CHARACTERS` in a row, and some
# character that is neither a lower-case hexadecimal digit nor a dash: the prefilter relies on both.
RUN_LENGTH: Final = 18
TOKEN_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"  # noqa: S105 - an alphabet

_TAIL_LENGTH: Final = 256
_LONGEST_WORD: Final = 24


class Family(NamedTuple):
    """The tokens of one format.

    Attributes:
        row: of the table.
        literals: one of them stands in every token; short where that spares several searches.
        has_run: whether a token mostly has a run of `RUN_LENGTH`.
        telling: one of them stands in every token that has none; slashes of base64 break runs.
        is_plain: whether the prefix is short or a word: what follows has to look made up.
        is_apart: whether the prefix ends in what separates it, as words in an identifier are.
    """

    row: Format
    literals: tuple[str, ...]
    has_run: bool
    telling: tuple[str, ...]
    is_plain: bool
    is_apart: bool


# Where a short prefix may begin: not inside a word, but behind an escape.
_START: Final = rf"(?:(?<![A-Za-z0-9_-])|{BEHIND_ESCAPE})"


# What begins so and goes on for long is no end of a word.
_LONG_PREFIX: Final = lazy_regex(r"[A-Za-z0-9_.-]{3,}[_.-]")
_LONG: Final = 28
_SHORTEST_TELLING: Final = 3  # `b_` is everywhere, and its tokens are long
_DIGIT: Final = lazy_regex("[0-9]")
_LETTERS: Final = lazy_regex("[A-Za-z]+")
_LETTERS_BEFORE: Final = lazy_regex(rf"(?:{OF_ESCAPE})?+([A-Za-z]{{0,24}}+)\Z")


def family_of(row: Format) -> Family:
    """Return the tokens of a row of the table."""
    prefixes = row.prefixes.split()
    literals = tuple(row.key.split() or prefixes)
    return Family(
        row,
        literals,
        row.has_run,
        _telling(row, literals),
        not row.free and row.has_run,
        all(prefix[-1] in "_-" for prefix in prefixes),
    )


@cache
def expressions_of(row: Format) -> tuple[str, str]:
    """Return those of a complete token, and of what a cut left of one at the end of a text."""
    prefixes = row.prefixes.split()
    any_of = "|".join(map(re.escape, prefixes))
    is_long = row.length >= _LONG and all(map(_LONG_PREFIX.fullmatch, prefixes))
    start = "" if row.free or is_long else _START
    head = f"{start}{row.before}(?:{any_of})"
    body = ALPHABETS[row.body]
    return (
        f"{head}{body}{{{row.length},}}{'+' if row.length else ''}{row.rest}",
        f"{head}(?:(?:{body}|[.])*+{_cut_rest(row, body)})\\Z",
    )


def _telling(row: Format, literals: tuple[str, ...]) -> tuple[str, ...]:
    if not row.has_run:
        return literals
    if row.body != "base64":
        return ()
    are_long = all(len(literal) >= _SHORTEST_TELLING for literal in literals)
    telling = literals if are_long else row.prefixes.split()
    return tuple(literal for literal in telling if len(literal) >= _SHORTEST_TELLING)


def _cut_rest(row: Format, body: str) -> str:
    """Return what a cut may have left behind the body, where more belongs to the token.

    A digit, there or in the prefix, tells it from words that a short prefix begins.
    """
    if not row.rest:
        return ""
    has_digit = all(_DIGIT.search(prefix) for prefix in row.prefixes.split())
    wanted = "" if has_digit else r"(?=\S*[0-9])"
    return rf"|{wanted}{body}{{{row.length},}}+[A-Za-z0-9_.$:=+/~-]*+"


@cache
def compiled(expression: str, flags: int = 0) -> re.Pattern[str]:
    """Compile an expression of a shape as it is first needed: all of them together take 30 ms."""
    return re.compile(expression, flags)


FAMILIES: Final = tuple(map(family_of, FORMATS))
# By the first two characters of the literals: looking for all 200 in each text costs 3 us of 40.
_BY_BEGINNING: Final[dict[str, dict[str, list[Family]]]] = {}
for _family in FAMILIES:
    for _literal in _family.literals:
        _same = _BY_BEGINNING.setdefault(_literal[:2], {})
        _same.setdefault(_literal, []).append(_family)

_SINGLE: Final = tuple(beginning for beginning in _BY_BEGINNING if len(beginning) == 1)
_PAIRS: Final = {beginning for beginning in _BY_BEGINNING if len(beginning) > 1}

# Only the start of a run of token characters is tried, and the first `eyJ` in it decides, so that
# a text of nothing but `eyJ` is looked at once. Encrypted tokens have five parts.
_JWT: Final = (
    r"(?<![A-Za-z0-9_-])(?>[A-Za-z0-9_-]*?(eyJ))[A-Za-z0-9_-]{16,}+[.][A-Za-z0-9_-]*+"
    r"(?:[.][A-Za-z0-9_-]*+){0,3}+"
)
_JWT_AT_CUT: Final = (
    r"(?<![A-Za-z0-9_-])(?>[A-Za-z0-9_-]*?(eyJ))[A-Za-z0-9_-]*+(?:[.][A-Za-z0-9_-]*+){0,4}+\Z"
)


def find_jwts(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find JSON Web Tokens (RFC 7519), signed, encrypted or plain."""
    spans = [(match.start(1), match.end()) for match in compiled(_JWT).finditer(text)]
    if is_cut:
        tail = compiled(_JWT_AT_CUT).search(text, spans[-1][1] if spans else 0)
        if tail is not None:
            spans.append((tail.start(1), tail.end()))
    return spans


def find_tokens(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find tokens by their vendor's prefix, and what is built like them; glued ones, too."""
    possible = _possible(text)
    spans = [*_find(text, possible, is_cut=is_cut), *find_drawn(text)]
    apart = unglued(text)
    if apart is not None:
        known = TextParts()
        known.add(spans)
        more = map(apart.original, _find(apart.text, possible, is_cut=is_cut))
        spans += [span for span in more if not known.covers(span)]
    return spans


def _find(text: str, possible: Iterable[Family], *, is_cut: bool) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for family in possible:
        spans.extend(_tokens_of(family, text, is_cut=is_cut))
    spans.extend(find_digits(text))
    return spans


def _possible(text: str) -> dict[Family, None]:
    """Return the families of which a literal stands in a text."""
    beginnings = _PAIRS.intersection(map(operator.add, text, text[1:]))
    beginnings.update(one for one in _SINGLE if one in text)
    return dict.fromkeys(
        family
        for beginning in sorted(beginnings)
        for literal, families in _BY_BEGINNING[beginning].items()
        if literal in text
        for family in families
    )


def _is_token(family: Family, text: str) -> bool:
    if looks_made_up(text):
        # Words in camel case do: `test_stopsAfterTimeout`; `find_drawn` tells them from a token.
        is_identifier = family.is_plain and family.is_apart and _DIGIT.search(text) is None
        return not is_identifier
    return not family.is_plain and (
        not family.has_run or compiled(MADE_UP).search(text) is not None
    )


def _ends_word(family: Family, text: str, start: int) -> bool:
    """Return whether a prefix is the end of a word: `ion_` of `session_`.

    A plain one is also where what stands before is no word itself.
    """
    before = _LETTERS_BEFORE.search(text, max(0, start - _LONGEST_WORD), start)
    letters = _LETTERS.match(text, start)
    word = before[1].lower() if before is not None else ""
    if not word or letters is None:
        return False
    return is_word(word + letters[0].lower()) or (family.is_plain and not is_word(word))


def _tokens_of(family: Family, text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    whole, at_cut = expressions_of(family.row)
    spans = [
        match.span()
        for match in compiled(whole).finditer(text)
        if _is_token(family, match[0]) and not _ends_word(family, text, match.start())
    ]
    if is_cut:
        # A longer rest would have been a whole token.
        tail = compiled(at_cut).search(text, max(0, len(text) - _TAIL_LENGTH))
        if tail is not None:
            spans.append(tail.span())
    return spans
