"""Reads the line of a source file that a stack trace shows, whatever the program has replaced.

`linecache` looks ``os.stat`` and ``open`` up, which tests replace, and keeps what it reads where
the program sees it.
"""

from __future__ import annotations

import linecache
import re
import sys
from contextlib import suppress
from functools import lru_cache
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Files, Os, Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEMBERED_FILES: Final = 64
_ENCODING: Final = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263


def source_line(file: str, line: int) -> str:
    """Return a line of a file without the space around it; empty where there is none.

    Args:
        file: as code objects name it.
        line: counted from 1.
    """
    # What notebooks and doctest put there has no file; an archive is read by a loader.
    if file in linecache.cache or _is_in_archive(file):
        return _told_line(file, line)
    return _line_in(_lines_of(file), line)


def _line_in(lines: list[str], line: int) -> str:
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def _told_line(file: str, line: int) -> str:
    with suppress(Exception):  # of the program: a loader, or whatever it has put into the cache
        known: Any = linecache.cache.get(file)
        is_there = known is not None and len(known) != 1
        return _line_in(known[2] if is_there else linecache.getlines(file), line)
    return ""


@lru_cache(_REMEMBERED_FILES)
def _is_in_archive(file: str) -> bool:
    """Return whether what is there of a path is a file, but not all of it."""
    above = Paths.dirname(file)
    while above and above != Paths.dirname(above):
        with suppress(OSError, ValueError):
            return S_ISREG(Os.stat(above).st_mode)
        above = Paths.dirname(above)
    return False


def _lines_of(file: str) -> list[str]:
    for path in _places_of(file):
        with suppress(OSError, ValueError, LookupError):
            found = Os.stat(path)
            if S_ISREG(found.st_mode):  # to open a pipe may wait for ever
                return _read_lines(path, found.st_mtime_ns, found.st_size)
    return []


def _places_of(file: str) -> Iterator[str]:
    yield file
    if not Paths.isabs(file):  # its compiler had another working directory
        yield from (Paths.join(folder, file) for folder in sys.path if type(folder) is str)


@lru_cache(_REMEMBERED_FILES)
def _read_lines(path: str, _changed_ns: int, _size: int) -> list[str]:
    with Files.open(path, "rb") as opened:
        data = opened.read()
    text = data.decode(_encoding_of(data))
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _encoding_of(data: bytes) -> str:
    for line in data.split(b"\n", 2)[:2]:
        found = _ENCODING.match(line)
        if found is not None and not data.startswith(b"\xef\xbb\xbf"):
            return found[1].decode("ascii", "replace")
    return "utf-8-sig"
