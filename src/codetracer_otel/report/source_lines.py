"""Reads the source lines of functions from their files, where these still exist."""

from __future__ import annotations

import os
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
        lines = self._block(self._lines(function.file), function.line - 1)
        size = sum(map(len, lines))
        if size > self._room:
            return []
        self._room -= size
        return lines

    def _lines(self, file: str) -> list[str]:
        if file not in self._files:
            self._files[file] = _read(file)
        return self._files[file]

    def _block(self, lines: list[str], first: int) -> list[str]:
        """Return the lines from the first one up to the next that is no deeper than it."""
        if not 0 <= first < len(lines) or not lines[first].strip():
            return []
        found, indent = [lines[first]], _indent(lines[first])
        has_body = False
        for line in lines[first + 1 :]:
            is_outer = line.strip() and _indent(line) <= indent
            if is_outer and has_body and not line.lstrip().startswith((")", "]", "}")):
                break
            has_body = has_body or bool(line.strip() and _indent(line) > indent)
            found.append(line)
        while found and not found[-1].strip():
            found.pop()
        if len(found) > _MOST_LINES:
            return [*found[:_MOST_LINES], f"... {len(found) - _MOST_LINES} more lines"]
        return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


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
