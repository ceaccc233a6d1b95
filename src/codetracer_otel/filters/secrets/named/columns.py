"""Columns of CSV, of tab-separated text and of what `psql` prints, below the name of a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.secrets.shapes.tokens import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.filters.secrets.named import IsSecret
    from codetracer_otel.filters.secrets.quoted_text import Span

_LINE: Final = r"[^\r\n]++"
_NAME: Final = (  # of a column; a line of code is none
    r"(?!(?:import|from|return|yield|del|for|global|nonlocal|with) )"
    r"[\"']?[A-Za-z_][\w.-]*(?: [\w.-]+){0,2}[\"']?"
)
_CELLS: Final = {
    separator: rf"(?:^|{re.escape(separator)})(\"(?:[^\"]|\"\")*+\"|[^{separator}]*+)"
    for separator in ",;\t|"
}
_PSQL_RULE: Final = r"[ \t]*+-++(?:\+-++)++[ \t]*+"
_LONGEST_HEAD: Final = 2000


def find_in_columns(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Yield the cells below names of secrets in the first line, or above a rule of dashes."""
    begin = len(text) - len(text.lstrip("\r\n"))
    end = text.find("\n", begin)
    if 0 < end - begin <= _LONGEST_HEAD:
        head = text[begin:end].rstrip("\r")
        for separator in ",;\t":
            if separator in head and _is_head(head.split(separator)):
                yield from _below(text, end, head, separator, is_secret)
    if "-+-" in text and "|" in text:
        yield from _below_rules(text, is_secret)


def _is_head(cells: list[str]) -> bool:
    return all(compiled(_NAME).fullmatch(cell) for cell in cells)


def _below_rules(text: str, is_secret: IsSecret) -> Iterator[Span]:
    head = ""
    for line in compiled(_LINE).finditer(text):
        if "|" in head and "-+-" in line[0] and compiled(_PSQL_RULE).fullmatch(line[0]):
            yield from _below(text, line.end(), head, "|", is_secret)
            return
        head = line[0]


def _below(text: str, start: int, head: str, separator: str, is_secret: IsSecret) -> Iterator[Span]:
    names = head.split(separator)
    columns = [i for i, name in enumerate(names) if is_secret(name.strip(" \t\"'"))]
    for row in compiled(_LINE).finditer(text, start) if columns else ():
        cells = list(compiled(_CELLS[separator]).finditer(row[0]))
        if len(cells) == len(names):
            yield from (_content(row.start(), cells[index]) for index in columns)


def _content(start: int, cell: re.Match[str]) -> Span:
    shown = cell[1]
    left = len(shown) - len(shown.lstrip(' "'))
    right = len(shown.rstrip(' "'))
    return start + cell.start(1) + left, start + cell.start(1) + max(left, right)
