"""Values in lines of their own grammar: Markdown tables, Dockerfiles, netrc files, commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.secrets.command_lines import PASSWORD_PROGRAMS
from codetracer_otel.filters.secrets.quoted_text import Span, quoted_span
from codetracer_otel.filters.secrets.shapes.tokens import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    IsSecret = Callable[[str], bool]

_INSTRUCTION: Final = (
    r"(?:^|\\n)[ \t]{0,40}+(?:ENV|ARG)[ \t]{1,8}+"
    r"([A-Za-z_][\w.-]{0,80}+)[ \t]{1,8}+(?=[^\s=])"
)
_TO_LINE_END: Final = r"(?:(?!\\[nr])[^\r\n])*+"
# machine, login, account and password stand in any order, with any white space between.
_NETRC: Final = (
    r"(?<![\w-])(?:machine|login|account)(?:\s|\\n){1,8}+[^\s\\]{1,200}+(?:\s|\\n){1,8}+"
    r"(?:account(?:\s|\\n){1,8}+[^\s\\]{1,200}+(?:\s|\\n){1,8}+)?password(?:\s|\\n){1,8}+"
    r"((?:(?!\\[nr])\S)++)"
)
# curl, HTTPie, wget: `-u bob:X`, `-sSu bob:X`, `--user=bob:X`, also in a list of words.
# `docker run --user 1000:1000` and addresses are none; `-ubob:X` is one as a word of its own.
_BETWEEN: Final = r"(?:[\"']?,?[ \t]{1,8}+|=)"
_LOGIN: Final = (
    r"(?<![\w-])(?:-[A-Za-z]{0,4}?[uU]"
    + _BETWEEN
    + r"|--?(?:proxy-)?user"
    + _BETWEEN
    + r"|--(?:basic-)?auth"
    + _BETWEEN
    + r"|(?<=\bhttp )-a[ \t]{1,8}+"
    r"|(?<=\bcurl )-[uU](?=[^\s\"'-])|\A-[uU](?=[^\s\"'-]))"
    r"(?=[\"']?(?![0-9]{1,10}+:[0-9]{1,10}+(?!\w))[^\s:/\"'=]{1,80}+:(?!//)[^\s\"'])"
)
# `mysql -u bob -pX db`, `sshpass -p X ssh host`; other programs mean a port by it.
_PASSWORD: Final = (
    rf"\b{PASSWORD_PROGRAMS}(?:(?:[\"']?,)?[ \t]{{1,8}}+[\"']?+(?!-p)[^\s;|&]{{1,200}}+){{0,16}}+"
    r"(?:[\"']?,)?[ \t]{1,8}+[\"']?-p(?:[ \t]{1,8}+)?"
)
_WORD: Final = r"(?:(?!\\[nr])[^\s\"'])++"
_ROW: Final = r"^[ \t]{0,40}+\|([^\r\n]*+)"
_RULE: Final = r"[\s|:+-]*-[\s|:+-]*"


def find_in_lines(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Yield the values that stand behind, or below, the names of secrets."""
    if "|" in text:
        yield from _in_tables(text, is_secret)
    if "ENV " in text or "ARG " in text:
        yield from _of_instructions(text, is_secret)
    if "password" in text:
        for match in compiled(_NETRC).finditer(text):
            yield match.span(1)
    if ":" in text and "-" in text:
        yield from _behind(_LOGIN, text)
    if "-p" in text:
        yield from _behind(_PASSWORD, text)


def _behind(flag: str, text: str) -> Iterator[Span]:
    for match in compiled(flag).finditer(text):
        bare = compiled(_WORD).match(text, match.end())
        yield quoted_span(text, match.end()) or (match.end(), bare.end() if bare else match.end())


def _of_instructions(text: str, is_secret: IsSecret) -> Iterator[Span]:
    for match in compiled(_INSTRUCTION, re.MULTILINE).finditer(text):
        if is_secret(match[1]):
            line = compiled(_TO_LINE_END).match(text, match.end())
            end = line.end() if line else match.end()
            yield quoted_span(text, match.end()) or (match.end(), end)


def _in_tables(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Yield the cells below and beside cells that name secrets."""
    columns: set[int] = set()
    for row in compiled(_ROW, re.MULTILINE).finditer(text):
        if compiled(_RULE).fullmatch(row[1]):
            continue
        cells = list(_cells(row))
        named = {index for index, (start, end) in enumerate(cells) if is_secret(text[start:end])}
        if named and not columns and _is_head(text, row.end()):
            columns = named
            continue
        for index, cell in enumerate(cells):
            if index in columns or (index == 1 and 0 in named and not columns):
                yield cell


def _is_head(text: str, end: int) -> bool:
    behind = compiled(_ROW, re.MULTILINE).search(text[end : end + 400].lstrip("\r\n"))
    return behind is not None and behind.start() == 0 and bool(compiled(_RULE).fullmatch(behind[1]))


def _cells(row: re.Match[str]) -> Iterator[Span]:
    start, end = row.span(1)
    while start < end:
        stop = row.string.find("|", start, end)
        stop = end if stop < 0 else stop
        shown = row.string[start:stop]
        left = len(shown) - len(shown.lstrip())
        yield start + min(left, len(shown)), start + max(left, len(shown.rstrip()))
        start = stop + 1
