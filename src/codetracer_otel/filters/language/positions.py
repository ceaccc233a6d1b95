"""Finds the position of each key and table in a TOML text, for messages; the parser drops it."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

TablePath = tuple[str | int, ...]

_TOKEN: Final = lazy_regex(
    r'"""(?:[^\\]|\\.)*?"""{1,3}|\'\'\'.*?\'\'\'{1,3}'
    r'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\''
    r"|\#[^\n]*|\n|[\[\]{}=,.]|[^\s\[\]{}=,.\"'#]+",
    re.DOTALL,
)
_OPENING: Final = {"[": "]", "{": "}"}


def path_text(path: TablePath) -> str:
    """Return ``scope.rules[3].selector`` for a path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


class Positions:
    """Line and column of every key, table and array element of a valid TOML text."""

    def __init__(self, text: str) -> None:
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._offsets: dict[TablePath, int] = {(): 0}
        self._counts: dict[TablePath, int] = {}
        self._tokens = [(found[0], found.start()) for found in _tokens(text)]
        self._at = 0
        try:
            self._document()
        except (IndexError, RecursionError):
            # The index serves messages only; what is missing falls back to its parent's line.
            self._at = len(self._tokens)

    def of(self, path: TablePath) -> tuple[int, int]:
        """Return line and column, both 1-based, of a path or of its nearest known parent."""
        while path not in self._offsets:
            path = path[:-1]
        offset = self._offsets[path]
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def _document(self) -> None:
        table: TablePath = ()
        while self._at < len(self._tokens):
            piece, offset = self._tokens[self._at]
            if piece == "\n":
                self._at += 1
            elif piece == "[":
                table = self._header(offset)
            else:
                self._assignment(table)

    def _header(self, offset: int) -> TablePath:
        self._at += 1
        is_array = self._peek() == "["
        self._at += is_array
        keys = self._keys()
        self._at += 1 + is_array
        path: TablePath = ()
        for key in keys[:-1]:
            path = self._current((*path, key))
        path = (*path, keys[-1])
        if is_array:
            index = self._counts.get(path, 0)
            self._counts[path] = index + 1
            self._offsets.setdefault(path, offset)
            path = (*path, index)
        self._offsets.setdefault(path, offset)
        return path

    def _current(self, path: TablePath) -> TablePath:
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _keys(self) -> list[str]:
        keys = [_key(self._next())]
        while self._peek() == ".":
            self._at += 1
            keys.append(_key(self._next()))
        return keys

    def _assignment(self, table: TablePath) -> None:
        offset = self._tokens[self._at][1]
        path = table
        for key in self._keys():
            path = (*path, key)
            self._offsets.setdefault(path, offset)
        self._at += 1
        self._value(path)

    def _value(self, path: TablePath) -> None:
        opening = self._peek()
        if opening not in _OPENING:
            while self._at < len(self._tokens) and self._peek() not in ("\n", ",", "]", "}"):
                self._at += 1
            return
        self._at += 1
        index = 0
        while self._skip_separators() != _OPENING[opening]:
            if self._tokens[self._at][0] in ("]", "}"):
                raise IndexError  # not TOML after all
            if opening == "{":
                self._assignment(path)
            else:
                self._offsets[(*path, index)] = self._tokens[self._at][1]
                self._value((*path, index))
                index += 1
        self._at += 1

    def _skip_separators(self) -> str:
        while self._tokens[self._at][0] in ("\n", ","):
            self._at += 1
        return self._peek()

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "\n"

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][0]


def _tokens(text: str) -> Iterator[re.Match[str]]:
    return (found for found in _TOKEN.finditer(text) if not found[0].startswith("#"))


def _key(token: str) -> str:
    return token[1:-1] if token[0] in "\"'" else token
