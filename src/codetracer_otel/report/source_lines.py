"""Reads the source lines of functions from their files, where these still exist."""

from __future__ import annotations

import inspect
import os
import tokenize
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codetracer_otel.traces.span_columns import Function

_MOST_LINES: Final = 60
_MOST_BYTES: Final = 2_000_000  # of a file
_MOST_TEXT: Final = 600_000  # characters on a page


class SourceLines:
    """The sources of functions, within a number of characters for a page."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}
        self._room = _MOST_TEXT

    def of(self, function: Function) -> list[str]:
        """Return the lines of a function; nothing if its file is missing or has changed."""
        lines = _block(self._lines(function.file), function.line - 1)
        size = sum(map(len, lines))
        if size > self._room:
            return []
        self._room -= size
        return lines

    def _lines(self, file: str) -> list[str]:
        if file not in self._files:
            self._files[file] = _read(file)
        return self._files[file]


def _block(lines: list[str], first: int) -> list[str]:
    """Return the lines of the function or class that begins at one, those of decorators too."""
    if not 0 <= first < len(lines) or not lines[first].strip():
        return []
    try:
        found = inspect.getblock([f"{line}\n" for line in lines[first:]])
    except (SyntaxError, tokenize.TokenError):  # another file than the one that was run
        return []
    shown = [line.removesuffix("\n") for line in found]
    if len(shown) > _MOST_LINES:
        return [*shown[:_MOST_LINES], f"... {len(shown) - _MOST_LINES} more lines"]
    return shown


def _read(file: str) -> list[str]:
    if not file.endswith(".py") or not os.path.isabs(file):
        return []
    try:
        if not os.path.isfile(file) or os.path.getsize(file) > _MOST_BYTES:
            return []
        with open(file, encoding="utf-8", errors="replace") as opened:
            return opened.read().splitlines()
    except (OSError, ValueError):
        return []
