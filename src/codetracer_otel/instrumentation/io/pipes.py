"""Puts a process of ours between descriptors of the program and the pipe that they are."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
from typing import Final

from codetracer_otel.bindings import Os
from codetracer_otel.descriptors import beyond_the_standard_ones
from codetracer_otel.instrumentation.io import forwarder

_ANSWER_S: Final = 1.0


class ForwardedPipe:
    """A pipe whose bytes go through `forwarder`, and a copy of them into a file.

    Args:
        descriptors: that are this pipe; they become another until `close`.

    Attributes:
        copy_reader: descriptor of the copy, for the caller to read and to close.
    """

    def __init__(self, descriptors: list[int]) -> None:
        self._saved = [
            (descriptor, beyond_the_standard_ones(Os.dup(descriptor))) for descriptor in descriptors
        ]
        source, mine = map(beyond_the_standard_ones, Os.pipe())
        control_reader, self._control = map(beyond_the_standard_ones, Os.pipe())
        self._answer, answer_writer = map(beyond_the_standard_ones, Os.pipe())
        copy, path = tempfile.mkstemp(prefix="codetracer-otel-")
        copy = beyond_the_standard_ones(copy)
        self.copy_reader = beyond_the_standard_ones(Os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        Os.unlink(path)
        passed = (source, self._saved[0][1], copy, control_reader, answer_writer)
        _start_forwarder(passed)
        for descriptor in descriptors:
            Os.dup2(mine, descriptor)
        for descriptor in (source, mine, copy, control_reader, answer_writer):
            Os.close(descriptor)

    def wait_until_arrived(self) -> None:
        """Wait until what was written before has reached its destination."""
        with contextlib.suppress(OSError):
            Os.write(self._control, b"?")
            if select.select([self._answer], [], [], _ANSWER_S)[0]:
                Os.read(self._answer, 1)

    def close(self) -> None:
        """Put the descriptors back."""
        for descriptor, saved in self._saved:
            Os.dup2(saved, descriptor)
            Os.close(saved)
        Os.close(self._control)
        Os.close(self._answer)


def _start_forwarder(descriptors: tuple[int, ...]) -> None:
    command = [sys.executable, "-I", "-S", forwarder.__file__]
    subprocess.run(  # noqa: S603 - our own file, run by this interpreter
        [*command, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=10,
    )
