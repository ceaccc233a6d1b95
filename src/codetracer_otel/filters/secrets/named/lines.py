"""Values in lines of their own grammar: Markdown tables, Dockerfiles, netrc files, commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.secrets.command_lines import PASSWORD_PROGRAMS
from codetracer_otel.filters.secrets.named.columns import find_in_columns
from codetracer_otel.filters.secrets.quoted_text import Span, quoted_span
from codetracer_otel.filters.secrets.shapes.tokens import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.filters.secrets.named import IsSecret

_INSTRUCTION: Final = (
    r"(?:^|\\n)[ \t]{0,40}+"
    r"(?:ENV|ARG|(?i:setenv)|proxy_set_header|(?:fastcgi|uwsgi)_param)[ \t]{1,8}+"
    r"([A-Za-z_][\w.-]{0,80}+)[ \t]{1,8}+(?=[^\s=])"
)
INSTRUCTION_WORDS: Final = ("ENV ", "ARG ", "tenv ", "tEnv ", "_header ", "_param ")
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
    rf"\b(?:{PASSWORD_PROGRAMS}|(?:docker|podman)[ \t]{{1,8}}+login)"
    r"(?:(?:[\"']?,)?[ \t]{1,8}+[\"']?+(?!-p)[^\s;|&]{1,200}+){0,16}+"
    r"(?:[\"']?,)?[ \t]{1,8}+[\"']?-p(?:[ \t]{1,8}+)?"
)
_WORD: Final = r"(?:(?!\\[nr])[^\s\"'])++"
_ROW: Final = r"^[ \t]{0,40}+\|([^\r\n]*+)"
_RULE: Final = r"[\s|:+-]*-[\s|:+-]*"
_RULE_LINE: Final = r"[ \t]{0,40}+[|+]([^\r\n]*+)"
# A line of POP3 or FTP, of Redis or SMTP; what jest prints of a test has no such word behind it.
_PROTOCOL: Final = (
    r"\s*+(?:PASS|AUTH(?:[ ][A-Za-z][\w-]{0,40}+)?)[ ](?!\S{0,80}=\w)"
    r"((?=[^\s\d]*+\d)(?!(?i:test)|(?:S?CRAM|DIGEST)-|XOAUTH)[^\s/.:()]{6,}+)\s*+"
)
# `password for ada: ...`, `API key provided: ...`, `password is ...` at the end of a sentence.
_SAID: Final = (
    r"[ ](?:is|was|provided:|for[ ](?:user[ ])?[^\s:]{1,80}+:)[ ][\"'`]?"
    r"(?!\w{1,20}-(?:encoded|encrypted|hashed|based|protected|signed)\b)"  # how it is kept
    r"((?=[^\s\d]{0,80}+\d)(?=[^\sA-Za-z]{0,80}+[A-Za-z])[^\s\"'`<>(){}\[\],;]{8,200}+)"
    r"[\"'`]?[,;]?(?=[ \t]*+(?:\Z|[\r\n]))"
)
_SAYING: Final = (" is ", " was ", " provided: ", " for ")
_NAME_BEFORE: Final = r"(?:([A-Za-z][\w-]{1,40})[ ])?([A-Za-z][\w-]{1,40})\Z"
_BEFORE: Final = 83  # two names and a blank


def find_in_lines(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Yield the values that stand behind, or below, the names of secrets."""
    if "\n" in text:
        yield from find_in_columns(text, is_secret)
    if "|" in text:
        yield from _in_tables(text, is_secret)
    if any(word in text for word in INSTRUCTION_WORDS):
        yield from _of_instructions(text, is_secret)
    if "password" in text:
        for match in compiled(_NETRC).finditer(text):
            yield match.span(1)
    if ":" in text and "-" in text:
        yield from _behind(_LOGIN, text)
    if "-p" in text:
        yield from _behind(_PASSWORD, text)
    if "PASS " in text or "AUTH " in text:
        protocol = compiled(_PROTOCOL).fullmatch(text)
        yield protocol.span(1) if protocol else (0, 0)
    if any(word in text for word in _SAYING):
        yield from _said(text, is_secret)


def _said(text: str, is_secret: IsSecret) -> Iterator[Span]:
    for match in compiled(_SAID).finditer(text):
        name = compiled(_NAME_BEFORE).search(text, max(0, match.start() - _BEFORE), match.start())
        if name is not None and (is_secret(name[2]) or is_secret(name[0])):
            start, end = match.span(1)
            yield start, start + len(text[start:end].rstrip(".!"))


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
    behind = compiled(_RULE_LINE).match(text[end : end + 400].lstrip("\r\n"))
    return behind is not None and bool(compiled(_RULE).fullmatch(behind[1]))


def _cells(row: re.Match[str]) -> Iterator[Span]:
    start, end = row.span(1)
    while start < end:
        stop = row.string.find("|", start, end)
        stop = end if stop < 0 else stop
        shown = row.string[start:stop]
        left = len(shown) - len(shown.lstrip())
        yield start + min(left, len(shown)), start + max(left, len(shown.rstrip()))
        start = stop + 1
