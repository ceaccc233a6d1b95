"""The builtin shapes of secrets in text: finders that run in linear time."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.named.values import find_named_values
from codetracer_otel.filters.secrets.shapes.cards import find_cards
from codetracer_otel.filters.secrets.shapes.tokens import find_jwts, find_tokens

if TYPE_CHECKING:
    from codetracer_otel.filters.secrets.text_parts import Finder


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of secret that text can be searched for.

    Attributes:
        name: what a ``shapes`` pattern calls it.
        find: returns the parts of a text that have it.
    """

    name: str
    find: Finder


# re.ASCII keeps case-insensitive letters to the 52 that `str.lower` maps alike: the prefilter
# tests `bearer` and `basic` in the lower-cased text.
_CREDENTIALS: Final = lazy_regex(
    r"(?:(bearer)|basic)(?:[ \t]++|%20|\+)([A-Za-z0-9._~+/=|:-]++)", re.ASCII | re.IGNORECASE
)
_OPAQUE_LENGTH: Final = 16
_PROSE: Final = frozenset(
    {"auth", "authentication", "authorization", "format", "scheme", "token", "tokens"}
)


def find_credentials(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find what follows ``Bearer`` and ``Basic``."""
    end = len(text) if is_cut else -1
    all_of_it = len(text) - len(text.lstrip()), len(text.rstrip())
    return [
        match.span(2)
        for match in _CREDENTIALS.finditer(text)
        if match.end() == end or _is_credential(match[2], match[1], match.span() == all_of_it)
    ]


def _is_credential(value: str, bearer: str | None, is_all: bool) -> bool:  # noqa: FBT001 - private
    if bearer is None:
        return _is_user_and_password(value)
    word = value.rstrip(".:")  # of a sentence
    if len(word) >= _OPAQUE_LENGTH or not word.isalpha():
        return True
    return is_all and word.lower() not in _PROSE


def _is_user_and_password(value: str) -> bool:
    try:
        decoded = base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded


_KEY_BEGIN: Final = lazy_regex(
    r"-{4,5}(?: |\+|%20)?BEGIN(?: |\+|%20)[A-Z0-9 +%]{0,40}?PRIVATE(?: |\+|%20)KEY"
)
_KEY_END: Final = lazy_regex(
    r"-{4,5}(?: |\+|%20)?END(?: |\+|%20)[A-Z0-9 +%]{0,40}?PRIVATE(?: |\+|%20)KEY"
    r"(?:(?: |\+|%20)BLOCK)?(?: |\+|%20)?-{0,5}"
)


# PuTTY's own format: the lines of the private half, up to their checksum.
_PUTTY: Final = lazy_regex(
    r"Private-Lines:(?: |\+|%20)*+[0-9]{1,6}+(?:\s|\\r|\\n|%0[AaDd])*+"
    r"(?:(?!Private-(?:MAC|Hash))[A-Za-z0-9+/=%\s\\])*+"
)


def find_private_keys(text: str, *, is_cut: bool) -> list[tuple[int, int]]:  # noqa: ARG001 - a Finder
    """Find PEM, OpenPGP, SSH2 and PuTTY's private keys; what does not end goes to the end."""
    spans = [match.span() for match in _PUTTY.finditer(text)]
    begin = _KEY_BEGIN.search(text)
    while begin is not None:
        end = _KEY_END.search(text, begin.end())
        spans.append((begin.start(), end.end() if end else len(text)))
        begin = _KEY_BEGIN.search(text, spans[-1][1])
    return spans


# A password may hold `/`, `?`, `#` that should have been quoted; a port may not be taken for one.
# No part crosses the next `://`, so every character is looked at by one attempt only.
_USERINFO: Final = lazy_regex(
    r":(?://|\\/\\/)((?:[^\s/?#\"'<>@]++@)++"
    r"|[^\s/?#\"'<>@:]*+:(?![0-9]{1,5}[/?#])(?:(?!:\\?/)[^\s@\"'<>])++@)"
)
# The same without a scheme, as `urlsplit` gives it, is taken for one where it is the whole text.
_AUTHORITY: Final = lazy_regex(
    r"((?!(?:mailto|sips?|xmpp|acct|im|pres):|[0-9]++:)[^\s/?#\"'<>@:]++:[^\s\"'<>/]+)@"
    r"[\w.-]++(?::[0-9]{1,5}+)?",
    re.IGNORECASE,
)
_USER_ALONE: Final = lazy_regex(r"[A-Za-z][a-z]{0,5}@")  # `git@`; tokens are longer
_USERINFO_AT_CUT: Final = lazy_regex(
    r":(?://|\\/\\/)([^\s/?#\"'<>]*+\Z"
    r"|[^\s/?#\"'<>@:]*+:(?![0-9]{1,5}[/?#])(?:(?!:\\?/)[^\s\"'<>])++\Z)"
)
_AUTHORITY_AT_CUT: Final = lazy_regex(r"[^\s/?#\"'<>@:]++:[^\s\"'<>/]+")


def find_userinfo(text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    """Find ``user:password`` of URLs and authorities; one that was cut before its ``@`` counts."""
    spans = [
        (match.start(1), match.end(1) - 1)
        for match in _USERINFO.finditer(text)
        if _USER_ALONE.fullmatch(match[1]) is None
    ]
    whole = _AUTHORITY.fullmatch(text) if "@" in text and not spans else None
    if whole is not None:
        spans.append(whole.span(1))
    if is_cut:
        tail = _USERINFO_AT_CUT.search(text, spans[-1][1] if spans else 0)
        if tail is not None and tail[1]:
            spans.append(tail.span(1))
        elif not spans and _AUTHORITY_AT_CUT.fullmatch(text):
            spans.append((0, len(text)))
    return spans


SHAPES: Final = (
    Shape("credentials", find_credentials),
    Shape("jwt", find_jwts),
    Shape("private_key", find_private_keys),
    Shape("token", find_tokens),
    Shape("userinfo", find_userinfo),
    Shape("card", find_cards),
    Shape("named", find_named_values),
)
