"""Interleaved timing: every variant once per round, medians with their spread, ratios per round."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Series:
    """Figures of one variant, one per round, in ns per operation."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def over(self, other: Series) -> Series:
        """Return the ratio to another series, round by round."""
        return Series(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))

    def minus(self, other: Series) -> Series:
        """Return the difference to another series, round by round."""
        return Series(tuple(a - b for a, b in zip(self.values, other.values, strict=True)))

    def text(self, unit: str = "", digits: int = 0) -> str:
        """Return ``median (lowest - highest)``."""
        return f"{self.median:.{digits}f}{unit} ({self.low:.{digits}f}-{self.high:.{digits}f})"


def untraced_of(figures: Mapping[str, Series], name: str) -> Series:
    """Return the untraced figures that a variant ``workload: what is done`` is compared with."""
    return figures[f"{name.partition(':')[0]}: untraced"]


def interleave(variants: Mapping[str, Callable[[], float]], rounds: int = 7) -> dict[str, Series]:
    """Run every variant once per round, in turn; each returns ns per operation."""
    figures: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            gc.collect()
            figures[name].append(run())
    return {name: Series(tuple(values)) for name, values in figures.items()}


def time_per_operation(body: Callable[[int], object], operations: int) -> float:
    """Return ns per operation of ``body(operations)``."""
    began = time.perf_counter_ns()
    body(operations)
    return (time.perf_counter_ns() - began) / operations
