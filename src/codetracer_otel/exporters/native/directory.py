"""The directory of a native trace: who may use it, and its files, created for their owner only."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Final

from codetracer_otel.bindings import Fcntl, Os, Paths
from codetracer_otel.descriptors import (
    O_BINARY,
    O_NOFOLLOW,
    PRIVATE,
    OwnDescriptor,
    beyond_the_standard_ones,
    check_beginning,
)
from codetracer_otel.errors import EnvironmentFailure, ErrorCode

EVENTS: Final = "trace.json"
METADATA: Final = "trace_metadata.json"
PATHS: Final = "trace_paths.json"
SPOOL_PREFIX: Final = "thread-"
SPOOL_SUFFIX: Final = ".part"

_DIRECTORY_MODE: Final = 0o700


class TraceDirectory:
    """A directory that one recording writes to.

    As with files, a symbolic link is refused: who made it would choose where an earlier recording
    is replaced. A directory of another user is used, because each file in it is new, of this user,
    and for this user alone.

    Args:
        path: absolute; created with its parents where it does not exist. Files of an earlier
            recording in it are replaced.

    Raises:
        EnvironmentFailure: it cannot be created, or is something else.

    Attributes:
        path: the directory in use: ``path``, or ``path.<pid>`` while another process records there.
        stated: the one that was asked for.
        is_discarded: nothing of the recording is to be kept.
    """

    is_discarded = False

    def __init__(self, path: str) -> None:
        self.path = self.stated = path
        self._lock = self._claim()
        if self._lock is None:
            self.path = f"{path}.{Os.getpid()}"
            self._lock = self._claim()
        self._check_earlier()
        self._forget_earlier()

    def create(self, name: str) -> OwnDescriptor:
        """Return a new file that its owner alone may read, and that is written to at its end.

        Raises:
            OSError: it cannot be created.
        """
        path = Paths.join(self.path, name)
        with contextlib.suppress(FileNotFoundError):
            Os.unlink(path)
        flags = os.O_RDWR | os.O_APPEND
        created = os.O_CREAT | os.O_EXCL | O_BINARY
        return OwnDescriptor(Os.open(path, flags | created, PRIVATE), path, flags)

    def replace(self, name: str, text: str) -> None:
        """Write a small file as a whole, or leave the one before.

        Raises:
            OSError: it cannot be written.
        """
        temporary = f"{name}.new"
        file = self.create(temporary)
        try:
            write_all(file.use(), text.encode("ascii", "backslashreplace"))
        except OSError:
            self.remove(temporary)
            raise
        finally:
            file.close()
        Os.replace(Paths.join(self.path, temporary), Paths.join(self.path, name))

    def remove(self, name: str) -> None:
        """Remove a file; that it is not there is no error."""
        with contextlib.suppress(OSError):
            Os.unlink(Paths.join(self.path, name))

    def discard(self) -> None:
        """Remove the recording's files, and the directory if nothing else is in it."""
        self.is_discarded = True
        for name in (EVENTS, METADATA, PATHS):
            self.remove(name)
        self.close()
        with contextlib.suppress(OSError):
            Os.rmdir(self.path)

    def close(self) -> None:
        """Let others use the directory."""
        if self._lock is not None:
            self._lock.close()

    def _claim(self) -> OwnDescriptor | None:
        """Return a locked descriptor of the directory, or None when another process has it."""
        try:
            _make_directories(self.path)
            if stat.S_ISLNK(Os.lstat(self.path).st_mode):
                raise _failure("is a symbolic link", ErrorCode.TRACE_DIR_CONFLICT, self.path)
            lock = lock_directory(self.path, O_NOFOLLOW)
            return None if lock is None else OwnDescriptor(lock)
        except (FileExistsError, NotADirectoryError) as error:
            raise _failure("is not a directory", ErrorCode.TRACE_DIR_CONFLICT, self.path) from error
        except OSError as error:
            reason = f"cannot be created: {error.strerror}"
            raise _failure(reason, ErrorCode.TRACE_DIR_CREATE_FAILED, self.path) from error

    def _check_earlier(self) -> None:
        try:
            check_beginning(Paths.join(self.path, EVENTS), b'[{"Path":')
        except OSError as error:
            self.close()
            reason = f"holds another tool's {EVENTS}"
            raise _failure(reason, ErrorCode.TRACE_DIR_CONFLICT, self.path) from error

    def _forget_earlier(self) -> None:
        for name in Os.listdir(self.path):
            is_spool = name.startswith(SPOOL_PREFIX) and name.endswith(SPOOL_SUFFIX)
            if is_spool or name in (EVENTS, METADATA, PATHS):
                self.remove(name)


def _make_directories(path: str) -> None:
    try:
        Os.mkdir(path, _DIRECTORY_MODE)
    except FileExistsError:
        if not stat.S_ISDIR(Os.stat(path).st_mode):
            raise
    except FileNotFoundError:
        _make_directories(Paths.dirname(path))
        Os.mkdir(path, _DIRECTORY_MODE)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte.

    Raises:
        OSError: not every byte could be written.
    """
    view = memoryview(data)
    while view:
        view = view[Os.write(descriptor, view) :]


def lock_directory(path: str, flags: int = 0) -> int | None:
    """Return a locked descriptor of a directory, or None when another process has it.

    It is -1 where directories cannot be opened, as on Windows: nobody is kept out of them there.

    Args:
        path: of the directory.
        flags: to open it with, beside those for reading.

    Raises:
        OSError: it cannot be opened.
    """
    if not Fcntl.is_there:
        return -1
    descriptor = beyond_the_standard_ones(Os.open(path, os.O_RDONLY | flags))
    return descriptor if _lock(descriptor) else None


def _lock(descriptor: int) -> bool:
    """Return whether the lock on the directory is ours; a forked child shares its parent's."""
    try:
        Fcntl.flock(descriptor, Fcntl.LOCK_EX_NB)
    except OSError:
        Os.close(descriptor)
        return False
    return True


def _failure(rule: str, code: ErrorCode, path: str) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"native: {rule}, got {path}; expected a directory that can be written",
        code,
        {"path": path},
    )
