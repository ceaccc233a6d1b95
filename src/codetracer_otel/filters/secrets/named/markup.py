"""Values in XML and HTML that an attribute, or the element before them, names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.secrets.named.prose import describes
from codetracer_otel.filters.secrets.shapes.tokens import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.filters.secrets.named import IsSecret
    from codetracer_otel.filters.secrets.quoted_text import Span

# `<input type="password" value="...">`, `<entry key="password">...</entry>`; every repetition is
# possessive or bounded, so that no text is looked at more than a few times.
_TAG: Final = r"<([A-Za-z][\w:.-]*+)\s([^<>]{3,2000}+)(?:>|\Z)"
_ATTRIBUTE: Final = (
    r"(?<![\w:.-])([\w:.-]++)\s{0,9}+=\s{0,9}+(?:\\*+\"([^\"\\]*+)|\\*+'([^'\\]*+)|([^\s\"'\\]++))"
)
_NAMES: Final = frozenset({"name", "key", "id", "property", "http-equiv", "itemprop"})
_NAMES_OF_TEXT: Final = frozenset({"name", "key"})
_VALUES: Final = frozenset({"value", "content"})
# What a reader of the page sees, or no value.
_NO_TEXT: Final = (
    r"a|button|form|fieldset|iframe|label|legend|map|meta|object|opt(?:group|ion)|select|slot"
)
# `<key>password</key><string>...`, `<th>Password</th><td>...`
_NAMING: Final = (
    r"<(key|name|th|td|dt)\b[^<>]{0,200}+>\s{0,40}+([^<>]{2,80}+)</\1>\s{0,80}+"
    r"(?=<(?!th|dt)[A-Za-z])"
)
_TEXT: Final = r"\s{0,80}+(?:<[A-Za-z][^<>/]{0,200}+>\s{0,80}+){0,2}+([^<>\s][^<>]*+)"


def find_in_markup(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Yield attributes and texts that are named like secrets."""
    if "=" in text:
        for tag in compiled(_TAG).finditer(text):
            yield from _of_attributes(text, tag, is_secret)
    if "</" in text:
        for match in compiled(_NAMING, re.IGNORECASE).finditer(text):
            if is_secret(match[2].strip(" \t\r\n:")):
                yield from _text_behind(text, match.end(), match[2])


def _of_attributes(text: str, tag: re.Match[str], is_secret: IsSecret) -> Iterator[Span]:
    found = list(compiled(_ATTRIBUTE).finditer(text, *tag.span(2)))
    by_name = {match[1].lower(): match.span(match.lastindex or 0) for match in found}
    named = {key for key in _NAMES if key in by_name and is_secret(text[slice(*by_name[key])])}
    is_password = text[slice(*by_name.get("type", (0, 0)))].lower() == "password"
    if named or is_password:
        values = [by_name[key] for key in _VALUES if key in by_name]
        yield from values
        if (
            not values
            and named & _NAMES_OF_TEXT
            and not compiled(_NO_TEXT).fullmatch(tag[1].lower())
        ):
            yield from _text_behind(text, tag.end(), "")


def _text_behind(text: str, start: int, name: str) -> Iterator[Span]:
    match = compiled(_TEXT).match(text, start)
    if match is not None:
        end = match.start(1) + len(match[1].rstrip())
        if not describes(text[match.start(1) : end], name):
            yield match.start(1), end
