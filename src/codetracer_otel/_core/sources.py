"""Identifies the C sources, so that a module compiled from other ones is not loaded."""

from __future__ import annotations

import os
from binascii import crc32

_BITS = 0x7FFFFFFF  # a C long of Windows


def number_of_sources(folder: str) -> int | None:
    """Return a number for the C files of a folder; None where there are none, as in a wheel."""
    names = sorted(name for name in os.listdir(folder) if name.endswith((".c", ".h")))
    number = 0
    for name in names:
        with open(f"{folder}/{name}", "rb") as file:
            number = crc32(file.read(), crc32(name.encode(), number))
    return number & _BITS if names else None
