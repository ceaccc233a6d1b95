"""Tokens of vendors that nobody listed: what was drawn at random, and what stands before it.

`randomness` says what was drawn. How much it has to gain depends on what comes before: little
behind words that tell of a secret, more behind names, most where there is nothing.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, NamedTuple

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.shapes.digests import follows_digest_name
from codetracer_otel.filters.secrets.shapes.prefixes import (
    IDENTIFIERS,
    NAME,
    NO_SECRETS,
    are_of_vendor,
    ends_telling,
    is_abbreviation,
    is_vendor,
    telling_parts,
)
from codetracer_otel.filters.secrets.shapes.randomness import drawn_parts, gains, without_digests

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from codetracer_otel.filters.secrets.shapes.randomness import Drawn

# What every token has and no identifier of words: sixteen letters and digits in a row, or seven
# with a capital or a digit among them. The prefilter asks for the same.
MADE_UP: Final = r"[A-Za-z0-9]{16}|(?<![A-Za-z0-9])(?=[A-Za-z0-9]{7})[a-z]*+[A-Z0-9]"

_RUN: Final = lazy_regex(r"[A-Za-z0-9_.:~|$!+/=-]{16,}+")
_LINKED: Final = lazy_regex(r"[A-Za-z0-9_.|$!~-]*\Z")
_LINKS: Final = lazy_regex(r"[_.|$!~-]+")
_TEXTS: Final = lazy_regex(r"[.|$!~:]+")
_JOINED: Final = lazy_regex(r"[A-Za-z0-9_-]*\Z")
_REST: Final = lazy_regex(r"[A-Za-z0-9_-]*+=*+")
_REST_OF_BASE64: Final = lazy_regex(r"[A-Za-z0-9_+/-]*+=*+")
_WINDOW: Final = 80
_DIGITS: Final = lazy_regex(r"(?:[A-Za-z]{1,12}[0-9]?)?(?:[0-9a-f]{20,}|[0-9A-F]{20,})")
_DIGITS_BEHIND: Final = lazy_regex(r"[A-Za-z0-9]?[.:_-](?:[0-9a-f]{28,}+|[0-9A-F]{28,}+)")
_NAME_BEFORE_COLON: Final = lazy_regex(r"(?i:token|secret|key|oauth)(?=:\Z)")  # RFC 8959
_LONGEST_NAME: Final = 24
_SHORT: Final = 8  # what may be drawn and stand for a name all the same
_MUCH: Final = 80
_SOME: Final = 40
_MOST_NAMES: Final = 5

_FILE_ENDING: Final = lazy_regex(r"[.][A-Za-z][A-Za-z0-9]{1,4}(?![A-Za-z0-9])")
_BY_TIME: Final = lazy_regex(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")  # ULIDs: identifiers
_CAPITALS: Final = lazy_regex(r"[A-Z]{3}[A-Z0-9]{17,37}")
_ENCODED_WORD: Final = lazy_regex(r"=\?[^?]*\?[bBqQ]\?\Z")  # of mail
_FOLDER: Final = lazy_regex(r"(?:\A|[^A-Za-z0-9+])[a-z][a-z0-9_-]*/\Z")
_LINE_BEFORE: Final = lazy_regex(r"[A-Za-z0-9+/]{4}[=]{0,2}\n[ \t]*\Z")
_LINE_BEHIND: Final = lazy_regex(r"\n[ \t]*[A-Za-z0-9+/]{4,}+={0,2}(?:\n|\Z)")
# Content identifiers, what begins with zeros, numbers, JSON in base64 (another shape).
_NO_TOKENS: Final = ("Qm", "baf", "AAAA", "0x", "eyJ")
# What has as many characters in base64, base58 or base62: digests of 32, 48 and 64 bytes.
_LENGTHS_OF_DIGESTS: Final = frozenset({43, 44, 64, 86, 87, 88})
_LONGEST: Final = 200  # longer ones are data, where nothing stands before them
_DIFFERENT: Final = 9  # characters; of what is drawn at random hardly any has fewer
_LONG_PART: Final = 12
_READABLE: Final = bytes((*b"\t\n\r", *range(0x20, 0x7F)))
_MOSTLY: Final = 0.85


class _Limit(NamedTuple):
    """What a drawn part must gain and how many letters and digits it must have."""

    score: int
    length: int


_LEAST: Final = _Limit(112, 14)
_BEHIND_TELLING: Final = _LEAST
_BEHIND_TELLING_IN_PARTS: Final = _Limit(220, 14)  # such as the names of pods
_BESIDE_DIGITS: Final = _Limit(128, 10)  # both drawn: more than a digest
_BEHIND_ABBREVIATION: Final = _Limit(192, 16)
_BEHIND_NAME: Final = _Limit(232, 18)
_BEHIND_VENDOR: Final = _Limit(288, 20)
_BEHIND_WORD: Final = _Limit(440, 20)
_BEHIND_IDENTIFIER: Final = _Limit(360, 30)
_ALONE: Final = _Limit(400, 26)
_ALONE_CAPITALS: Final = _Limit(232, 20)
_ALONE_OF_ONE_CASE: Final = _Limit(800, 20)


def find_drawn(text: str) -> Iterator[tuple[int, int]]:
    """Yield tokens that were drawn at random."""
    for run in _RUN.finditer(text):
        shown = without_digests(run[0])
        if len(shown) - shown.count("\n") < _LEAST.length:
            continue
        gained = gains(shown)
        for drawn in drawn_parts(gained, _LEAST.score):
            found = _token_around(text, run.start(), gained, drawn)
            if found is not None:
                yield found


def _token_around(text: str, first: int, gained: list[int], drawn: Drawn) -> tuple[int, int] | None:
    """Return the token that a drawn part belongs to, or None where it is something else.

    Args:
        text: any.
        first: where the run begins that has the part.
        gained: what each of the run's characters gains.
        drawn: the part, counted from the run's beginning.
    """
    start, end = first + drawn.start, first + drawn.end
    names, body_start, is_behind_digits = _names_before(text, first, gained, start, end)
    digits = _DIGITS_BEHIND.match(text, end)
    is_beside_digits = is_behind_digits or digits is not None
    body = text[body_start:end]
    score = sum(gained[body_start - first : drawn.end])
    least = _BESIDE_DIGITS if is_beside_digits else _least(names, body)
    is_base64 = "+" in body or "/" in body
    before = text[max(first, start - _WINDOW) : start]
    left = start - len(_found(_JOINED.search(before)))
    rest = (_REST_OF_BASE64 if is_base64 else _REST).match(text, digits.end() if digits else end)
    right = rest.end() if rest is not None else end
    if (
        score < least.score
        or sum(map(str.isalnum, body)) < least.length
        or len(set(body.lower())) < _DIFFERENT
        or _BY_TIME.fullmatch(text[body_start:right])
        or (not (names or is_beside_digits) and (is_base64 or _is_usual(body)))
        or any(name.lower() in NO_SECRETS for name in (*names[:1], *names[-1:]))
        or follows_digest_name(text, left)
        or _is_data(text, left, right)
        or _is_text(max(_TEXTS.split(body), key=len))
    ):
        return None
    return left, right


def _found(match: re.Match[str] | None) -> str:
    return match[0] if match is not None else ""


def _names_before(
    text: str, first: int, gained: list[int], start: int, end: int
) -> tuple[list[str], int, bool]:
    """Return the names before a drawn part, where what they name begins, and if digits do.

    A short name may itself look drawn, so that the part begins with it.
    """
    begin = start - len(_found(_LINKED.search(text[max(first, start - _WINDOW) : start])))
    names: list[str] = []
    is_behind_digits = False
    for link in _LINKS.finditer(text, begin, end):
        name = text[begin : link.start()].lstrip("0123456789")  # a number may be glued to it
        gain = sum(gained[begin - first : link.start() - first])
        if _DIGITS.fullmatch(name):
            is_behind_digits = True
            names = []
        elif not name or name.lower() in NO_SECRETS:
            names += filter(None, [name])
        elif link.end() > start and gain > _SOME and (names or len(name) > _SHORT):
            break
        elif _may_be_name(name) and not (len(name) > _SHORT and gain > _MUCH):
            names.append(name)
        elif link.end() > start:
            break
        else:
            names = []
        begin = link.end()
    if not names:
        names = _NAME_BEFORE_COLON.findall(text[max(0, begin - _WINDOW) : begin])
    return names[-_MOST_NAMES:], max(start, begin), is_behind_digits


def _may_be_name(part: str) -> bool:
    return len(part) <= _LONGEST_NAME and NAME.fullmatch(part) is not None


def _least(names: list[str], body: str) -> _Limit:
    """Return what a drawn part must have, by what stands before it."""
    is_of_one_case = body.islower() or body.isupper()
    if not names:
        of_one_case = _ALONE_CAPITALS if _CAPITALS.fullmatch(body) else _ALONE_OF_ONE_CASE
        return of_one_case if is_of_one_case else _ALONE
    last = names[-1]
    if telling_parts([*names, body]) or ends_telling(last.lower()):
        is_whole = max(map(len, _LINKS.split(body))) >= _LONG_PART
        return _BEHIND_TELLING if is_whole else _BEHIND_TELLING_IN_PARTS
    if names[0].lower() in IDENTIFIERS or last.lower() in IDENTIFIERS:
        return _BEHIND_IDENTIFIER
    if is_abbreviation(last) or are_of_vendor(names):
        return _BEHIND_ABBREVIATION
    name = (last.lower() if last.isupper() else last).rstrip("0123456789")
    of_one_case = _BEHIND_VENDOR if is_vendor(name) else _BEHIND_WORD
    return of_one_case if is_of_one_case else _BEHIND_NAME


def _is_usual(body: str) -> bool:
    """Return whether a part is built like a digest or an identifier, with nothing before it."""
    return (
        (sum(map(str.isalnum, body)) in _LENGTHS_OF_DIGESTS and _TEXTS.search(body) is None)
        or len(body) > _LONGEST
        or body.isalpha()
        or body.startswith(_NO_TOKENS)
    )


def _is_data(text: str, start: int, end: int) -> bool:
    """Return whether a part is a piece of base64 or of a file's name."""
    before = text[max(0, start - _WINDOW) : start]
    return (
        before.endswith("+")
        or (before.endswith("/") and _FOLDER.search(before) is None)
        or (before.endswith(("/", ".")) and _FILE_ENDING.match(text, end) is not None)
        or _ENCODED_WORD.search(before) is not None
        or _LINE_BEFORE.search(before) is not None
        or _LINE_BEHIND.match(text, end) is not None
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
