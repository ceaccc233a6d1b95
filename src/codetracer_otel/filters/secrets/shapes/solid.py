"""Tokens in one piece: nothing separates what is drawn at random from what stands before it."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.shapes.prefixes import (
    IDENTIFIERS,
    NO_SECRETS,
    is_abbreviation,
)
from codetracer_otel.filters.secrets.shapes.randomness import Mix, mix_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not a line of base64, of which other characters are next to it.
_PIECE: Final = lazy_regex(
    r"(?:(?<![A-Za-z0-9+/_.@%\\-])(?<!\?[bBqQ]\?)|(?<=[a-z]{3}/)|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"
    r"([A-Za-z0-9_~-]{20,}+)(?![+=@]|/(?![a-z]{3}))"
)
_DIGITS_BEHIND_LETTERS: Final = lazy_regex(
    r"(?:(?<![A-Za-z0-9+/.@%\\-])|(?<=[a-z]{3}/)|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))([A-Za-z]{1,4}[g-zA-Z])"
    r"(?:([0-9a-f]{28,}+)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![A-Za-z0-9]|[.-][A-Za-z])"
)
_BEHIND_ACCOUNT: Final = lazy_regex(
    r"(?:(?<![A-Za-z0-9.@/%\\-])|(?<=[a-z]{3}/)|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))(?!(?i:sha|md5|blake))(?:[0-9]{4,16}|(?=[A-Za-z.]*[0-9])[A-Za-z0-9]{4,16}[.][A-Za-z0-9]{4,16})"
    r":([A-Za-z0-9_-]{32,}+)(?![A-Za-z0-9+=.:-]|/(?![a-z]{3}))"
)
_OF_DIGEST: Final = lazy_regex(
    r"(?i)(?:sha-?[0-9]{0,3}|md5|hash|digest|e-?tag|checksum|integrity|fingerprint|thumbprint|nonce|kid|cid)"
    r"[\"']?[ ]?[:=-][ ]?[\"']?\Z|;base64,\Z"
)
_FOLDER_BEFORE: Final = lazy_regex(r"(?:\A|[^A-Za-z0-9+])[a-z][a-z0-9_-]*/\Z")
_LINE_BEFORE: Final = lazy_regex(r"[A-Za-z0-9+/]{4}[=]{0,2}\n[ \t]*\Z")
_LINE_BEHIND: Final = lazy_regex(r"\n[ \t]*[A-Za-z0-9+/]{4,}+={0,2}(?:\n|\Z)")
_WINDOW: Final = 24
_LINE: Final = 80
_LEAST: Final = 28
_LEAST_WITH_DASHES: Final = 32
_LONG: Final = 40  # what is as long is hidden even where some letters make a word
_LEAST_OF_CAPITALS: Final = 20
_LONGEST_OF_CAPITALS: Final = 40
_CAPITALS: Final = lazy_regex(r"[A-Z]{3}[A-Z0-9]+")
_OF_WORDS: Final = lazy_regex(r"[A-Z]?[a-z]{5}|[A-Z]{5}[_~-]")
_SEPARATOR: Final = lazy_regex("[_~-]")
_NAMES_OF_OTHERS: Final = NO_SECRETS | IDENTIFIERS
_UUID: Final = lazy_regex(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-")
_LEAST_OF_ONE_CASE: Final = 60  # longer than addresses and content identifiers in base32

# What has as many characters in base64, base58 or base62: digests of 32, 48 and 64 bytes.
_LENGTHS_OF_DIGESTS: Final = frozenset({43, 44, 64, 86, 87, 88})
_LONGEST: Final = 200  # longer ones are data
_DIFFERENT: Final = 9  # digits; of what is drawn at random hardly any has fewer
_READABLE: Final = bytes((*b"\t\n\r", *range(0x20, 0x7F)))
_MOSTLY: Final = 0.85


_NO_TOKENS: Final = ("Qm", "AAAA", "0x")  # content identifiers, what begins with zeros, numbers


def find_solid(text: str) -> Iterator[tuple[int, int]]:
    """Yield tokens of one piece."""
    for match in _PIECE.finditer(text):
        if _is_token(match[1]) and not _is_data(text, *match.span(1)):
            yield match.span(1)
    for match in _DIGITS_BEHIND_LETTERS.finditer(text):
        is_drawn = match[2] is None or len(set(match[2])) >= _DIFFERENT
        if is_drawn and is_abbreviation(match[1]):
            yield match.span()
    for match in _BEHIND_ACCOUNT.finditer(text):
        if mix_of(match[1]).is_of_all_kinds:
            yield match.span()


def follows_digest_name(text: str, start: int) -> bool:
    """Return whether what begins there is called a digest."""
    return _OF_DIGEST.search(text[max(0, start - _WINDOW) : start]) is not None


def _is_data(text: str, start: int, end: int) -> bool:
    """Return whether there is more of base64 around the part."""
    before = text[max(0, start - _LINE) : start]
    return (
        (before.endswith("/") and _FOLDER_BEFORE.search(before) is None)
        or _LINE_BEFORE.search(before) is not None
        or _LINE_BEHIND.match(text, end) is not None
    )


def _is_token(piece: str) -> bool:
    length = len(piece)
    if length in _LENGTHS_OF_DIGESTS or length > _LONGEST or piece.startswith(_NO_TOKENS):
        return False
    mix = mix_of(piece)
    if length < _LEAST:
        return _is_of_capitals(piece, mix)
    if length < _LONG and _OF_WORDS.search(piece) is not None:
        return False
    if mix.length < length:
        return (
            length >= _LEAST_WITH_DASHES
            and mix.is_of_all_kinds
            and _UUID.search(piece) is None
            and _SEPARATOR.split(piece)[0].lower() not in _NAMES_OF_OTHERS
        )
    is_of_one_case = mix.length >= _LEAST_OF_ONE_CASE and not mix.is_hex and mix.is_random
    return (mix.is_of_all_kinds or is_of_one_case) and not _is_text(piece)


def _is_of_capitals(piece: str, mix: Mix) -> bool:
    """Return whether a piece is capitals and digits, drawn at random behind a few capitals."""
    return (
        _LEAST_OF_CAPITALS <= mix.length <= _LONGEST_OF_CAPITALS
        and _CAPITALS.fullmatch(piece) is not None
        and mix.digits > 2  # noqa: PLR2004 - years and sizes
        and mix.changes * 100 >= mix.length * 30
        and not mix.is_hex
    )


def _is_text(piece: str) -> bool:
    """Return whether a piece is base64 of a text, wherever in it the piece begins."""
    for start in range(4):
        part = piece[start : start + (len(piece) - start) // 4 * 4]
        try:
            decoded = base64.b64decode(part)
        except binascii.Error:
            continue
        if len(decoded.translate(None, _READABLE)) < (1 - _MOSTLY) * len(decoded):
            return True
    return False
