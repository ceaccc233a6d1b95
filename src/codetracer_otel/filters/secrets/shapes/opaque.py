"""Tokens of vendors that nobody listed: what was drawn at random, and what stands before it.

`randomness` says what was drawn. How much it has to gain depends on what comes before: little
behind words that tell of a secret, more behind names, most where there is nothing.
"""

from __future__ import annotations

import base64
import binascii
import string
from itertools import islice
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.encodings import (
    LINE_END,
    behind_doubtful_escape,
    behind_escape,
)
from codetracer_otel.filters.secrets.shapes.digests import follows_digest_name, is_feed
from codetracer_otel.filters.secrets.shapes.prefixes import (
    IDENTIFIERS,
    NAME,
    NO_SECRETS,
    are_of_vendor,
    ends_in_telling,
    glued_prefix,
    is_abbreviation,
    is_word,
    may_be_vendor,
    telling_parts,
    tells_of_secret,
)
from codetracer_otel.filters.secrets.shapes.randomness import (
    FEWEST_DIFFERENT,
    Drawn,
    drawn_parts,
    gains,
    without_digests,
)

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

# What every token has and no identifier of words: sixteen letters and digits in a row, or seven
# with a capital or a digit among them. The prefilter asks for the same.
MADE_UP: Final = r"[A-Za-z0-9]{16}|(?<![A-Za-z0-9])(?=[A-Za-z0-9]{7})[a-z]*+[A-Z0-9]"

_RUN: Final = lazy_regex(r"[A-Za-z0-9_.:~|$!+/=-]{16,}+")
_LINKED: Final = lazy_regex(r"[A-Za-z0-9_.|$!~-]*\Z")
_LINKS: Final = lazy_regex(r"[_.|$!~-]+")
_TEXTS: Final = lazy_regex(r"[.|$!~:]+")
# Of base64 the first characters may look like a word.
_OPENING_OF_BASE64: Final = lazy_regex(r"([._~-])[A-Za-z0-9]{0,4}[+/]{1,2}[A-Za-z0-9]{0,4}\Z")
_PIECE: Final = lazy_regex(r"[A-Za-z0-9]*")
_JOINED: Final = lazy_regex(r"[A-Za-z0-9_-]*\Z")
_REST: Final = lazy_regex(r"[A-Za-z0-9_-]*+=*+")
_REST_OF_BASE64: Final = lazy_regex(r"[A-Za-z0-9_+/-]*+=*+")
_WINDOW: Final = 80
_DIGITS: Final = lazy_regex(r"(?:[A-Za-z]{1,12}[0-9]?)?(?:[0-9a-f]{20,}|[0-9A-F]{20,})")
_DIGITS_BEHIND: Final = lazy_regex(
    r"[A-Za-z0-9]?(?:[.:_-](?:[0-9a-f]{28,}+|[0-9A-F]{28,}+)"
    r"|[.:_-]?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f]))"
)
_NAME_BEFORE_COLON: Final = lazy_regex(r"(?i:token|secret|key|oauth)(?=:\Z)")  # RFC 8959
_WORD_BEFORE_CAPITALS: Final = lazy_regex(r"\A[a-z]{3,12}(?=[A-Z]{2,10}[0-9]?\Z)")
_LONGEST_NAME: Final = 24
# What stands between something and a token that looks like base64 together with it.
_ANEW: Final = lazy_regex(r"[+/:=](?=[A-Za-z0-9])")
_MOST_ANEW: Final = 16
# The words that a form goes on with, of which the first letters look like base64.
_REST_OF_FORM: Final = lazy_regex(r"\+[A-Za-z][a-z]{1,15}(?![A-Za-z0-9/=])")
_MOST_OF_REST: Final = 8
_MOST_READINGS: Final = 24
_DIGITS_BEFORE_COLON: Final = lazy_regex(r"(?:[0-9a-f]{20,}+|[0-9A-F]{20,}+):\Z")
# `dbkey` or `SECRET`, in one piece with what it names.
_GLUED_NAME: Final = lazy_regex(
    r"[0-9]*+[A-Za-z]{0,24}?(?:KEY|SECRET|TOKEN|[a-z](?:key|secret|token))(?=[A-Za-z]*[0-9])(?=[A-Za-z0-9]{24})"
)
_LEAST_GLUED: Final = 3
_SHORT: Final = 8  # what may be drawn and stand for a name all the same
_MUCH: Final = 80
_SOME: Final = 40
_MOST_NAMES: Final = 5

_FILE_ENDING: Final = lazy_regex(r"[.][A-Za-z][A-Za-z0-9]{1,4}(?![A-Za-z0-9])")
_BY_TIME: Final = lazy_regex(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")  # ULIDs: identifiers
_CAPITALS: Final = lazy_regex(r"[A-Z]{3}[A-Z0-9]{17,61}")
_ENCODED_WORD: Final = lazy_regex(r"=\?[^?]*\?[bBqQ]\?\Z")  # of mail
_FOLDER: Final = lazy_regex(r"(?:(?:\A|[^A-Za-z0-9+])[a-z][a-z0-9_-]*|\A|[^A-Za-z0-9+/=\n-])/\Z")
# A folder in capitals behind a host, another folder or nothing: in base64 it has other company.
_FOLDER_IN_CAPITALS: Final = lazy_regex(
    r"(?:[.][a-z]{2,12}(?::[0-9]{1,5})?|/[a-z][a-z0-9_-]*|\A|[\s\"'=(])/[A-Z]{2,12}/\Z"
)
_WORD_OF_FORM: Final = lazy_regex(r"(?:\A|[=+&?])([A-Za-z][a-z]{2,15})\+\Z")
# Of any language, where a value begins: base64 seldom has so many small letters before a `+`.
_WORDS_OF_FORM: Final = lazy_regex(r"=(?:[A-Za-z][a-z]{2,15}\+){1,8}\Z")
_END_OF_LINE_BEFORE: Final = lazy_regex(rf"{LINE_END}[ \t]*\Z")
_OF_BASE64: Final = string.ascii_letters + string.digits + "+/"
_ESCAPED: Final = ("n", "r", "t")
_LINE_BEHIND: Final = lazy_regex(
    rf"{LINE_END}[ \t]*([A-Za-z0-9+/]{{2,}}+={{0,2}})(?={LINE_END}|\Z)"
)
_LINES_BEHIND: Final = lazy_regex(rf"(?:{LINE_END}[ \t]*[A-Za-z0-9+/]{{2,}}+={{0,2}}){{0,8}}+")
_REST_OF_LINE: Final = lazy_regex(r"[A-Za-z0-9+/]*+={0,2}")
_BEGINNING_BEHIND: Final = lazy_regex(rf"{LINE_END}(\S{{3}})")
_WIDEST_LINE: Final = 320
_WIDEST_END: Final = 64  # of a line, with what the next one is indented by
# Base64 is wrapped to one width, a multiple of four, and `=` ends its last line alone; words and
# hexadecimal digits that stand on lines are none.
_FULL_LINE: Final = lazy_regex(
    r"(?:.*[^A-Za-z0-9+/=_.:~-])?((?=[A-Za-z+/]*[0-9])(?!(?:[0-9a-f]++|[0-9A-F]++)\Z)"
    r"(?:[A-Za-z0-9+/]{4}){15,}+)"
)
_MOST_LINES: Final = 8
# What base64 of bytes has and tokens have not: of 128 characters 98 in 100 have one of the signs.
_OF_FILES: Final = ("H4sI", "iVBOR", "JVBERi", "MII", "R0lGOD", "UEsDB", "eJ", "gAS", "/9j/")
_SIGNS: Final = lazy_regex(rf"[+/=]|AAA|\A(?:{'|'.join(_OF_FILES)})")
_OF_ADDRESS: Final = ";base64,"
_WRAPPED: Final = lazy_regex("[A-Za-z0-9+/]{64}(?:[A-Za-z0-9+/]{12})?")
_BEGINNING: Final = 3  # characters that two lines of data share once in 262,144 times
# Content identifiers, what begins with zeros, numbers, JSON in base64 (another shape).
_NO_TOKENS: Final = ("Qm", "baf", "AAAA", "0x", "eyJ")
_NO_DRAWN: Final = lazy_regex(r"_Z[A-Z0-9]|xn--")  # names of C++, and of hosts
# Characters of digests in base64 that ends in `=`.
_PADDED_DIGESTS: Final = frozenset({24, 28, 40, 44, 88})
# Characters of a digest of 32 bytes in base64. Those of 48 and 64 bytes need no rule, because of
# seven of them six have a `+` or a slash, which tells; in base64url they are hidden.
_PADDED_DIGEST: Final = 44
# What has as many in base58 is a public key or a signature: of tokens as long 5 and 0.3 in 100 have
# none of the characters that it leaves out.
_LENGTHS_OF_BASE58: Final = frozenset({44, 86, 87, 88})
_NOT_OF_BASE58: Final = frozenset("0OIl")
_LONGEST: Final = 200  # longer ones are data, where nothing stands before them
_LONG_PART: Final = 12
_LONG_BODY: Final = 30
_READABLE: Final = bytes((*b"\t\n\r", *range(0x20, 0x7F)))
_MOSTLY: Final = 0.85


class _Limit(NamedTuple):
    """What a drawn part must gain and how many letters and digits it must have."""

    score: int
    length: int


_LEAST: Final = _Limit(80, 14)
_BEHIND_TELLING: Final = _LEAST
_BEHIND_TELLING_IN_PARTS: Final = _Limit(220, 14)  # such as the names of pods
_LONG_BEHIND_TELLING: Final = _Limit(180, 18)
_LONG_IN_PARTS: Final = 18
_BESIDE_DIGITS: Final = _Limit(128, 10)  # both drawn: more than a digest
_BEHIND_ABBREVIATION: Final = _Limit(192, 16)
_BEHIND_NAME: Final = _Limit(208, 18)
_BEHIND_VENDOR: Final = _Limit(200, 20)
_BEHIND_VENDOR_IN_PARTS: Final = _Limit(288, 20)
_IN_SHORT_PARTS: Final = _Limit(440, 20)  # abbreviations, joined: experiments, genes, routines
_BEHIND_WORD: Final = _Limit(440, 20)
_BEHIND_WORD_IF_LONG: Final = _Limit(260, 24)
_BEHIND_IDENTIFIER: Final = _Limit(360, 30)
_ALONE: Final = _Limit(280, 24)
_ALONE_IF_LONG: Final = _Limit(280, 22)  # the rest looks like a word
_LONG_ALONE: Final = 28
_ALONE_CAPITALS: Final = _Limit(168, 20)
_ALONE_OF_ONE_CASE: Final = _Limit(800, 20)
_SURE: Final = frozenset({_BEHIND_TELLING, _BEHIND_ABBREVIATION})  # though it may be some text


def find_drawn(text: str) -> Iterator[tuple[int, int]]:
    """Yield tokens that were drawn at random."""
    for run in _RUN.finditer(text):
        first = behind_escape(text, run.start())
        shown = without_digests(text[first : run.end()])
        if len(shown) - shown.count("\n") < _LEAST.length:
            continue
        gained = gains(shown)
        for drawn in drawn_parts(gained, _LEAST.score):
            for reading in islice(_readings(text, first, gained, drawn), _MOST_READINGS):
                found = _token_of(text, first, gained, reading)
                if found is not None:
                    yield found
                    break


class _Reading(NamedTuple):
    """What may be a token: names, and what they name.

    Attributes:
        start: where it looks drawn; maybe some of the names do as well.
        named_start: where the names end.
        body_start: where begins what is named and looks drawn.
        is_behind_digits: whether a digest stands before.
    """

    names: list[str]
    start: int
    named_start: int
    body_start: int
    end: int
    is_behind_digits: bool


def _readings(text: str, first: int, gained: list[int], drawn: Drawn) -> Iterator[_Reading]:
    """Yield what a part may be, also without what only looks like base64 together with it.

    Args:
        text: any.
        first: where the run that has the part begins.
        gained: what each of the run's characters gains.
        drawn: the part, counted from the run's beginning.
    """
    start, end = first + drawn.start, first + drawn.end
    yield from _readings_at(text, first, gained, start, end)
    opening = _OPENING_OF_BASE64.search(text, max(first, start - _WINDOW), start)
    if opening is not None:
        yield from _readings_at(text, first, gained, opening.end(1), end)
    begins = [
        start,
        *(found.end() for found in islice(_ANEW.finditer(text, start, end), _MOST_ANEW)),
    ]
    for begin in begins[1:]:
        yield from _readings_at(text, first, gained, begin, end)
    rest = text.rfind("+", max(start, end - _MOST_OF_REST), end)
    if rest > 0 and _REST_OF_FORM.match(text, rest) is not None:
        for begin in begins:
            before = text[max(0, begin - _WIDEST_LINE) : begin]
            if begin < rest and before.endswith("+") and _is_behind_word_of_form(before):
                yield from _readings_at(text, first, gained, begin, rest)


def _token_of(
    text: str, first: int, gained: list[int], reading: _Reading
) -> tuple[int, int] | None:
    """Return the token that a reading is, or None where it is something else."""
    names, start, named_start, body_start, end, is_behind_digits = reading
    digits = _DIGITS_BEHIND.match(text, end)
    is_beside_digits = is_behind_digits or digits is not None
    body = text[body_start:end]
    score = sum(gained[body_start - first : end - first])
    is_base64 = "+" in body or "/" in body
    before = text[max(first, start - _WINDOW) : start]
    left = start - len(_found(_JOINED.search(before)))
    rest = (_REST_OF_BASE64 if is_base64 else _REST).match(text, digits.end() if digits else end)
    right = rest.end() if rest is not None else end
    least = _BESIDE_DIGITS if is_beside_digits else _least(names, body, text[left:right])
    # What was drawn may begin and end with what looks like a word.
    named = text[min(named_start, body_start) : end] + _found(_PIECE.match(text, end))
    if (
        score < least.score
        or sum(map(str.isalnum, named if names else body)) < least.length
        or len(set(body.lower())) < FEWEST_DIFFERENT
        or _BY_TIME.fullmatch(text[body_start:right])
        or (
            not (names or is_beside_digits)
            and (
                (is_base64 and "." not in body and not _is_padded_key(text, left, right))
                or _is_usual(body, text[left:right])
                or _is_line(text, left, right)
            )
        )
        or _names_no_secret(names)
        or _NO_DRAWN.match(text, left) is not None
        or follows_digest_name(text, left)
        or _is_data(text, left, right, names)
        or (least not in _SURE and _is_text(max(_TEXTS.split(body), key=len)))
    ):
        return None
    return left, right


def _is_padded_key(text: str, start: int, end: int) -> bool:
    """Return whether a part is all of something in base64 that is no digest, file or long."""
    return (
        text.endswith("=", start, end)
        and end - start <= _LONGEST
        and end - start not in _PADDED_DIGESTS
        and not text.startswith(_OF_FILES, start)
        and (
            _beginning_of_line(text, start) == start
            or _is_behind_word_of_form(text[max(0, start - _WIDEST_LINE) : start])
        )
    )


def _names_no_secret(names: list[str]) -> bool:
    """Return whether a name says what else was drawn, the first one if no other tells."""
    first, last = names[:1], names[-1:]
    tells = any(tells_of_secret(name.lower()) for name in names[1:])
    return any(name.lower() in NO_SECRETS for name in (last if tells else (*first, *last)))


def _found(match: re.Match[str] | None) -> str:
    return match[0] if match is not None else ""


def _readings_at(
    text: str, first: int, gained: list[int], start: int, end: int
) -> Iterator[_Reading]:
    """Yield what a drawn part may be, also without what may be left of an escape before it."""
    begin = start - len(_found(_LINKED.search(text[max(first, start - _WINDOW) : start])))
    yield from _readings_behind(text, first, gained, Drawn(0, start, end), begin)
    behind = behind_doubtful_escape(text, begin)
    if behind > begin:
        drawn = Drawn(0, max(start, behind), end)
        yield from _readings_behind(text, first, gained, drawn, behind)


def _readings_behind(
    text: str, first: int, gained: list[int], drawn: Drawn, begin: int
) -> Iterator[_Reading]:
    """Yield what a drawn part may be by the names before it.

    A short name may itself look drawn, so that the part begins with it.
    """
    _, start, end = drawn
    names: list[str] = []
    is_behind_digits = _DIGITS_BEFORE_COLON.search(text, max(0, begin - _WINDOW), begin) is not None
    for link in _LINKS.finditer(text, begin, end):
        name = _WORD_BEFORE_CAPITALS.sub("", text[begin : link.start()].lstrip("0123456789"))
        gain = sum(gained[begin - first : link.start() - first])
        if _DIGITS.fullmatch(name):
            is_behind_digits = True
            names = []
        elif not name or name.lower() in NO_SECRETS:
            names += filter(None, [name])
        elif _may_be_name(name):
            looks_drawn = link.end() > start and gain > _SOME
            if looks_drawn and (names or len(name) > _SHORT):
                yield _reading(names, start, begin, end, is_behind_digits=is_behind_digits)
            if len(name) > _SHORT and gain > _SOME:
                name = name[glued_prefix(name) :]
            if len(name) > _SHORT and gain > _MUCH:
                break
            names.append(name)
        elif link.end() > start:
            break
        else:
            names = []
        begin = link.end()
    names, begin = _with_glued_name(text, names, begin)
    yield _reading(names, start, begin, end, is_behind_digits=is_behind_digits)


def _with_glued_name(text: str, names: list[str], begin: int) -> tuple[list[str], int]:
    """Return the names, with one that no separator ends or a colon does, and where they end."""
    glued = _GLUED_NAME.match(text, begin)
    if glued is not None:
        return [*names, "secret"], glued.end()
    return names or _NAME_BEFORE_COLON.findall(text[max(0, begin - _WINDOW) : begin]), begin


def _reading(
    names: list[str], start: int, begin: int, end: int, *, is_behind_digits: bool
) -> _Reading:
    return _Reading(names[-_MOST_NAMES:], start, begin, max(start, begin), end, is_behind_digits)


def _may_be_name(part: str) -> bool:
    return len(part) <= _LONGEST_NAME and NAME.fullmatch(part) is not None


def _least(names: list[str], body: str, whole: str) -> _Limit:
    """Return what a drawn part must have, by what stands before it."""
    is_of_one_case = body.islower() or body.isupper()
    if not names:
        if not is_of_one_case:
            is_long = len(whole) >= _LONG_ALONE and whole.isalnum()
            return _ALONE_IF_LONG if is_long else _ALONE
        return _ALONE_CAPITALS if _CAPITALS.fullmatch(whole) else _ALONE_OF_ONE_CASE
    last = names[-1]
    longest = max(map(len, _LINKS.split(body)))
    is_whole = longest >= _LONG_PART
    if telling_parts([*names, body]) or ends_in_telling(last.lower()):
        in_parts = _BEHIND_TELLING_IN_PARTS if len(body) < _LONG_IN_PARTS else _LONG_BEHIND_TELLING
        return _BEHIND_TELLING if is_whole else in_parts
    return _least_behind_others(names, longest, body)


def _least_behind_others(names: list[str], longest: int, body: str) -> _Limit:
    last = names[-1]
    if longest < _SHORT:
        least = _IN_SHORT_PARTS
    elif names[0].lower() in IDENTIFIERS or last.lower() in IDENTIFIERS:
        least = _BEHIND_IDENTIFIER
    elif is_abbreviation(last) or are_of_vendor(names):
        least = _BEHIND_ABBREVIATION
    elif not (body.islower() or body.isupper()):
        least = _BEHIND_NAME
    elif may_be_vendor(last):
        least = _BEHIND_VENDOR if longest >= _LONG_PART else _BEHIND_VENDOR_IN_PARTS
    else:
        least = _BEHIND_WORD_IF_LONG if len(body) >= _LONG_BODY else _BEHIND_WORD
    return least


def _is_usual(body: str, whole: str) -> bool:
    """Return whether a part is built like a digest or an identifier, with nothing before it.

    Args:
        body: what was drawn.
        whole: with the letters that are glued to it.
    """
    is_glued = len(whole) - len(body) >= _LEAST_GLUED
    return (
        (
            not is_glued
            and _has_length_of_digest(whole)
            and _LINKS.search(whole) is None
            and _TEXTS.search(body) is None
        )
        or len(body) > _LONGEST
        or body.isalpha()
        or whole.startswith(_NO_TOKENS)
        or body.startswith(_NO_TOKENS)
    )


def _has_length_of_digest(whole: str) -> bool:
    length = _PADDED_DIGEST if whole.endswith("=") else _PADDED_DIGEST - 1
    return (len(whole) == length and not whole.isupper()) or (
        len(whole) in _LENGTHS_OF_BASE58 and _NOT_OF_BASE58.isdisjoint(whole)
    )


def _is_line(text: str, start: int, end: int) -> bool:
    """Return whether a part is a line of base64, or stands in one."""
    before = text[max(0, start - _WIDEST_LINE) : start]
    has_dots = text.count(".", start, end) > 1
    is_in_folder = not text.endswith("=", start, end) and (
        _FOLDER.search(before) is not None or _FOLDER_IN_CAPITALS.search(before) is not None
    )
    return (
        (before.endswith("+") and not (has_dots or _is_behind_word_of_form(before)))
        or (before.endswith("/") and not has_dots and not is_in_folder)
        or (_is_among_lines(text, start, end) and not _is_in_list(text, start, end))
    )


def _is_behind_word_of_form(before: str) -> bool:
    if _WORDS_OF_FORM.search(before) is not None:
        return True
    word = _WORD_OF_FORM.search(before)
    return word is not None and is_word(word[1].lower())  # base64 has such letters, too


def _is_among_lines(text: str, start: int, end: int) -> bool:
    end += len(_found(_REST_OF_LINE.match(text, end)))
    start = _beginning_of_line(text, start)
    line, (before, _) = text[start:end], _line_before(text, start)
    found = _LINE_BEHIND.match(text, end)
    is_first = found is not None and len(found[1]) <= len(line) == len(_full(line))
    is_next = len(line) <= len(_full(before))
    is_of_address = _OF_ADDRESS in before and not before.endswith("=")
    return is_of_address or ((is_first or is_next) and _have_signs(text, start, end))


def _beginning_of_line(text: str, start: int) -> int:
    """Return where the base64 begins that goes on there."""
    before = text[max(0, start - _WIDEST_LINE) : start]
    begin = start - len(before) + len(before.rstrip(_OF_BASE64))
    is_escaped = begin < start and text[begin - 1 : begin] == "\\"
    return begin + (is_escaped and text.startswith(_ESCAPED, begin))


def _full(line: str) -> str:
    """Return the base64 that a line ends in if it is as wide as lines that others follow."""
    full = _FULL_LINE.fullmatch(line)
    return full[1] if full is not None else ""


def _line_before(text: str, start: int) -> tuple[str, int]:
    """Return the last word of the line before what begins there, and where the word begins."""
    found = _END_OF_LINE_BEFORE.search(text, max(0, start - _WIDEST_END), start)
    if found is None:
        return "", start
    end = found.start()
    first = max(0, end - _WIDEST_LINE)
    begin = max(first, text.rfind("\n", first, end) + 1)
    escape = text.rfind("\\", begin, end)
    if escape >= 0:
        begin = escape + 1 + text.startswith(_ESCAPED, escape + 1)
    line = text[begin:end]
    word = line.rsplit(None, 1)[-1] if line and not line[-1].isspace() else ""
    return word, end - len(word)


def _have_signs(text: str, start: int, end: int) -> bool:
    """Return whether a line, or one of those around it, has characters of base64 alone."""
    lines = text[start:end] + _found(_LINES_BEHIND.match(text, end))
    for _ in range(_MOST_LINES):
        if _SIGNS.search(lines) is not None:
            return True
        line, start = _line_before(text, start)
        lines = _full(line)
        if not lines:
            break
    return False


def _is_in_list(text: str, start: int, end: int) -> bool:
    """Return whether a line next to it begins alike, as tokens of one vendor do."""
    beginning = text[start : start + _BEGINNING]
    before, _ = _line_before(text, start)
    if _WRAPPED.fullmatch(text, start, end) or _WRAPPED.fullmatch(before):
        return False  # data of which the same bytes come again
    behind = _BEGINNING_BEHIND.match(text, end)
    return (behind is not None and behind[1] == beginning) or before.startswith(beginning)


def _is_data(text: str, start: int, end: int, names: list[str]) -> bool:
    """Return whether a part is a word of mail or a piece of a file's name."""
    before = text[max(0, start - _WINDOW) : start]
    is_piece = before.endswith(".") and _FILE_ENDING.match(text, end) is not None
    is_file = is_piece and not (telling_parts([*names, ""]) or is_feed(text, start, end))
    return is_file or _ENCODED_WORD.search(before) is not None


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
