"""Reads the line of a source file that a stack trace shows, whatever the program has replaced.

`linecache` looks ``os.stat`` and ``open`` up, which tests replace, and keeps what it reads where
the program sees it.
"""

from __future__ import annotations

import linecache
import re
from contextlib import suppress
from functools import lru_cache
from stat import S_ISREG
from typing import Final

from codetracer_otel.bindings import Files, Os, Paths

_REMEMBERED_FILES: Final = 64
_ENCODING: Final = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263


def source_line(file: str, line: int) -> str:
    """Return a line of a file without the space around it; empty where there is none.

    Args:
        file: as code objects name it.
        line: counted from 1.
    """
    known = linecache.cache.get(file)  # what notebooks and doctest put there has no file
    if known is not None and len(known) != 1:
        lines = known[2]
    elif known is not None or _is_in_archive(file):
        return _told_by_loader(file, line)
    else:
        lines = _lines_of(file)
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def _told_by_loader(file: str, line: int) -> str:
    with suppress(Exception):  # code of the program: a loader of its own
        return linecache.getline(file, line).strip()
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


@lru_cache(_REMEMBERED_FILES)
def _lines_of(file: str) -> list[str]:
    with suppress(OSError, ValueError, LookupError):
        with Files.open(file, "rb") as opened:
            data = opened.read()
        text = data.decode(_encoding_of(data))
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return []


def _encoding_of(data: bytes) -> str:
    for line in data.split(b"\n", 2)[:2]:
        found = _ENCODING.match(line)
        if found is not None and not data.startswith(b"\xef\xbb\xbf"):
            return found[1].decode("ascii", "replace")
    return "utf-8-sig"
