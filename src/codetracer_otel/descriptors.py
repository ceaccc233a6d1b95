"""Opens file descriptors that never take the place of the program's streams or files.

A program may close every descriptor there is, as one does that becomes a daemon, and the next file
that it opens gets a number that was ours. So a number is used only while it is still of the file
that it was opened for. Device and inode tell files apart, and pipes and sockets, too.
"""

from __future__ import annotations

import contextlib
import errno
import os.path
import stat
from typing import Final

from codetracer_otel.bindings import Fcntl, Os

_LAST_STANDARD: Final = 2
_ONCE: Final = os.O_CREAT | os.O_EXCL | os.O_TRUNC
PRIVATE: Final = 0o600
# without it Windows writes two bytes for the end of a line, and places in a file are wrong
O_BINARY: Final[int] = getattr(os, "O_BINARY", 0)
O_NOFOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
_O_NONBLOCK: Final[int] = getattr(os, "O_NONBLOCK", 0)


def beyond_the_standard_ones(descriptor: int) -> int:
    """Return a descriptor of the same file that does not take the place of a closed stream.

    One that does is moved, and its number is free again.
    """
    if descriptor > _LAST_STANDARD or not Fcntl.is_there:
        return descriptor
    moved: int = Fcntl.control(descriptor, Fcntl.F_DUPFD_CLOEXEC, _LAST_STANDARD + 1)
    Os.close(descriptor)
    return moved


def identity(descriptor: int) -> tuple[int, int] | None:
    """Return device and inode of what is open under a descriptor, or None if nothing is.

    A program may close descriptors that it did not open (daemons close them all) and get the same
    numbers for files and sockets of its own; so whoever keeps a descriptor keeps its identity,
    too, and compares before each use. Every socket has an inode of its own.
    """
    try:
        found = Os.fstat(descriptor)
    except (OSError, ValueError, OverflowError):
        return None
    return found.st_dev, found.st_ino


class OwnDescriptor:
    """A descriptor that is asked before each use whether it is still ours.

    Args:
        descriptor: just opened.
        path: of a file that may be opened again when the program has closed the descriptor.
        flags: it was opened with.
        is_borrowed: it is the program's own, and `close` leaves it open.
    """

    __slots__ = ("_descriptor", "_flags", "_is_borrowed", "_path", "identity")

    def __init__(
        self,
        descriptor: int,
        path: str | None = None,
        flags: int = 0,
        *,
        is_borrowed: bool = False,
    ) -> None:
        self._descriptor = descriptor if is_borrowed else beyond_the_standard_ones(descriptor)
        self.identity = identity(self._descriptor)
        self._is_borrowed = is_borrowed
        self._path = path
        self._flags = flags & ~_ONCE | O_NOFOLLOW | O_BINARY

    @property
    def is_ours(self) -> bool:
        """Whether the number still means what it was opened for."""
        return self._descriptor >= 0 and identity(self._descriptor) == self.identity

    def use(self) -> int:
        """Return the number for one use; the file is opened again where the program closed it.

        Raises:
            OSError: there is no way back to the file.
        """
        if not self.is_ours:
            self._reopen()
        return self._descriptor

    def close(self) -> None:
        """Close it, unless the number is another file by now."""
        is_ours, descriptor, self._descriptor = self.is_ours, self._descriptor, -1
        self._path = None
        if is_ours and not self._is_borrowed:
            Os.close(descriptor)

    def _reopen(self) -> None:
        if self._path is None:
            raise OSError(errno.EBADF, "the descriptor was closed by the program")
        descriptor = beyond_the_standard_ones(Os.open(self._path, self._flags))
        if identity(descriptor) != self.identity:
            Os.close(descriptor)
            raise OSError(errno.ESTALE, "the output was replaced by the program")
        self._descriptor = descriptor


def open_to_append(path: str) -> int:
    """Return the descriptor of a file that is appended to and that its owner alone may read.

    A file is created with mode 0600, and one that is there gets it. A device, a pipe and a link
    of the kernel's (``/dev/stdout``, ``/dev/fd/3``) are opened as they are.

    Raises:
        OSError: it cannot be opened, or others could read or choose what is written: it is a
            symbolic link, has another name or belongs to another user.
    """
    # O_NONBLOCK: a FIFO nobody reads is an error instead of a hang
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _O_NONBLOCK | O_BINARY
    is_link_of_kernel = _is_link_of_kernel(path)
    try:
        descriptor = Os.open(path, flags | (0 if is_link_of_kernel else O_NOFOLLOW), PRIVATE)
    except OSError as error:
        if error.errno == errno.ELOOP and not is_link_of_kernel:
            raise OSError(errno.ELOOP, "it is a symbolic link") from None
        raise
    try:
        if not is_link_of_kernel:
            _make_private(descriptor)
        Os.set_blocking(descriptor, True)
    except OSError:
        Os.close(descriptor)
        raise
    return beyond_the_standard_ones(descriptor)


def check_beginning(path: str, beginning: bytes) -> None:
    """Check that a file that is there is empty or begins as what will be written.

    So a slip such as ``jsonl=app.py`` harms no file of the user. A device, a pipe and a link
    (``/dev/stdout``) may lead to anything.

    Raises:
        OSError: it begins with something else.
    """
    try:
        if not stat.S_ISREG(Os.lstat(path).st_mode):
            return
        descriptor = Os.open(path, os.O_RDONLY | _O_NONBLOCK | O_BINARY)
    except OSError:
        return  # it is missing, or opening it to write says what is wrong
    try:
        found = Os.read(descriptor, len(beginning))
    finally:
        Os.close(descriptor)
    if not beginning.startswith(found):
        raise OSError(errno.EEXIST, "it holds something other than a trace")


def path_in_child(path: str) -> str:
    """Return where this process writes, the child of one that writes to ``path``.

    That is beside it, with ``.<pid>``. A device or a pipe (``/dev/stdout``) has no place beside it:
    a child shares its parent's.
    """
    with contextlib.suppress(OSError):
        mode = Os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return path
    return f"{path}.{Os.getpid()}"


def _is_link_of_kernel(path: str) -> bool:
    """Return whether only the kernel or root can have made a link."""
    try:
        is_link = stat.S_ISLNK(Os.lstat(path).st_mode)
    except OSError:
        return False
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    return is_link and (folder == "/dev" or folder.startswith("/proc/"))


def _make_private(descriptor: int) -> None:
    if Os.geteuid is None or Os.fchmod is None:
        return
    found = Os.fstat(descriptor)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
        return
    if found.st_uid != Os.geteuid():
        raise OSError(errno.EPERM, "it belongs to another user")
    if found.st_nlink > 1:
        raise OSError(errno.EMLINK, "it has another name")
    if stat.S_IMODE(found.st_mode) & ~PRIVATE and stat.S_ISREG(found.st_mode):
        Os.fchmod(descriptor, PRIVATE)
