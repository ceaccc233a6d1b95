"""Opens what holds lines: a file, one packed with gzip, or the standard input."""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tempfile
import zlib
from typing import IO, TYPE_CHECKING, Final

from codetracer_otel.traces.inputs import STDIN, not_opened, unreadable

if TYPE_CHECKING:
    from codetracer_otel.traces.inputs import Input

_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 1024 * 1024


class LineFile:
    """Lines that can be read again at an offset.

    What is packed or comes once is copied to a temporary file without a name.

    Args:
        source: which one.

    Attributes:
        is_broken: a packed file ends in the middle.

    Raises:
        UsageError: it cannot be read.
    """

    def __init__(self, source: Input) -> None:
        self.is_broken = False
        path = source.path
        if path == STDIN:
            self._file: IO[bytes] = _copy_of_standard_input()
        else:
            if os.path.exists(path) and not os.path.isfile(path):
                raise unreadable(path, "it is not a regular file")
            try:
                self._file = open(path, "rb")  # noqa: SIM115 - until close()
            except OSError as error:
                raise not_opened(path, error) from error
        if self._starts_with(_GZIP):
            self._unpack(path)
        self._file.seek(0)

    def read_line(self, most: int) -> bytes:
        """Return the next line, at most so many bytes of it."""
        return self._file.readline(most)

    def line_at(self, place: int) -> bytes:
        """Return the line at an offset."""
        self._file.seek(place)
        return self._file.readline()

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def _starts_with(self, mark: bytes) -> bool:
        self._file.seek(0)
        return self._file.read(len(mark)) == mark

    def _unpack(self, path: str) -> None:
        self._file.seek(0)
        plain = _spool()
        try:
            with gzip.GzipFile(fileobj=self._file) as packed:
                # by hand: what stands before a break is kept
                while data := packed.read1(_CHUNK):
                    plain.write(data)
        except (OSError, EOFError, zlib.error) as error:
            self.is_broken = True
            if not plain.tell():
                plain.close()
                self._file.close()
                raise unreadable(path, f"it cannot be unpacked ({type(error).__name__})") from error
        self._file.close()
        self._file = plain


def _copy_of_standard_input() -> IO[bytes]:
    if sys.stdin is None:
        raise unreadable(STDIN, "there is no standard input")
    copy = _spool()
    try:
        shutil.copyfileobj(sys.stdin.buffer, copy, _CHUNK)
    except OSError as error:
        copy.close()
        raise not_opened(STDIN, error) from error
    return copy


def _spool() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="codetracer-traces-")
