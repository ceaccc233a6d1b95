"""An exponential histogram as OpenTelemetry defines it: buckets that grow by a constant factor."""

from __future__ import annotations

from collections import Counter
from math import frexp, ldexp, log2
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BUCKETS: Final = 160
_FINEST: Final = 6  # 2**(1/64): a bucket is 1.1 % wide
_NS_PER_S: Final = 1e9


class DurationHistogram:
    """Durations in ns, counted in buckets of seconds.

    Attributes:
        count: of all durations.
        total: their sum, in ns; ``least`` and ``most`` are the shortest and the longest.
        scale: bucket ``i`` holds what is in ``(2**(i / 2**scale), 2**((i + 1) / 2**scale)]`` s.
        zeros: durations of no time at all.
    """

    __slots__ = ("_buckets", "count", "least", "most", "scale", "total", "zeros")

    def __init__(self) -> None:
        self.count = self.total = self.zeros = 0
        self.least = self.most = 0
        self.scale = _FINEST
        self._buckets: Counter[int] = Counter()

    def add(self, durations: Iterable[int]) -> None:
        """Take in durations in ns."""
        shift = self.scale
        for duration in durations:
            if not self.count or duration < self.least:
                self.least = duration
            self.most = max(self.most, duration)
            self.count += 1
            self.total += duration
            if duration <= 0:
                self.zeros += 1
            else:
                self._buckets[_index(duration / _NS_PER_S, shift)] += 1
        self._fit()

    def buckets(self) -> tuple[int, list[int]]:
        """Return the index of the first bucket, and the counts from it on."""
        if not self._buckets:
            return 0, []
        first, last = min(self._buckets), max(self._buckets)
        return first, [self._buckets[index] for index in range(first, last + 1)]

    def _fit(self) -> None:
        """Make buckets twice as wide until there are not too many of them."""
        while self._buckets and max(self._buckets) - min(self._buckets) >= MOST_BUCKETS:
            wider: Counter[int] = Counter()
            for index, count in self._buckets.items():
                wider[index >> 1] += count
            self._buckets = wider
            self.scale -= 1


def _index(value: float, scale: int) -> int:
    """Return the bucket of a positive number: upper bounds belong to it."""
    fraction, exponent = frexp(value)
    if fraction == 0.5:  # noqa: PLR2004 - a power of two is exact, its logarithm need not be
        return ((exponent - 1) << scale) - 1
    index = (exponent << scale) + int(ldexp(log2(fraction), scale)) - 1
    return index if ldexp(log2(value), scale) > index else index - 1
