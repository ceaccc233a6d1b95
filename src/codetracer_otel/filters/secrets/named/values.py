"""Values in text that stand behind the name of a secret: ``key=value``, JSON, headers, flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.patterns.name_words import BUILTIN_SECRET_WORDS, compile_words
from codetracer_otel.filters.secrets.named.lines import find_in_lines
from codetracer_otel.filters.secrets.named.markup import find_in_markup
from codetracer_otel.filters.secrets.named.pairs import find_paired_values
from codetracer_otel.filters.secrets.named.prose import describes, is_innocent, is_role, is_stand_in
from codetracer_otel.filters.secrets.quoted_text import (
    Span,
    block_below,
    container_end,
    quoted_span,
)
from codetracer_otel.model.value import REDACTED

if TYPE_CHECKING:
    import re

# A key is a whole run of these characters: the lookbehind and the possessive quantifiers make
# every character part of one attempt only.
_KEY: Final = lazy_regex(
    r"(?<![\w.\[\]$@-])([\w.\[\]$@-]++)"
    r"(\\*+[\"'](?:\](?=\s{0,40}+=))?+|%(?:25)*+2[27]|%(?:25)*+5[dD]|&(?:quot|#3[49]);"
    r"|(?:\*{1,3}+|`{1,2}+)(?=[ \t]*+[:=]))?+"
    r"\s*+(=>|->|[!?+~]?={1,3}+|:(?!//)=?+|[\uff1a\uff1d]|%(?:25)*+3[AaDd]|\\+u003[AaDd])"
)
_JOINS: Final = lazy_regex(r"[=:%>\\\uff1a\uff1d]")  # one of them joins every key and its value
_FLAG: Final = lazy_regex(
    r"(?<![\w-])(--[A-Za-z][\w.-]*+)(?:\\*+[\"'])?+,?+\s++(?!(?:\\*+[\"'])?+--)"
)
_ELEMENT: Final = lazy_regex(r"<([\w:.-]++)[^<>]*+>(?:(<!\[CDATA\[)|(?=[^<]))")

_BLANKS: Final = lazy_regex(r"\s*+")
_SPACES: Final = lazy_regex(r"[^\S\r\n]*+")
# What may stand between `key:` and its value: the end of Markdown's emphasis, YAML's tags.
_EMPHASIS_END: Final = lazy_regex(r"\*{1,3}+(?=[ \t])")
_TAGS: Final = lazy_regex(r"(?:(?:!{1,2}|&)[\w./:<>-]++(?:[ \t]++|(?=\r?\n))){1,2}+")
_CONTAINER: Final = lazy_regex(r"[\w.]*+[\[({]")
_LINE: Final = lazy_regex(r"[^\r\n]*+")
# A header's parameters, `Digest username="ada", response="..."`, do not end it.
_TO_QUOTE: Final = lazy_regex(
    r"[^\r\n\"']*+(?:(?:(?<==)|(?<==\\))[\"'][^\r\n\"']*+[\"'][^\r\n\"']*+)*+"
)
# A delimiter ends a bare value only where something else seems to begin.
_BARE: Final = lazy_regex(
    r"(?:[^\s,;&\"'<]++|[,;&](?![\s\"']|[\w.\[\]$@%-]++[=:]|\Z)|[\"'](?=\w)|<(?!/))++"
)
_GOES_ON: Final = lazy_regex(r"[^\s,;&\"'<)\]}]")
_LINE_BEGINS: Final = lazy_regex(
    r"(?:\A|[\r\n])[ \t]*+(?:[-*>#<|][ \t]++|export[ \t]++)?+[*`]{0,3}+\Z"
)
# What an escape before a key leaves at its beginning: `\\npassword=`, `%0Apassword=`.
_ESCAPES: Final = {
    "\\": lazy_regex(r"x1[bB]\[[0-9]*m|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[nrtabfv]"),
    "%": lazy_regex(r"(?:25)*[0-9A-Fa-f]{2}"),
}
_INVISIBLE: Final = lazy_regex(r"[\xad\u200b-\u200d\u2060\ufeff]")
_COLOUR: Final = lazy_regex(r"\x1b\[[0-9;]*[A-Za-z]")
# The field lists of docstrings.
_FIELD: Final = lazy_regex(r":(?:param|type|arg|keyword|[ic]?var)(?:[ \t][^\r\n:]*)?[ \t]\Z")
_URN: Final = lazy_regex(r"(?<![\w.-])urn:[a-z0-9-]+:(?:[\w-]+:)*\Z")
_ASSIGNS: Final = "=-!?+~\uff1d"
_HEADER_WORDS: Final = ("cookie", "authorization")

_WINDOW: Final = 80  # how far before a key its line's beginning and the word before it are sought
_NO_WORDS: Final = "0123456789.-_"  # timestamps are the most frequent keys that are none
_SHORTEST: Final = 2
NAMES: Final = compile_words(BUILTIN_SECRET_WORDS)


def find_named_values(text: str, *, is_cut: bool) -> list[Span]:
    """Find the values whose key is the name of a secret; one that does not end goes to the end."""
    if not text.isascii() and _INVISIBLE.search(text):
        return _in_visible(text, is_cut=is_cut)
    if "\x1b" in text:
        text = _COLOUR.sub(lambda match: " " * len(match[0]), text)
    spans = _after_keys(text) if _JOINS.search(text) else []
    if "--" in text:
        spans.extend(_after_flags(text))
    if "</" in text or (is_cut and "<" in text):
        spans.extend(_in_elements(text))
    if "<" in text:
        spans.extend(find_in_markup(text, NAMES.matches))
    spans.extend(find_paired_values(text, NAMES.matches))
    spans.extend(find_in_lines(text, NAMES.matches))
    return [(start, end) for start, end in spans if end > start and _is_value(text[start:end])]


def _in_visible(text: str, *, is_cut: bool) -> list[Span]:
    """Find the values in what one sees of a text."""
    places = [index for index, char in enumerate(text) if not _INVISIBLE.match(char)]
    shown = "".join([text[index] for index in places])
    return [
        (places[start], places[end - 1] + 1)
        for start, end in find_named_values(shown, is_cut=is_cut)
    ]


def _is_value(text: str) -> bool:
    return text != REDACTED and not is_stand_in(text)


def _after_keys(text: str) -> list[Span]:
    spans: list[Span] = []
    match = _KEY.search(text)
    while match is not None:
        position = match.end()
        if _is_secret(text, match):
            span = _value_span(text, match)
            if not _is_described(text, match, span):
                spans.append(span)
            position = max(position, span[1])
        match = _KEY.search(text, position)
    return spans


def _is_described(text: str, key: re.Match[str], span: Span) -> bool:
    """Return whether a bare value behind ``key:`` is a sentence about it, or innocent."""
    if is_innocent(text[slice(*span)], key[1]):
        return True
    is_bare = _is_bare(key) and text[span[0] - 1 : span[0]] not in ("'", '"')
    return is_bare and key[3] == ":" and describes(text[slice(*span)], key[1])


def _is_secret(text: str, match: re.Match[str]) -> bool:
    key = match[1].strip(_NO_WORDS)
    if len(key) < _SHORTEST or "@" in key[1:] or is_role(text, match):
        return False
    if _is_bare(match) and match[2] and not text.startswith(match[2][0], match.start() - 1):
        return False
    if _URN.search(text, max(0, match.start() - _WINDOW), match.start()) is not None:
        return False
    if NAMES.matches(key):
        return (
            match[3] != ":"
            or _FIELD.search(text, max(0, match.start() - _WINDOW), match.start()) is None
        )
    before = text[match.start() - 1] if match.start() else ""
    if before == " ":
        return _completes_secret(text, match.start(), key)
    escape = _ESCAPES[before].match(match[1]) if before in _ESCAPES else None
    return escape is not None and NAMES.matches(match[1][escape.end() :])


def _completes_secret(text: str, start: int, key: str) -> bool:
    """Return whether the word before makes the key secret, as in ``api key: ...``."""
    before = text[max(0, start - _WINDOW) : start].split()
    return bool(before) and not NAMES.matches(before[-1]) and NAMES.matches(f"{before[-1]} {key}")


def _value_span(text: str, key: re.Match[str]) -> Span:
    start = _skip_blanks(text, key)
    known = quoted_span(text, start) or _block(text, key, start)
    if known is not None:
        return known
    tags = _TAGS.match(text, start) if key[3] == ":" else None
    if tags is not None:
        block = _block(text, key, tags.end())
        return start, block[1] if block else _bare_end(text, tags.end(), key)
    container = _CONTAINER.match(text, start)
    if container is not None:
        end = container_end(text, container.end())
        return start, _bare_end(text, end, key) if _GOES_ON.match(text, end) else end
    return start, _bare_end(text, start, key)


def _block(text: str, key: re.Match[str], start: int) -> Span | None:
    is_entry = _is_bare(key) and key[3] in (":", "=") and _begins_line(text, key.start())
    return block_below(text, key.start(), start) if is_entry else None


def _is_bare(key: re.Match[str]) -> bool:
    """Return whether a key has no quotes or brackets; it may be emphasized."""
    return key[2] is None or key[2][0] in "*`"


def _skip_blanks(text: str, key: re.Match[str]) -> int:
    """Return where the value begins: behind a bare key not on the next line."""
    start = key.end()
    if key[3] == ":" and text[key.start() - 1 : key.start()] == "*":
        closer = _EMPHASIS_END.match(text, start)
        start = closer.end() if closer else start
    blanks = (_SPACES if _is_bare(key) else _BLANKS).match(text, start)
    return blanks.end() if blanks else start


def _bare_end(text: str, start: int, key: re.Match[str]) -> int:
    extent = _extent_of_bare(text, key).match(text, start)
    end = extent.end() if extent is not None else start
    while end > start and text[end - 1] in " \t)]}":
        end -= 1
    return end


def _extent_of_bare(text: str, key: re.Match[str]) -> re.Pattern[str]:
    """Return what a bare value extends over: a line, where the key begins one, or a word."""
    if _is_bare(key) and _begins_line(text, key.start()):
        is_assignment = key[3][0] in _ASSIGNS
        return _BARE if is_assignment and key[1] != key[1].upper() else _LINE
    is_header = key[3] == ":" and key[1].lower().endswith(_HEADER_WORDS)
    return _TO_QUOTE if is_header else _BARE


def _begins_line(text: str, start: int) -> bool:
    return (
        _LINE_BEGINS.search(text[:start] if start < _WINDOW else text[start - _WINDOW : start])
        is not None
    )


def _after_flags(text: str) -> list[Span]:
    spans = []
    for match in _FLAG.finditer(text):
        if NAMES.matches(match[1]):
            start = match.end()
            quoted = quoted_span(text, start)
            bare = _BARE.match(text, start)
            span = quoted or (start, bare.end() if bare else start)
            if not is_innocent(text[slice(*span)], match[1]):
                spans.append(span)
    return spans


def _in_elements(text: str) -> list[Span]:
    spans = []
    for match in _ELEMENT.finditer(text):
        if NAMES.matches(match[1]):
            end = text.find("]]>" if match[2] else "<", match.end())
            span = match.end(), end if end >= 0 else len(text)
            if not is_innocent(text[slice(*span)], match[1]):
                spans.append(span)
    return spans
