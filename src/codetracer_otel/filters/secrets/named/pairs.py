"""Values in text that stand beside the name of a secret: pairs, named objects, forms, SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.secrets.named.prose import is_innocent
from codetracer_otel.filters.secrets.quoted_text import Span, container_end, quoted_span
from codetracer_otel.filters.secrets.shapes.tokens import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.filters.secrets.named import IsSecret

# Every repetition is possessive or bounded, so that no text is looked at more than a few times.
_PAIR: Final = (
    r"[(\[](?:(?=[\\\"'bBuU\s])|(?<=setattr\()[^,()\r\n]{1,80}+,)\s{0,40}+[bBuU]?"
    r"(\\*+)([\"'])([\w.\[\]$@ -]{2,80}+)\1\2\s{0,40}+,\s{0,40}+(?=[\\\"'bBuU0-9-])"
)
_FLAG: Final = r"\\*+[\"']--"  # behind another one it is no value, as in `command_lines`
_NAMED_OBJECT: Final = (
    r"(?<![\w-])(?:name|key|id)(?:\\*+[\"'])?\s{0,9}+[:=]\s{0,9}+(?:\\*+[\"'])?"
    r"([\w.\[\]$@-]{2,80}+)(?:\\*+[\"'])?[\s,;]{0,40}+(?:type=[\"']?\w{1,20}+[\"']?\s{1,9}+)?"
    r"(?:\\*+[\"'])?value(?:\\*+[\"'])?\s{0,9}+([:=])\s{0,9}+"
)
_FORM_FIELD: Final = (
    r"form-data;\s{0,9}+name=\"?([\w.\[\]$@-]{2,80}+)\"?[^\r\n]{0,200}+"
    r"(?:\r?\n[^\r\n]{1,200}+){0,8}+\r?\n\r?\n"
)
_STATEMENT: Final = (
    r"(?<![\w-])(?:password|passwd|pwd|identified\s{1,4}+by(?:\s{1,4}+password)?)\s{0,8}+"
    r"(?:(?<=\s)as\s{1,4}+|(?<=\s)(?:not\s{1,4}+)?(?:i?like|in)\s{1,4}+|(?:<>|!=)\s{0,4}+|)"
    r"(?:(\()(?=n?')|(?<![\w.\]])(?=n?'|\$\$))"
)
# Columns by name and, as often as wanted, values in their order.
_INSERT: Final = (
    r"\binto\s{1,4}+[^\s()]{1,200}+\s{0,4}+\(([^()]{1,4000}+)\)"
    r"\s{0,4}+(?:output\s[^()]{1,200}?\s)?values\s{0,4}+(?=\()"
)
_CELL: Final = (
    r"\s*+(?:n?'((?:[^']|'')*+)(?:'|\Z)|[^,()']++(?:\((?:[^()']|'[^']*+')*+\))?)?+[^,()']*+"
)
# An object whose value stands before its name.
_VALUE_FIRST: Final = (
    r"(\\*+[\"'])(?:value|v)\1\s{0,9}+:\s{0,9}+\1([^\"'\\\r\n]++)\1\s{0,9}+,\s{0,9}+"
    r"\1(?:name|key|id)\1\s{0,9}+:\s{0,9}+\1([\w.\[\]$@-]{2,80}+)\1"
)
_BARE: Final = r"[^\s,;\"'<>)\]}]++(?:[ \t]++[^\s,;\"'<>)\]}]++)*+"


def pairs_of_secrets(text: str, is_secret: IsSecret) -> Iterator[re.Match[str]]:
    """Yield what stands before the second value of pairs whose first is a secret's name."""
    for match in compiled(_PAIR).finditer(text):
        if is_secret(match[3]) and not (
            match[3].startswith("-") and compiled(_FLAG).match(text, match.end())
        ):
            yield match


def find_paired_values(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Yield the values beside names that are those of secrets."""
    if "," in text and ("(" in text or "[" in text):
        for pair in pairs_of_secrets(text, is_secret):
            span = _value(text, pair.end())
            if not is_innocent(text[slice(*span)], pair[3]):
                yield span
    lowered = text.lower()
    if "value" in lowered:
        yield from _of_named_objects(text, is_secret)
        for match in compiled(_VALUE_FIRST, re.IGNORECASE).finditer(text):
            if is_secret(match[3]):
                yield match.span(2)
    if "values" in lowered:
        yield from _of_inserts(text, is_secret)
    if "form-data" in lowered:
        yield from _of_form_fields(text, is_secret)
    if ("'" in text or "$$" in text) and (
        "passw" in lowered or "pwd" in lowered or "identified" in lowered
    ):
        yield from _of_statements(text)


def _of_named_objects(text: str, is_secret: IsSecret) -> Iterator[Span]:
    for match in compiled(_NAMED_OBJECT, re.IGNORECASE).finditer(text):
        if is_secret(match[1]):
            yield _value(text, match.end())


def _of_form_fields(text: str, is_secret: IsSecret) -> Iterator[Span]:
    position = 0
    while (match := compiled(_FORM_FIELD, re.IGNORECASE).search(text, position)) is not None:
        position = match.end()
        if is_secret(match[1]):
            end = text.find("\n--", position)
            end = len(text) if end < 0 else end
            yield position, end - text.startswith("\r", end - 1)
            position = end


def _of_statements(text: str) -> Iterator[Span]:
    position = 0
    while (match := compiled(_STATEMENT, re.IGNORECASE).search(text, position)) is not None:
        span = _operand(text, match)
        yield span
        position = max(match.end(), span[1])


def _operand(text: str, statement: re.Match[str]) -> Span:
    start = statement.end()
    if statement[1]:
        return start, max(start, container_end(text, start) - 1)
    if text.startswith("$$", start):
        end = text.find("$$", start + 2)
        return start + 2, end if end >= 0 else len(text)
    return _value(text, start)


def _of_inserts(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Yield the texts of rows, ``INTO users (name, password) VALUES ('ada', '...')``."""
    for match in compiled(_INSERT, re.IGNORECASE).finditer(text):
        names = [name.strip(" \t\r\n\"`'[]\\") for name in match[1].split(",")]
        secret = {index for index, name in enumerate(names) if is_secret(name)}
        position = match.end()
        while secret and text.startswith("(", position):
            cells, position = _cells(text, position + 1)
            yield from (cells[index] for index in secret if index < len(cells))


def _cells(text: str, start: int) -> tuple[list[Span], int]:
    """Return the texts of a row that begins at ``start``, (0, 0) for no text, and the next row."""
    cells: list[Span] = []
    while True:
        cell = compiled(_CELL, re.IGNORECASE).match(text, start)
        start = cell.end() if cell else start
        cells.append(cell.span(1) if cell and cell[1] is not None else (0, 0))
        if not text.startswith(",", start):
            break
        start += 1
    behind = compiled(r"\)\s{0,9}+,\s{0,9}+").match(text, start)
    return cells, behind.end() if behind else len(text)


def _value(text: str, start: int) -> Span:
    quoted = quoted_span(text, start)
    if quoted is not None:
        return quoted
    bare = compiled(_BARE).match(text, start)
    return start, bare.end() if bare else start
