"""File descriptors of ours that no program takes for one of its streams."""

from __future__ import annotations

import os
from typing import Final

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
