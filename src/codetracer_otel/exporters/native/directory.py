"""The directory of a native trace: who may use it, and its files, created for their owner only."""

from __future__ import annotations

import contextlib
import os
from typing import Final

from codetracer_otel.descriptors import beyond_the_standard_ones
from codetracer_otel.errors import EnvironmentFailure, ErrorCode

EVENTS: Final = "trace.json"
METADATA: Final = "trace_metadata.json"
PATHS: Final = "trace_paths.json"
SPOOL_PREFIX: Final = "thread-"
SPOOL_SUFFIX: Final = ".part"

_FILE_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700


class TraceDirectory:
    """A directory that one recording writes to.

    Args:
        path: absolute; created with its parents where it does not exist. Files of an earlier
            recording in it are replaced.

    Raises:
        EnvironmentFailure: it cannot be created, or is something else.

    Attributes:
        path: the directory in use: ``path``, or ``path.<pid>`` while another process records there.
        stated: the one that was asked for.
    """

    def __init__(self, path: str) -> None:
        self.path = self.stated = path
        self._lock = self._claim()
        if self._lock < 0:
            self.path = f"{path}.{os.getpid()}"
            self._lock = self._claim()
        self._forget_earlier()

    def create(self, name: str) -> int:
        """Return the descriptor of a new file that its owner alone may read and write.

        Raises:
            OSError: it cannot be created.
        """
        path = os.path.join(self.path, name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        return beyond_the_standard_ones(os.open(path, flags, _FILE_MODE))

    def replace(self, name: str, text: str) -> None:
        """Write a small file as a whole, or leave the one before.

        Raises:
            OSError: it cannot be written.
        """
        temporary = f"{name}.new"
        descriptor = self.create(temporary)
        try:
            write_all(descriptor, text.encode("ascii", "backslashreplace"))
        except OSError:
            self.remove(temporary)
            raise
        finally:
            os.close(descriptor)
        os.replace(os.path.join(self.path, temporary), os.path.join(self.path, name))

    def remove(self, name: str) -> None:
        """Remove a file; that it is not there is no error."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.path, name))

    def discard(self) -> None:
        """Remove the recording's files, and the directory if nothing else is in it."""
        for name in (EVENTS, METADATA, PATHS):
            self.remove(name)
        self.close()
        with contextlib.suppress(OSError):
            os.rmdir(self.path)

    def close(self) -> None:
        """Let others use the directory."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def _claim(self) -> int:
        """Return a locked descriptor of the directory, or -1 when another process has it."""
        try:
            os.makedirs(self.path, _DIRECTORY_MODE, exist_ok=True)
            return lock_directory(self.path)
        except (FileExistsError, NotADirectoryError) as error:
            raise _failure("is not a directory", ErrorCode.TRACE_DIR_CONFLICT, self.path) from error
        except OSError as error:
            reason = f"cannot be created: {error.strerror}"
            raise _failure(reason, ErrorCode.TRACE_DIR_CREATE_FAILED, self.path) from error

    def _forget_earlier(self) -> None:
        for name in os.listdir(self.path):
            is_spool = name.startswith(SPOOL_PREFIX) and name.endswith(SPOOL_SUFFIX)
            if is_spool or name in (EVENTS, METADATA, PATHS):
                self.remove(name)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte.

    Raises:
        OSError: not every byte could be written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def lock_directory(path: str) -> int:
    """Return a locked descriptor of a directory, or -1 when another process has it.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    descriptor = beyond_the_standard_ones(descriptor)
    return descriptor if _lock(descriptor) else -1


def _lock(descriptor: int) -> bool:
    """Return whether the lock on the directory is ours; a forked child shares its parent's."""
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    return True


def _failure(rule: str, code: ErrorCode, path: str) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"native: {rule}, got {path}; expected a directory that can be written",
        code,
        {"path": path},
    )
