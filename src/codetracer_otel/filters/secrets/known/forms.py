"""Finds the secret in a value and the forms in which it may come again, and what is no secret."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.known.ordinary_words import ORDINARY_WORDS
from codetracer_otel.filters.secrets.known.words import is_of_words
from codetracer_otel.model.value import DROPPED, REDACTED

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 8192  # the longest private keys have less
_LEAST_IN_BASE64: Final = 10  # bytes; of fewer too little is left to be found quickly
_FEWEST_CHARACTERS: Final = 4
_FEWEST_DIGITS: Final = 16
_FEWEST_DISTINCT_DIGITS: Final = 6

_SCHEME: Final = lazy_regex(r"(?i)(?:bearer|basic|token|apikey|negotiate|bot|digest)[ \t]+(\S+)\Z")
_PAIR: Final = r"[\w.$!-]{1,64}=[^;&\s]*"
_PAIRS: Final = lazy_regex(rf"{_PAIR}(?:[;&]\s*(?:{_PAIR}|[\w-]+))*;?\Z")
_USER: Final = lazy_regex(r"[\w.@+-]{1,64}:(?!//)(\S+)\Z")
_ADDRESS: Final = lazy_regex(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^\s/@:]*:([^\s/@]+)@|[^\s/@]*@)?[^\s/?#]*(\S*)\Z"
)
_FLAG: Final = lazy_regex(r"--[A-Za-z]+(?:-[A-Za-z]+)*(?:=|\Z)")
_DIGIT: Final = lazy_regex(r"\d")
_NUMBER: Final = lazy_regex(r"[-+]?[\d.,_ ]+(?:[eE][-+]?\d+)?[a-zA-Z%]{0,3}\Z")
_DATE: Final = lazy_regex(
    r"(?:\d{4}-\d\d?-\d\d?|\d\d?[./-]\d\d?[./-]\d{2,4})(?:[T ]\d\d?:\d\d.{0,24})?\Z"
    r"|\d\d?:\d\d(?::\d\d.{0,16})?\Z"
)
_MAIL: Final = lazy_regex(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+\Z")
_DOMAIN: Final = lazy_regex(r"(?:[a-z][a-z0-9-]*\.)+[a-z]{2,12}(?::\d{1,5})?\.?\Z")
_IDENTIFIER: Final = lazy_regex(r"_*[A-Za-z]+(?:[_.][A-Za-z]+)+_*\Z")
_QUOTES: Final = ("'", '"', "`")
_WORD: Final = lazy_regex(r"[\W_]*([A-Za-z]+)\d{0,4}[\W_]*\Z")
# What ``inspect.Signature`` writes: no number or default in it is long enough for a secret.
_TYPE: Final = r"[A-Za-z_.]{1,32}(?:\[[A-Za-z_., \[\]|]{1,64}\])?(?: \| [A-Za-z_.]{1,32})?"
_DEFAULT: Final = r"(?:[A-Za-z]{1,8}|-?\d{1,4}(?:\.\d{1,4})?)"
_PARAMETER: Final = rf"\*{{0,2}}[A-Za-z_]{{1,32}}: {_TYPE}(?: = {_DEFAULT})?"
_SIGNATURE: Final = lazy_regex(rf"\((?:self, )?{_PARAMETER}(?:, {_PARAMETER})*\)(?: -> {_TYPE})?\Z")
_TEMPLATE: Final = lazy_regex(r"\$\{|\$\(|\{\{|%\(|<\w|\{\w*\}\Z|\*+\Z")


def secrets_in(text: str) -> list[str]:
    """Return the parts of a hidden value that are its secrets.

    ``Bearer X``, ``sid=X; theme=dark`` and ``user:X`` give X, an address its password and the parts
    of its path and query; the whole is one where no part is, unless it is a flag. Quotes around
    all of it are none of it: a tokenizer's ``token`` may be a string with its quotes.
    """
    text = text.strip()
    if text[:1] in _QUOTES and text[:1] == text[-1:] and len(text) >= MIN_LENGTH + 2:
        text = text[1:-1]
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return []
    if _DATE.match(text):  # not the one who comes before a colon
        return []
    parts = [part for part in dict.fromkeys(_parts(text)) if not is_ordinary(part)]
    if parts or _ADDRESS.match(text) or _FLAG.match(text):
        return parts
    return [] if is_ordinary(text) else [text]


def _parts(text: str) -> Iterator[str]:
    scheme = _SCHEME.match(text)
    if scheme is not None:
        yield scheme[1]
        yield from _parts(_decoded(scheme[1]))
        return
    address = _ADDRESS.match(text)
    if address is not None:
        yield address[1] or ""
        yield from filter(_DIGIT.search, re.split(r"[/?&=#]+", address[2]))
    elif _PAIRS.match(text) and not text.rstrip("=").isalnum():
        for pair in re.split(r"[;&]\s*", text):
            yield pair.partition("=")[2].strip('"')
    else:
        user = _USER.match(text)
        if user is not None:
            yield user[1]


def _decoded(text: str) -> str:
    """Return what Basic credentials stand for."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def is_ordinary(text: str) -> bool:
    """Return whether a text is too common or too short to be a secret: see docs/security.md."""
    if len(text) < MIN_LENGTH or len(set(text)) < _FEWEST_CHARACTERS:
        return True
    if REDACTED in text or DROPPED in text or _TEMPLATE.match(text) or _SIGNATURE.match(text):
        return True
    if _DATE.match(text):
        return True
    if _NUMBER.match(text):
        digits = [character for character in text if character.isdigit()]
        return len(digits) < _FEWEST_DIGITS or len(set(digits)) < _FEWEST_DISTINCT_DIGITS
    if _MAIL.match(text) or _DOMAIN.match(text) or _IDENTIFIER.match(text) or is_of_words(text):
        return True
    word = _WORD.match(text)
    return word is not None and word[1].lower() in ORDINARY_WORDS


def forms_of(secret: str) -> list[bytes]:
    """Return the bytes of a secret as they may stand in a text.

    As it is, percent-encoded, escaped for JSON and Python, in hexadecimal, and in base64, also of
    what holds it.
    """
    raw = secret.encode("utf-8", "surrogatepass")
    texts = [secret, *_quoted(raw), *_escaped(secret), *_in_base64(raw)]
    texts += [raw.hex(), raw.hex().upper()]
    if not secret.isascii():
        texts.append(raw.decode("latin-1"))  # as bytes are read
        texts += _in_base64(secret.encode("latin-1", "replace"))
    return [text.encode("utf-8", "surrogatepass") for text in dict.fromkeys(texts)]


def _quoted(raw: bytes) -> Iterator[str]:
    for text in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield text
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text)


def _escaped(secret: str) -> Iterator[str]:
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield the whole in base64, and what of it stands in base64 of any text that holds it."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for before in range(3 if len(raw) >= _LEAST_IN_BASE64 else 0):
            text = encode(bytes(before) + raw).decode().rstrip("=")
            # The first and last characters hold bits of what stands beside it, too.
            yield text[(0, 2, 3)[before] : len(text) - (len(text) % 4 != 0)]
