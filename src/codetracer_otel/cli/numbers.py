"""Reads whole numbers from the command line, within bounds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def whole_number(most: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number from 1 to ``most``."""

    def read(text: str) -> int:
        # thousands of digits are not converted: `int` would refuse them with an error of its own
        is_short = len(text) <= len(str(most))
        number = int(text) if text.isascii() and text.isdecimal() and is_short else 0
        if not 1 <= number <= most:
            expected = f"a whole number from 1 to {most:,}"
            raise argparse.ArgumentTypeError(f"got {text[:40]!r}; expected {expected}")
        return number

    return read
