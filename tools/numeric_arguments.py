"""Reads numbers of a tool's command line: finite, within bounds, refused in plain words."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST: Final = 10**12  # nothing that is counted here comes near


def whole_from(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number, at least ``least``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:  # no number, or one of thousands of digits
            number = least - 1
        if not least <= number <= _MOST:
            raise _refusal(text, f"a whole number from {least} to {_MOST:,}")
        return number

    return read


def number_from(least: float, most: float = _MOST) -> Callable[[str], float]:
    """Return the type of an argument that is a number from ``least`` to ``most``."""

    def read(text: str) -> float:
        number = _number(text)
        if not least <= number <= most:
            raise _refusal(text, f"a number from {least:,} to {most:,}")
        return number

    return read


def number_above_0(text: str) -> float:
    """Return a number above 0: the type of an argument by which something is divided."""
    number = _number(text)
    if not 0 < number <= _MOST:
        raise _refusal(text, f"a number above 0, up to {_MOST:,}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _refusal(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"got {text[:40]!r}; expected {expected}")
