"""A file that holds a JSON document whose last array grows, and that is valid after each write."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from codetracer_otel.errors import EnvironmentFailure, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable

_MODE = 0o600


class JsonArrayFile:
    """A JSON document that ends with an array.

    Items go over the end of the document together with a new end, in one write. What a write that
    broke off has left behind is cut away.

    Args:
        path: of the file; one that is there is replaced.
        head: ASCII text of the document up to and with the array's ``[``.
        tail: ASCII text from the array's ``]`` on.

    Raises:
        EnvironmentFailure: the file cannot be created, or ``path`` is something else than a file.
    """

    def __init__(self, path: str, head: str, tail: str) -> None:
        self.path = path
        self._head = head.encode("ascii")
        self._tail = tail.encode("ascii")
        self._descriptor = -1
        self._end = 0  # of the last item
        self._is_empty = True
        self._create()

    def append(self, items: Iterable[str]) -> None:
        """Write items, each the ASCII JSON of one value.

        Raises:
            OSError: they could not be written; the file is as it was before.
        """
        lines = ",\n".join(items).encode("ascii")
        if not lines:
            return
        if _identity(self._descriptor) != self._file_identity:
            self._recover()
        self._put((b"\n" if self._is_empty else b",\n") + lines)
        self._is_empty = False

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
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0 and _identity(descriptor) == self._file_identity:
            os.close(descriptor)

    def _create(self) -> None:
        try:
            self._descriptor = _new_file(self.path)
            self._file_identity = _identity(self._descriptor)
            self._end, self._is_empty = 0, True
            self._put(self._head)
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def _put(self, data: bytes) -> None:
        try:
            _write_at(self._descriptor, data + self._tail, self._end)
        except OSError:
            self._restore()
            raise
        self._end += len(data)

    def _restore(self) -> None:
        with contextlib.suppress(OSError):  # the write's own error is the one to tell
            _write_at(self._descriptor, self._tail, self._end)
            os.ftruncate(self._descriptor, self._end + len(self._tail))

    def _recover(self) -> None:
        """Open the file again: a program that becomes a daemon closes every descriptor."""
        if self._descriptor < 0:
            raise OSError("the output is closed")
        descriptor = os.open(self.path, os.O_RDWR | _NO_LINK)
        if _identity(descriptor) != self._file_identity:
            os.close(descriptor)
            raise OSError("the output was replaced by the program")
        self._descriptor = descriptor


_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def _new_file(path: str) -> int:
    with contextlib.suppress(FileNotFoundError):
        # only a file is replaced: a device or pipe cannot be written at a position
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError("it is not a regular file")
        os.unlink(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, _MODE)


def _write_at(descriptor: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, position)
        view, position = view[done:], position + done


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _cannot_write(path: str, error: OSError) -> EnvironmentFailure:
    reason = error.strerror or str(error)
    message = f"{path}: cannot be opened for writing: {reason}; expected a file that can be written"
    return EnvironmentFailure(message, ErrorCode.IO, {"path": path})
