"""A file that holds a JSON document whose last array grows, and that is valid after each write."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from codetracer_otel.bindings import Os
from codetracer_otel.descriptors import (
    O_BINARY,
    O_NOFOLLOW,
    PRIVATE,
    OwnDescriptor,
    check_beginning,
)
from codetracer_otel.errors import EnvironmentFailure, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable


class JsonArrayFile:
    """A JSON document that ends with an array.

    Items overwrite the end of the document, together with a new end, in one write. What a
    write that broke off has left behind is cut away.

    Args:
        path: of the file; one of the same kind that is there is replaced.
        head: ASCII text of the document up to and with the array's ``[``.
        tail: ASCII text from the array's ``]`` on.

    Raises:
        EnvironmentFailure: the file cannot be created, or ``path`` is not a file.
    """

    def __init__(self, path: str, head: str, tail: str) -> None:
        self.path = path
        self._head = head.encode("ascii")
        self._tail = tail.encode("ascii")
        self._file: OwnDescriptor | None = None
        self._end = 0  # of the last item
        self._is_empty = True
        self._has_head = False
        self._create()

    def append(self, items: Iterable[bytes | memoryview]) -> None:
        """Write items, each the ASCII JSON of one value.

        Raises:
            OSError: they could not be written; the file is as it was before.
        """
        found = [b"", *items]
        if len(found) == 1:
            return
        self._put_head()
        if self._is_empty:
            found[:2] = [b"\n" + found[1]]
        size = sum(map(len, found)) + 2 * (len(found) - 1)
        found[-1] = bytes(found[-1]) + self._tail
        self._put(b",\n".join(found), size)
        self._is_empty = False

    def end(self, tail: str) -> None:
        """Put another end behind the array, and close.

        Raises:
            OSError: it could not be written; the file is as it was before.
        """
        self._put_head()
        self._put(tail.encode("ascii"), 0)
        self.close()

    def move(self, path: str) -> None:
        """Begin anew in a file at ``path``; this one is left to others.

        Raises:
            EnvironmentFailure: the file cannot be created.
        """
        self.close()
        self.path = path
        self._create()

    def close(self) -> None:
        """Close the file, unless the program did and the number is another file now."""
        if self._file is not None:
            self._file.close()

    def _create(self) -> None:
        try:
            # opened again at its name: a program that becomes a daemon closes every descriptor
            self._file = OwnDescriptor(_new_file(self.path, self._head), self.path, os.O_RDWR)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._end, self._is_empty, self._has_head = 0, True, False
        with contextlib.suppress(OSError):  # a full disk is the first append's to tell
            self._put_head()

    def _put_head(self) -> None:
        if not self._has_head:
            self._put(self._head + self._tail, len(self._head))
            self._has_head = True

    def _put(self, data: bytes, size: int) -> None:
        """Write ``size`` bytes, and the end of the document behind them."""
        assert self._file is not None
        descriptor = self._file.use()
        try:
            _write_at(descriptor, data, self._end)
        except OSError:
            self._restore(descriptor)
            raise
        self._end += size

    def _restore(self, descriptor: int) -> None:
        with contextlib.suppress(OSError):  # the write's own error is the one to tell
            _write_at(descriptor, self._tail, self._end)
            Os.ftruncate(descriptor, self._end + len(self._tail))


def _new_file(path: str, head: bytes) -> int:
    with contextlib.suppress(FileNotFoundError):
        # only a file is replaced: a device or pipe cannot be written at a position
        if not stat.S_ISREG(Os.stat(path).st_mode):
            raise OSError("it is not a regular file")
        check_beginning(path, head)
        Os.unlink(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | O_NOFOLLOW | O_BINARY
    return Os.open(path, flags, PRIVATE)


def _write_at(descriptor: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        done = Os.pwrite(descriptor, view, position)
        view, position = view[done:], position + done


def _cannot_write(path: str, error: OSError) -> EnvironmentFailure:
    reason = error.strerror or str(error)
    message = f"{path}: cannot be opened for writing: {reason}; expected a file that can be written"
    return EnvironmentFailure(message, ErrorCode.IO, {"path": path})
