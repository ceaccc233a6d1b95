"""The lines that belong to a key because they are indented below it, as in YAML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codetracer_otel.filters.secrets.quoted_text import Span

_REST_OF_LINE: Final = re.compile(r"(?:[|>][-+0-9]{0,2}+)?[ \t]*+(?:#[^\r\n]*+)?\r?\n")
_ITEM: Final = ("- ", "-\t")
_LINE: Final = re.compile(r"([ \t]*+)([^\r\n]*+)(?:\r?\n|\r)?")


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
