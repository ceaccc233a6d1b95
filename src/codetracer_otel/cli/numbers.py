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
            from codetracer_otel.sdk.settings.parsers import without_secrets  # noqa: PLC0415 - of failures only

            expected = f"a whole number from 1 to {most:,}"
            got = without_secrets(text)[:40]
            raise argparse.ArgumentTypeError(f"got {got!r}; expected {expected}")
        return number

    return read
