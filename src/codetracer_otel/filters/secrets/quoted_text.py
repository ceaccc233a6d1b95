"""Where quoted text and brackets end, at any depth of JSON inside JSON."""

from __future__ import annotations

import re
from typing import Final

Span = tuple[int, int]

_OPENER: Final = re.compile(r"(?:[bBuUrRfFnN]{1,2})?(\\*+)([\"'])")
_QUOTE_RUN: Final = {quote: re.compile(r"(?<!\\)(\\*+)" + quote) for quote in ('"', "'")}
_CONTAINER_TOKEN: Final = re.compile(r"(?<!\\)(\\*+)([\"'])|([\[({])|([\])}])")


def quoted_span(text: str, start: int) -> Span | None:
    """Return the content of the quoted text that begins at ``start``, or None."""
    opener = _OPENER.match(text, start)
    if opener is None:
        return None
    escapes, quote = opener[1], opener[2]
    triple = quote * 3
    if not escapes and text.startswith(triple, opener.start(2)):
        begin = opener.start(2) + 3
        end = text.find(triple, begin)
        return begin, end if end >= 0 else len(text)
    return opener.end(), _closing_quote(text, opener.end(), quote, len(escapes))[0]


def _closing_quote(text: str, start: int, quote: str, escapes: int) -> Span:
    """Return begin and end of what closes a text whose quote has ``escapes`` backslashes.

    Text inside JSON inside JSON: at each level a quote has ``2n + 1`` backslashes where the level
    above has ``n``, and every backslash of the content is doubled once more. Where none has any, a
    doubled quote stands for one, as in SQL.
    """
    doubled = -1
    for run in _QUOTE_RUN[quote].finditer(text, start):
        found = len(run[1])
        if run.start() == doubled:
            continue
        if found < escapes or found % (2 * escapes + 2) == escapes:
            if not found and run.start() > start and text.startswith(quote, run.end()):
                doubled = run.end()
                continue
            return run.end() - 1 - min(found, escapes), run.end()
    return len(text), len(text)


def container_end(text: str, start: int) -> int:
    """Return where the bracket that was opened before ``start`` is closed."""
    depth = 1
    position = start
    while depth:
        token = _CONTAINER_TOKEN.search(text, position)
        if token is None:
            return len(text)
        position = token.end()
        if token[2]:
            position = _closing_quote(text, position, token[2], len(token[1]))[1]
        else:
            depth += 1 if token[3] else -1
    return position
