"""File descriptors of ours that no program takes for one of its streams, nor we for one of ours."""

from __future__ import annotations

import os
from typing import Final

from codetracer_otel.bindings import Os

_LAST_STANDARD: Final = 2


def beyond_the_standard_ones(descriptor: int) -> int:
    """Return a descriptor of the same file that does not take the place of a closed stream.

    One that does is moved, and its number is free again.
    """
    if descriptor > _LAST_STANDARD:
        return descriptor
    import fcntl  # noqa: PLC0415 - POSIX only

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LAST_STANDARD + 1)
    os.close(descriptor)
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
