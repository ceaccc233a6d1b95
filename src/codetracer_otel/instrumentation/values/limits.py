"""Limits on how much of one value is kept."""

from __future__ import annotations

import sys
from typing import Final

from codetracer_otel.data_classes import dataclass

_BITS_PER_DIGIT: Final = 3  # rounded down: an integer within bounds has few enough digits
_MOST_DIGITS: Final = sys.int_info.default_max_str_digits  # more cost quadratic time


@dataclass(frozen=True, slots=True)
class ValueLimits:
    """How much of one value is kept.

    Attributes:
        max_depth: levels of containers.
        max_items: items of each container.
        max_string: code points of each text, bytes of each bytes object, digits of integers.
        max_nodes: items of all containers together.
    """

    max_depth: int = 4
    max_items: int = 32
    max_string: int = 1024
    max_nodes: int = 1000

    @property
    def integer_bound(self) -> int:
        """The absolute value from which on only the size of an integer is kept."""
        return 1 << max(64, _BITS_PER_DIGIT * min(self.max_string, _MOST_DIGITS))
