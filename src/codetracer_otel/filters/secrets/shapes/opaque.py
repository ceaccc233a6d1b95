"""Tokens of vendors that nobody listed: a prefix, a separator and characters drawn at random."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.shapes.prefixes import (
    IDENTIFIERS,
    NAME,
    NO_SECRETS,
    are_of_vendor,
    is_abbreviation,
    is_unsayable,
    is_vendor,
    is_word,
    telling_parts,
    tells_before_digest,
)
from codetracer_otel.filters.secrets.shapes.randomness import is_hex, mix_of, mix_of_longest
from codetracer_otel.filters.secrets.shapes.solid import find_solid, follows_digest_name

if TYPE_CHECKING:
    from collections.abc import Iterator

# A stretch of letters and digits that stands behind a prefix; the prefilter asks for the same.
# Digests and UUIDs are hexadecimal, the words of identifiers have no digits among their letters.
STRETCH: Final = (
    r"(?:(?:[_.~$-]|(?<=[hntyHNTY=]):|(?<=[0-9a-f]{9})[:|])(?=[A-Za-z0-9+/]{12})[A-Za-z+/]*+[0-9]"
    r"|[.][A-Za-z0-9_-]{6}[.][A-Za-z0-9_-]{27}|[0-9.]:[A-Za-z0-9_-]{24}"
    r"|(?<![A-Za-z0-9])(?:(?=[A-Za-z0-9_~-]{28})(?=[A-Za-z_~-]{0,40}[0-9])"
    r"(?:(?=[a-z0-9_~-]{0,40}[A-Z])(?=[A-Z0-9_~-]{0,40}[a-z])|(?=[A-Za-z0-9]{60})(?=[0-9a-fA-F]*[G-Zg-z]))"
    r"|[A-Z]{3}(?=[A-Z0-9]{17})(?=[A-Z]*[0-9])"
    r"|[A-Za-z]{1,12}[g-zA-Z](?:[0-9a-f]{28}|[0-9a-f]{8}-[0-9a-f]{4}-))"
    r"|[_-][0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-|KEY[A-Z0-9]{24}"
    r"|[_-](?=[A-Za-z]{20})(?:[a-z]{0,3}[A-Z]{1,4}){5})"
)

# What every token has and no identifier of words: sixteen letters and digits in a row, or seven
# with a capital or a digit among them.
MADE_UP: Final = r"[A-Za-z0-9]{16}|(?<![A-Za-z0-9])(?=[A-Za-z0-9]{7})[a-z]*+[A-Z0-9]"

_START: Final = (
    r"(?:(?<![\w+/.@\\-])|(?<=[a-z]{3}/)|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\[[0-9]{2}m))"
)
_RUN: Final = lazy_regex(
    r"(?:(?<=\\)[nrt]|(?<=%)[0-9A-Fa-f]{2}|(?<=\[[0-9]{2})m)?([A-Za-z0-9_-]{18,})"
)
_GOES_ON: Final = lazy_regex(r"(?:[.~+/_-]+(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{12,})*+=*+")
_UUID_PATTERN: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_BEGINS_WITH_UUID: Final = lazy_regex(rf"(?:[a-z]{{2}}[0-9][_-])?{_UUID_PATTERN}(?:[_-]|\Z)")
_OF_UUIDS: Final = lazy_regex(
    rf"(?:\A|[_-])([a-z]{{2,6}}[0-9]?[a-z]{{0,6}})[_-]((?:{_UUID_PATTERN}(?:[_-]|\Z))+)"
)
_BY_TIME: Final = lazy_regex(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.IGNORECASE)  # ULIDs: identifiers
_GLUED: Final = lazy_regex(
    r"(?<![A-Za-z0-9])[A-Za-z]{0,8}(?:KEY|SECRET|TOKEN|[a-z](?:key|secret|token))"
    r"(?=[A-Za-z]*[0-9])([A-Za-z0-9]{24,}+)"
)
# Base64, and what a dot separates from its prefix: neither belongs to a run.
_BASE64: Final = lazy_regex(
    _START + r"([A-Za-z][A-Za-z0-9]{0,11}(?:[._-][A-Za-z0-9]{1,10}){0,2}?)"
    r"([.]|[_-](?=[A-Za-z0-9_.-]*+[+/=]))(?:v[0-9]{1,2}[._])?([A-Za-z0-9+/_-]{8,}+(?:={0,2}[.][A-Za-z0-9_-]{8,}+)*+={0,2})(?![.]?[A-Za-z(\[])"
)
_BEHIND_COLON: Final = lazy_regex(  # RFC 8959
    _START + r"(?:[A-Za-z]{1,12}[_-]){0,2}(?i:token|secret|key|oauth):([A-Za-z0-9_-]{18,}+=*+)"
)
_PARTS: Final = lazy_regex(
    _START
    + r"([A-Za-z0-9]{6,}+)((?:[._~-][A-Za-z0-9_-]{2,}+)++)=*+(?![+A-Za-z0-9_-]|/(?![a-z]{3}))"
)
_TWO: Final = lazy_regex(
    _START + r"([A-Za-z0-9]{14,64}+)[.:]([A-Za-z0-9]{24,128}+)(?![\w-]|[.][A-Za-z0-9])"
)
# What a hook is called with; the part that nobody can guess follows.
_HOOK: Final = lazy_regex(
    r"(?i:hook(s?))(?:[.][A-Za-z0-9.-]{1,80})?(?:/[A-Za-z0-9_.@-]{1,80}){0,6}?"
    r"/((?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{20,}+)(?:/[A-Za-z0-9_-]{20,}+)*+(?![.][A-Za-z])"
)
_JSON: Final = lazy_regex("eyJ[A-Za-z0-9_-]{16}")  # another shape
_DIGIT: Final = lazy_regex("[0-9]")
_BETWEEN: Final = lazy_regex(r"[._~-]")
# Two halves of which one is known to who looks after the account; digests follow names.
_HALVES: Final = lazy_regex(
    rf"(?:(?<![A-Za-z0-9-])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{{2}}))(?:{_UUID_PATTERN}[._~:-](?=[A-Za-z]*[0-9])[A-Za-z0-9]{{28,}}+"
    r"(?::[A-Za-z0-9+/]+)?+=*+"
    r"|(?<![+/])[A-Za-z0-9+/]{20,}+={1,2}:[A-Za-z0-9]{20,}+"
    r"|[0-9a-f]{24,40}[.:][0-9a-f]{32,}+|[0-9]{2,10}\$[0-9a-f]{40,}+|(?:[0-9]{9,20}:|[A-Z]{2,5}\|[0-9]{9,20}\|)[0-9a-f]{32,}+"
    rf"|[0-9a-f]{{32}}-{_UUID_PATTERN}|[a-z*]{{1,12}}:[a-z]{{1,12}}[.][0-9a-f]{{40,}}+)(?![A-Za-z0-9-])"
)
# Discord's bots: the number of the account in base64, the time, and a code over both.
_OF_BOT: Final = lazy_regex(
    r"(?<![A-Za-z0-9_.-])([MNO][A-Za-z0-9]{21,26}={0,2})[.][A-Za-z0-9_-]{6}[.][A-Za-z0-9_-]{27,}+"
)
_DOTTED: Final = lazy_regex(
    r"(?<![\w./\\-])([a-z]{2,5})(?:-[0-9])?[.]([0-9a-f]{40,}+)(?![\w-]|[.][A-Za-z])"
)
_OF_FILES: Final = lazy_regex(
    r"(?:\A|[\s\"'=:,(])(?:(?:file:/)?/(?:usr|var|home|tmp|srv|opt|etc|root|nix|build|mnt|data|lib|app|proc|run"
    r"|private|Users|Library|workspace|github)/|[A-Za-z]:[\\/]|[.~])"
    r"|(?:cache|static|assets|objects|blobs|layers|store|packages|dist)/\Z"
)
_FILE_ENDING: Final = lazy_regex(r"[.][A-Za-z]")

_HUMP: Final = lazy_regex("[A-Z]?[a-z]{3,}")
_WORD_BEFORE_CAPITALS: Final = lazy_regex(r"\A[a-z]{3,12}(?=[A-Z]{2,10}[0-9]?[_-])")

_MOST_WORDS: Final = 5  # before a token
_LEAST: Final = 30  # characters, where the prefix tells nothing: usual identifiers are shorter
_LEAST_OF_BOTH_CASES: Final = 20
_LEAST_OF_VENDOR: Final = 24  # of one case, behind what is no word
_LEAST_OF_ABBREVIATION: Final = 18
_LEAST_OF_DIGEST: Final = 28
_LENGTHS_OF_IDENTIFIERS: Final = range(48, 53)  # of OpenAI's
_LONG_DIGESTS: Final = (96, 128)  # of the hash functions that are no SHA-256
_LONGEST: Final = 64
_DIGITS_OF_DIGEST: Final = 9  # different ones; of what is drawn at random hardly any has fewer
_LEAST_OF_PARTS: Final = 32
_LEAST_OF_LONGEST_PART: Final = 16
_LEAST_OF_LONG: Final = 60
_LEAST_OF_WORD: Final = 5
_LEAST_OF_TWO: Final = 14
_KINDS: Final = ("live", "test", "prod", "sandbox")
_LONGEST_UUID: Final = 37  # with what separates it from the next


def find_opaque(text: str) -> Iterator[tuple[int, int]]:
    """Yield tokens by how they are built; what is called a digest is none."""
    for start, end in _find(text):
        if not follows_digest_name(text, start):
            yield start, end


def _find(text: str) -> Iterator[tuple[int, int]]:
    yield from _runs(text)
    yield from (m.span() for m in _BASE64.finditer(text) if _is_base64(m[1], m[2], m[3]))
    yield from (m.span() for m in _BEHIND_COLON.finditer(text) if _is_random_behind_colon(m[1]))
    yield from (m.span() for m in _PARTS.finditer(text) if _is_of_parts(m[1], m[2]))
    yield from (m.span() for m in _HALVES.finditer(text))
    yield from (m.span() for m in _TWO.finditer(text) if _are_two(m[1], m[2]))
    yield from ((m.start(2), m.end()) for m in _HOOK.finditer(text) if _is_of_hook(*m.groups()))
    yield from _tokens_of_bots(text)
    yield from find_solid(text)
    for dotted in _DOTTED.finditer(text):
        if is_abbreviation(dotted[1]) and len(set(dotted[2])) >= _DIGITS_OF_DIGEST:
            yield dotted.span()


def _runs(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while (run := _RUN.search(text, position)) is not None:
        position = run.end()
        if _is_token(run[1]) or (
            _is_of_vendor(run[1]) and not _is_file(text, run.start(1), position)
        ):
            rest = _GOES_ON.match(text, position)
            position = rest.end() if rest else position
            yield run.start(1), position


def _tokens_of_bots(text: str) -> Iterator[tuple[int, int]]:
    for match in _OF_BOT.finditer(text):
        number = match[1].rstrip("=")
        with contextlib.suppress(binascii.Error):
            if base64.b64decode(number + "=" * (-len(number) % 4)).isdigit():
                yield match.span()


def _is_of_vendor(run: str) -> bool:
    """Return whether what looks like an identifier stands behind what only a vendor is called."""
    uuids = _OF_UUIDS.search(run)
    if uuids is not None:
        name, are_many = _DIGIT.sub("", uuids[1]), len(uuids[2]) > _LONGEST_UUID
        return is_vendor(name) and (are_many or is_unsayable(name))
    run = _WORD_BEFORE_CAPITALS.sub("", run)
    *prefix, last = run.replace("_", "-").split("-")
    if prefix and len(last) < _LEAST_OF_DIGEST and len(prefix[-1]) >= _LEAST_OF_DIGEST:
        last = prefix.pop()  # a checksum ends it
    return (
        bool(prefix)
        and len(last) >= _LEAST_OF_DIGEST
        and len(last) not in _LENGTHS_OF_IDENTIFIERS
        and len(set(last)) >= _DIGITS_OF_DIGEST
        and is_hex(last)
        and (_ends_in_vendor(prefix) or (len(last) > _LONGEST and len(last) not in _LONG_DIGESTS))
    )


def _ends_in_vendor(parts: list[str]) -> bool:
    """Return whether the last parts are those of a vendor; words may stand before them."""
    return any(
        are_of_vendor(parts[-count:]) for count in range(1, min(len(parts), _MOST_WORDS) + 1)
    )


def _is_file(text: str, start: int, end: int) -> bool:
    if _FILE_ENDING.match(text, end) is not None:
        return True
    if text[start - 1 : start] not in ("/", "\\"):
        return False
    return text[end : end + 1] != "/" or _OF_FILES.search(text, 0, start) is not None


def _is_token(run: str) -> bool:
    run = _WORD_BEFORE_CAPITALS.sub("", run)
    parts = run.replace("_", "-").split("-")
    if parts[0].lower() in NO_SECRETS:
        return False
    glued = _GLUED.search(run)
    if glued is not None and mix_of(glued[1]).is_random:
        return True
    if len(parts) < 2 or not NAME.fullmatch(parts[0]):  # noqa: PLR2004 - a prefix and more
        return False
    if _is_in_two_parts(parts):
        return True
    telling = telling_parts(parts)
    if telling:
        body = run[sum(map(len, parts[:telling])) + telling :]
        return _is_random_behind_telling(body, "-".join(parts[:telling]))
    return _is_random_behind_words(run, parts)


def _is_random_behind_words(run: str, parts: list[str]) -> bool:
    """Return whether a token stands behind names, one of the first that there are."""
    begin = 0
    for part in parts[: min(len(parts) - 1, _MOST_WORDS)]:
        begin += len(part) + 1
        if not NAME.fullmatch(part):
            return False
        if _is_random_behind_anything(run[begin:], part):
            return True
    return False


def _is_random_behind_telling(body: str, prefix: str) -> bool:
    if _BEGINS_WITH_UUID.match(body):
        return tells_before_digest(prefix)
    mix = mix_of_longest(body)
    if mix.is_hex:
        return mix.length >= _LEAST_OF_DIGEST and tells_before_digest(prefix)
    total = len(body) - body.count("-") - body.count("_")
    least = 14 if prefix.endswith(_KINDS) else 16
    if total >= least and mix.length >= 10 and mix.is_random:  # noqa: PLR2004 - 80 bits
        return True
    return _is_random_in_parts(body, mix.length)


def _is_in_two_parts(parts: list[str]) -> bool:
    """Return whether two parts are drawn at random that stand behind a vendor's name."""
    name, *drawn = parts
    return (
        is_vendor(name.lower() if name.isupper() else name)
        and len(drawn) == 2  # noqa: PLR2004 - as the function is called
        and min(map(len, drawn)) >= _LEAST_OF_TWO
        and sum(map(len, drawn)) >= _LEAST_OF_PARTS
        and all(map(_is_mixed, drawn))
        and _is_drawn("".join(drawn))
    )


def _are_two(first: str, second: str) -> bool:
    return _is_drawn(first) and _is_drawn(second) and not (is_hex(first) and is_hex(second))


def _is_drawn(part: str) -> bool:
    mix = mix_of(part)
    return _is_mixed(part) and (mix.is_hex or mix.is_random)


def _is_mixed(part: str) -> bool:
    return 0 < mix_of(part).digits < len(part)


def _is_of_hook(are_many: str, part: str) -> bool:
    mix = mix_of_longest(part)
    is_drawn = mix.length >= 16 and (mix.is_hex or mix.is_random)  # noqa: PLR2004 - no name is as mixed
    # Behind `/webhooks/` it is one of those that a service lists.
    return is_drawn or (not are_many and _BEGINS_WITH_UUID.match(part) is not None)


def _is_random_behind_anything(body: str, prefix: str) -> bool:
    mix = mix_of_longest(body)
    if mix.digits <= 4 and _is_of_humps(body):  # noqa: PLR2004 - a year or some versions
        return False
    total = len(body) - body.count("-") - body.count("_")
    both_cases = mix.upper > 1 and mix.lower > 1 and prefix not in IDENTIFIERS
    least = _LEAST_OF_BOTH_CASES if both_cases else _LEAST
    if is_abbreviation(prefix):
        if _is_random_in_parts(body, mix.length):
            return True
        least = _LEAST_OF_ABBREVIATION if both_cases else least
    name = (prefix.lower() if prefix.isupper() else prefix).rstrip("0123456789")
    if not both_cases and is_vendor(name) and not _BY_TIME.fullmatch(body):
        least = _LEAST_OF_VENDOR
    return total >= least and mix.length >= 12 and not mix.is_hex and mix.is_random  # noqa: PLR2004 - 60 bits in a row


def _is_of_humps(body: str) -> bool:
    """Return whether a body is the name of a class: capitals and small letters, with a word."""
    humps = _HUMP.findall(body)
    return 2 * sum(map(len, humps)) > len(body) and any(is_word(hump.lower()) for hump in humps)


def _is_random_in_parts(body: str, longest: int = _LEAST_OF_ABBREVIATION) -> bool:
    """Return whether dashes and underscores are among characters drawn at random."""
    mix = mix_of(body)
    is_long = mix.length >= _LEAST_OF_ABBREVIATION and longest >= 6  # noqa: PLR2004 - of 20 characters with three dashes
    return is_long and mix.is_of_all_kinds


def _is_random_behind_colon(body: str) -> bool:
    mix = mix_of_longest(body)
    return _is_random_in_parts(body) or (
        mix.length >= _LEAST_OF_VENDOR and mix.is_random and not mix.is_hex
    )


def _is_base64(prefix: str, separator: str, body: str) -> bool:
    parts = _BETWEEN.split(prefix)
    if parts[0].lower() in NO_SECRETS:
        return False
    is_telling = telling_parts(["", *parts, body]) > 0 or _ends_in_vendor(parts)
    is_long = separator == "." and (
        mix_of_longest(body).length >= _LEAST_OF_PARTS or mix_of(body).length >= _LEAST_OF_LONG
    )
    return (is_telling or is_long) and _is_random_in_parts(body, _LEAST_OF_ABBREVIATION)


def _is_of_parts(first: str, more: str) -> bool:
    """Return whether parts that are all drawn at random follow each other without a prefix."""
    parts = [first, *filter(None, _BETWEEN.split(more))]
    has_word = any(
        len(part) >= _LEAST_OF_WORD and part.isalpha() and (part.islower() or part.istitle())
        for part in parts
    )
    mix = mix_of(first + more)
    return (
        first.lower() not in NO_SECRETS
        and _JSON.search(first + more) is None
        and not has_word
        and mix.length >= _LEAST_OF_PARTS
        and mix.is_of_all_kinds
        and mix_of(max(parts, key=len)).is_of_all_kinds
        and mix_of_longest(first + more).length >= _LEAST_OF_LONGEST_PART
    )
