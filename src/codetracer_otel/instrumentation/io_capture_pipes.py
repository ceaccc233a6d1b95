"""Puts a process of ours between descriptors of the program and the pipe that they are."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
from typing import Final

from codetracer_otel.instrumentation import io_capture_forwarder

_LAST_STANDARD: Final = 2
_ANSWER_S: Final = 1.0


class ForwardedPipe:
    """A pipe whose bytes go through `io_capture_forwarder`, and a copy of them into a file.

    Args:
        descriptors: that are this pipe; they become another until `close`.

    Attributes:
        copy_reader: descriptor of the copy, for the caller to read and to close.
    """

    def __init__(self, descriptors: list[int]) -> None:
        self._saved = [(descriptor, _apart(os.dup(descriptor))) for descriptor in descriptors]
        source, mine = map(_apart, os.pipe())
        control_reader, self._control = map(_apart, os.pipe())
        self._answer, answer_writer = map(_apart, os.pipe())
        copy, path = tempfile.mkstemp(prefix="codetracer-otel-")
        copy = _apart(copy)
        self.copy_reader = _apart(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        os.unlink(path)
        passed = (source, self._saved[0][1], copy, control_reader, answer_writer)
        _start_forwarder(passed)
        for descriptor in descriptors:
            os.dup2(mine, descriptor)
        for descriptor in (source, mine, copy, control_reader, answer_writer):
            os.close(descriptor)

    def wait_until_arrived(self) -> None:
        """Wait until what was written before has reached its destination."""
        with contextlib.suppress(OSError):
            os.write(self._control, b"?")
            if select.select([self._answer], [], [], _ANSWER_S)[0]:
                os.read(self._answer, 1)

    def close(self) -> None:
        """Put the descriptors back."""
        for descriptor, saved in self._saved:
            os.dup2(saved, descriptor)
            os.close(saved)
        os.close(self._control)
        os.close(self._answer)


def _apart(descriptor: int) -> int:
    """Return a descriptor that does not take the place of a standard one that is closed."""
    if descriptor > _LAST_STANDARD:
        return descriptor
    import fcntl  # noqa: PLC0415 - POSIX only

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LAST_STANDARD + 1)
    os.close(descriptor)
    return moved


def _start_forwarder(descriptors: tuple[int, ...]) -> None:
    command = [sys.executable, "-I", "-S", io_capture_forwarder.__file__]
    subprocess.run(  # noqa: S603 - our own file, run by this interpreter
        [*command, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=10,
    )
