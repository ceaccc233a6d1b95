"""Writes whole JSON lines: valid JSON of bounded size, one write each, and never an exception."""

from __future__ import annotations

import os
import stat
import sys
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from codetracer_otel.bindings import Os, Paths, Threads, Time
from codetracer_otel.descriptors import (
    OwnDescriptor,
    check_beginning,
    open_to_append,
    path_in_child,
)
from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.exporters.files.json_text import encode_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from codetracer_otel.model.record_block import Texts

MAX_LINE_BYTES: Final = 64 * 1024
BEGINNING: Final = b'{"timestamp":"'  # of every line, and so of a file of lines

# exactly these: a class of the program may answer with its own code
_SYSTEM_ERRORS: Final = frozenset(
    {OSError, BlockingIOError, BrokenPipeError, ConnectionResetError, FileNotFoundError}
    | {IsADirectoryError, NotADirectoryError, PermissionError, TimeoutError}
)
_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last one RFC 3339 can write


class TextStream(Protocol):
    """The part of a text stream that lines need."""

    def write(self, text: str, /) -> object: ...  # noqa: D102 - io.TextIOBase
    def flush(self) -> None: ...  # noqa: D102 - io.TextIOBase


def rfc3339(unix_ns: int) -> str:
    """Return Unix time in ns as RFC 3339 text in UTC with six digits, cut to 1970..9999."""
    seconds, rest = divmod(unix_ns, 1_000_000_000)
    if not 0 <= seconds <= _LAST_SECOND:
        seconds, rest = min(max(seconds, 0), _LAST_SECOND), 0
    return f"{_second_text(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=64)
def _second_text(seconds: int) -> str:
    return Time.strftime("%Y-%m-%dT%H:%M:%S", Time.gmtime(seconds))


class StreamOutput:
    """A text stream that is looked up at each write, so that a replaced one is followed."""

    def __init__(self, stream: Callable[[], TextStream | None] = lambda: sys.stderr) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write to the stream of this moment.

        Raises:
            OSError: there is no stream.
        """
        stream = self._stream()
        if stream is None:
            raise OSError("no stream")
        stream.write(text)

    def flush(self) -> None:
        """Flush the stream of this moment, if there is one."""
        stream = self._stream()
        if stream is not None:
            stream.flush()

    def reopen_after_fork(self, path: str | None = None) -> None:
        """Do nothing: the child shares its parent's stream."""

    def close(self) -> None:
        """Do nothing: the stream is not ours."""


class DescriptorOutput:
    """A duplicate of a file descriptor, which stays ours when the program closes its own.

    If the program closes the duplicate, as one that becomes a daemon does, the program's own
    descriptor is used as long as it is the same file.

    Args:
        descriptor: of the program.
        encoding: of what is written; what has no form in it is escaped.

    Raises:
        EnvironmentFailure: the descriptor is not open.
    """

    encoding = "ascii"
    written = 0

    def __init__(self, descriptor: int, encoding: str = "ascii") -> None:
        self.encoding = encoding
        self._origin = descriptor
        try:
            self._file = OwnDescriptor(Os.dup(descriptor))
        except OSError as error:
            raise _cannot_write(f"fd:{descriptor}", error) from error
        self._is_torn = False

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of what is written to, or None where it is not open."""
        return self._file.identity

    def write(self, text: str) -> None:
        """Write ``text``, behind a line end if the last write broke off in the middle."""
        self.write_bytes(text.encode(self.encoding, "backslashreplace"))

    def write_bytes(self, data: bytes | memoryview) -> None:
        """Write encoded text in the same way; ``written`` says how much of it, if it fails."""
        self.written = 0  # first: there may be nothing to write to
        descriptor = self._descriptor_now()
        if self._is_torn:
            Os.write(descriptor, b"\n")
            self._is_torn = False
        try:
            while self.written < len(data):
                self.written += Os.write(descriptor, data[self.written :])
        finally:
            self._is_torn = 0 < self.written < len(data)

    def flush(self) -> None:
        """Do nothing: writes are not buffered."""

    def reopen_after_fork(self, path: str | None = None) -> None:
        """Do nothing: the child shares its parent's descriptor."""

    def close(self) -> None:
        """Close the duplicate, unless the program closed it and the number is another file now."""
        self._file.close()

    def isatty(self) -> bool:
        """Return whether people read what is written."""
        return self._file.is_ours and Os.isatty(self._file.use())

    def give_up_for(self, descriptor: int) -> None:
        """Close the duplicate and use ``descriptor`` itself, where both are the same file."""
        its_own = OwnDescriptor(descriptor, is_borrowed=True)
        if its_own.identity == self._file.identity:
            self._file.close()
            self._file = its_own

    def _descriptor_now(self) -> int:
        if not self._file.is_ours:
            self.give_up_for(self._origin)
        return self._file.use()


class FileOutput(DescriptorOutput):
    """A file that is appended to, with mode 0600; see `descriptors.open_to_append`.

    Args:
        path: of the file.
        beginning: what a file that is there must begin with; any file by default.

    Attributes:
        path: of the file, absolute.

    Raises:
        EnvironmentFailure: the file cannot be opened for writing.
    """

    def __init__(self, path: str | PathLike[str], beginning: bytes = b"") -> None:
        self.path = self._first_path = _absolute(os.fspath(path))
        try:
            check_beginning(self.path, beginning)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._open()

    def reopen_after_fork(self, path: str | None = None) -> None:
        """Go on in the file ``path``, or in one beside the parent's, see `path_in_child`."""
        self.close()
        self.path = path or path_in_child(self._first_path)
        self._open()

    def close(self) -> None:
        """Close the file for good."""
        self._is_open = False
        super().close()

    def _open(self) -> None:
        try:
            self._file = OwnDescriptor(open_to_append(self.path))
            self._is_torn = _ends_within_a_line(self.path, self._file.use())
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._is_open = True

    def _descriptor_now(self) -> int:
        # a program that becomes a daemon closes every descriptor and may reuse the number
        if self._is_open and not self._file.is_ours:
            self._open()
        return self._file.use()


def _absolute(path: str) -> str:
    """Return ``path`` so that it is the same file when the program changes its directory."""
    try:
        return Paths.abspath(path)
    except OSError:  # the directory is gone
        return path


def _ends_within_a_line(path: str, descriptor: int) -> bool:
    """Return whether an earlier writer was killed, or had no room, in the middle of a line."""
    found = Os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return False
    try:
        reader = Os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        Os.lseek(reader, -1, os.SEEK_END)
        return Os.read(reader, 1) != b"\n"
    finally:
        Os.close(reader)


def _cannot_write(target: str, error: OSError) -> EnvironmentFailure:
    reason = error.strerror or type(error).__name__
    message = f"{target}: cannot be opened for writing: {reason}; expected a writable file"
    return EnvironmentFailure(message, ErrorCode.IO, {"path": target})


class Output(Protocol):
    """Where finished text goes; any method but `close` may raise."""

    def write(self, text: str) -> None: ...  # noqa: D102 - see DescriptorOutput
    def flush(self) -> None: ...  # noqa: D102
    def reopen_after_fork(self, path: str | None = None) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class LineWriter:
    """Writes mappings as JSON lines, from any thread; a failing write is counted, never raised.

    Args:
        output: where they go; by default to what ``sys.stderr`` is at each write.
        max_bytes: of a line.

    Attributes:
        lines: how many lines were written.
        failures: how many could not be written.
        reason: why the last of these could not; never a text of the program.
    """

    def __init__(self, output: Output | None = None, *, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._output = output or StreamOutput()
        self._max_bytes = max_bytes
        # reentrant: a signal handler may write a line while its thread is writing one
        self._lock = Threads.RLock()
        self.lines = 0
        self.failures = 0
        self.reason = ""

    def goes_to(self, kind: type) -> bool:
        """Return whether the output is of this kind."""
        return isinstance(self._output, kind)

    def write(self, fields: Mapping[str, Any]) -> bool:
        """Write one line; return whether it went out."""
        line = self.encoded(fields)
        return line is not None and self.write_text(line.decode())

    def encoded(self, fields: Mapping[str, Any]) -> bytes | None:
        """Return one line, or None for one that cannot be written, which counts as a failure."""
        try:
            return encode_line(fields, self._max_bytes).encode()
        except Exception as error:  # noqa: BLE001 - a mapping of the program may raise anything
            self._fail(error)
            return None

    def write_text(self, text: str) -> bool:
        """Write finished text in one piece; return whether it went out."""
        with self._lock:
            written = self._attempt(lambda: self._output.write(text))
            self.lines += written
        return written

    def write_lines(self, lines: Texts) -> int:
        """Write finished lines, in one piece where that works; return how many did not go out."""
        with self._lock, memoryview(lines) as data:
            done = 0
            if isinstance(self._output, DescriptorOutput):
                output = self._output
                is_written = self._attempt(lambda: output.write_bytes(data))
                done = len(lines) if is_written else bisect_right(lines, output.written)
                self.lines += done
                if not is_written:
                    done += 1  # the line that broke off
                    return 1 + self._write_one_by_one(lines, data, done)
            return self._write_one_by_one(lines, data, done)

    def _write_one_by_one(self, lines: Texts, data: memoryview, first: int) -> int:
        begins = [lines[index - 1] if index else 0 for index in range(first, len(lines))]
        ends = [lines[index] for index in range(first, len(lines))]
        texts = [str(data[begin:end], "ascii") for begin, end in zip(begins, ends, strict=True)]
        return sum([not self.write_text(text) for text in texts])

    def flush(self) -> bool:
        """Flush the output; return whether that worked."""
        with self._lock:
            return self._attempt(self._output.flush)

    def reopen_after_fork(self, path: str | None = None) -> bool:
        """Become usable in a forked child, a file under a name of its own; return whether it is."""
        self._lock = Threads.RLock()  # the parent's may be held by a thread that is not here
        self.lines = self.failures = 0
        return self._attempt(lambda: self._output.reopen_after_fork(path))

    def close(self) -> None:
        """Release the output; later writes count as failures where the output was ours."""
        with self._lock:
            self._attempt(self._output.close)

    def _attempt(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a stream of the program may raise anything
            self._fail(error)
            return False
        return True

    def _fail(self, error: Exception) -> None:
        self.failures += 1
        number = error.errno if type(error) in _SYSTEM_ERRORS else None  # type: ignore[attr-defined]
        self.reason = Os.strerror(number) if type(number) is int else type(error).__qualname__
