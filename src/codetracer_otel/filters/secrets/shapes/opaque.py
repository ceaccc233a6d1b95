"""Tokens of vendors that nobody listed: a prefix, a separator and characters drawn at random."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# A stretch of letters and digits that stands behind a prefix; the prefilter asks for the same.
# Digests and UUIDs are hexadecimal, the words of identifiers have no digits among their letters.
STRETCH: Final = r"[_.~$-](?=[A-Za-z0-9]{12})[A-Za-z]*+[0-9]"

# What every token has and no identifier of words: sixteen letters and digits in a row, or seven
# with a capital or a digit among them.
MADE_UP: Final = r"[A-Za-z0-9]{16}|(?<![A-Za-z0-9])(?=[A-Za-z0-9]{7})[a-z]*+[A-Z0-9]"

_RUN: Final = re.compile(
    r"(?:(?<=\\)[nrt]|(?<=%)[0-9A-Fa-f]{2}|(?<=\[[0-9]{2})m)?([A-Za-z0-9_-]{18,})"
)
_GOES_ON: Final = re.compile(r"(?:[.~+/_-]+(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{12,})*+=*+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PART: Final = re.compile(r"[A-Za-z0-9]+")
_NAME: Final = re.compile(r"[a-z]{1,12}[0-9]{0,2}|[A-Z]{2,10}[0-9]?|[a-z][A-Za-z0-9]{1,4}")

# What makes of a prefix that of a secret, and what is one only with another word before it.
_TELLING: Final = frozenset(
    """
    sk rk sec secret secrets pat sat token tok tkn apikey apitoken live prod production bearer auth
    oauth refresh whsec webhook priv private passwd password pw pwd cred credential access pk
    service svc sdk personal admin bot deploy wh rt at atk srv
    """.split()
)
_TELLING_BEHIND: Final = frozenset(
    """
    test dev development sandbox stage staging key api client app user ci
    """.split()
)
_NO_SECRETS: Final = frozenset(
    """
    sha md5 sha1 sha256 sha384 sha512 sri blake2b commit rev etag digest hash checksum crc
    request req trace span session id uuid index chunk public
    """.split()
)
# Identifiers that services show: as random as secrets, and nobody's secret.
_IDENTIFIERS: Final = frozenset(
    """
    acct asst batch call card ch chat chatcmpl cmpl cs cus dp ep evt file gen id in inv msg obj
    org ord pay payout pi plan pm po price prod proj product py re ref req resp rs run seti si
    source src step sub tax thread toolu tr txn txr upload usr user vs wf
    """.split()
)
_MAX_PREFIX: Final = 4  # parts
_LEAST: Final = 30  # characters, where the prefix tells nothing: usual identifiers are shorter
_LEAST_OF_BOTH_CASES: Final = 24


class _Mix(NamedTuple):
    """What a stretch of letters and digits is made of."""

    length: int
    digits: int
    upper: int
    lower: int
    changes: int  # from one of the three to another
    is_hex: bool


def looks_made_up(text: str) -> bool:
    """Return whether a part of a text is letters and digits mixed as no words are."""
    return any(_is_mixed(part[0]) for part in _PART.finditer(text))


def _is_mixed(part: str) -> bool:
    if len(part) < 7:  # noqa: PLR2004 - shorter words have digits and humps by chance
        return False
    has_digit = any(char.isdigit() for char in part)
    uppers = sum(char.isupper() for char in part)
    has_letter = not part.isdigit()
    return (has_digit and has_letter) or (uppers > 1 and not part.isupper())


def find_opaque(text: str) -> Iterator[tuple[int, int]]:
    """Yield tokens by how they are built."""
    position = 0
    while (run := _RUN.search(text, position)) is not None:
        position = run.end()
        if _is_token(run[1]):
            rest = _GOES_ON.match(text, position)
            position = rest.end() if rest else position
            yield run.start(1), position


def _is_token(run: str) -> bool:
    parts = run.replace("_", "-").split("-")
    if len(parts) < 2 or not _NAME.fullmatch(parts[0]) or parts[0].lower() in _NO_SECRETS:  # noqa: PLR2004 - a prefix and more
        return False
    telling = _telling_parts(parts)
    if telling:
        body = run[sum(map(len, parts[:telling])) + telling :]
        return _is_random_behind_telling(body)
    return _is_random_behind_anything(run[len(parts[0]) + 1 :], parts[0])


def _telling_parts(parts: list[str]) -> int:
    """Return how many parts belong to a prefix that tells of a secret, or 0."""
    words = [part.lower().rstrip("0123456789") for part in parts[:_MAX_PREFIX]]
    found = 0
    for index, word in enumerate(words[: len(parts) - 1]):
        if word in _TELLING or (index and word in _TELLING_BEHIND):
            found = index + 1
        elif not _NAME.fullmatch(parts[index]):
            break
    return found


def _is_random_behind_telling(body: str) -> bool:
    if _UUID.fullmatch(body):
        return True
    mix = _mix(_longest(body))
    if mix.is_hex:
        return mix.length >= 32  # noqa: PLR2004 - 128 bits
    total = len(body) - body.count("-") - body.count("_")
    return total >= 16 and mix.length >= 10 and _is_random(mix)  # noqa: PLR2004 - 80 bits


def _is_random_behind_anything(body: str, prefix: str) -> bool:
    mix = _mix(_longest(body))
    total = len(body) - body.count("-") - body.count("_")
    both_cases = mix.upper > 1 and mix.lower > 1 and prefix not in _IDENTIFIERS
    least = _LEAST_OF_BOTH_CASES if both_cases else _LEAST
    return total >= least and mix.length >= 12 and not mix.is_hex and _is_random(mix)  # noqa: PLR2004 - 60 bits in a row


def _longest(body: str) -> str:
    return max(_PART.findall(body), key=len, default="")


def _is_random(mix: _Mix) -> bool:
    """Return whether letters and digits change as often as in what is drawn at random."""
    cases = (mix.upper > 0) + (mix.lower > 0)
    if not mix.digits or not cases or mix.digits * 5 > mix.length * 4:
        return False
    return mix.changes * 100 >= mix.length * (36 if cases > 1 else 20)


def _mix(part: str) -> _Mix:
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in part]
    changes = sum(a != b for a, b in pairwise(kinds))
    is_hex = not part.strip("0123456789abcdef") or not part.strip("0123456789ABCDEF")
    digits, upper = kinds.count("d"), kinds.count("u")
    return _Mix(len(part), digits, upper, len(part) - digits - upper, changes, is_hex)
