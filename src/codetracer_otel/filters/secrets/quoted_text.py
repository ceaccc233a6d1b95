"""Finds where quoted text and brackets end, at any depth of JSON inside JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

if TYPE_CHECKING:
    import re

Span = tuple[int, int]

_OPENER: Final = lazy_regex(r"(?:[bBuUrRfFnN]{1,2})?(\\*+)([\"'])")
_QUOTE_RUN: Final = {quote: lazy_regex(r"(?<!\\)(\\*+)" + quote) for quote in ('"', "'")}
_CONTAINER_TOKEN: Final = lazy_regex(r"(?<!\\)(\\*+)([\"'])|([\[({])|([\])}])")


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


_REST_OF_LINE: Final = lazy_regex(r"(?:[|>][-+0-9]{0,2}+|\\)?[ \t]*+(?:#[^\r\n]*+)?\r?\n")
_ITEM: Final = ("- ", "-\t")
_LINE: Final = lazy_regex(r"([ \t]*+)([^\r\n]*+)(?:\r?\n|\r)?")


def block_below(text: str, key_start: int, value_start: int) -> Span | None:
    """Return where the lines below a key stand that is followed by none on its own line.

    Args:
        text: any text.
        key_start: where the key begins; only white space and list marks stand before it.
        value_start: behind the colon and blanks.
    """
    rest = _REST_OF_LINE.match(text, value_start)
    if rest is None:
        return None
    # No two keys have the same line's end right behind them: all together look back over it once.
    indent = key_start - text.rfind("\n", 0, key_start) - 1
    begin = end = -1
    position = rest.end()
    while position < len(text):
        line = _LINE.match(text, position)
        if line is None or (line[2] and not _is_below(line, indent)):
            break
        if line[2]:
            begin, end = line.start(2) if begin < 0 else begin, line.end(2)
        position = line.end()
    return (begin, end) if begin >= 0 else None


def _is_below(line: re.Match[str], indent: int) -> bool:
    column = len(line[1])
    return column > indent or (column == indent and line[2].startswith(_ITEM))
