"""Distinguishes changed times from noise: by repetitions, or by wide limits with one run each."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    _Figure = Callable[[Sequence[int]], float]

    from codetracer_otel.analysis.call_paths import PathCalls

_ENOUGH: Final = 3  # repetitions of each side
_MANY: Final = 5
_FEW_CALLS: Final = 5
MANY_CALLS: Final = 30
_MS: Final = 1_000_000
# What one run each must differ by: with few calls nobody can tell a slow call from a busy machine.
_RATIO_FEW, _RATIO_SOME, _RATIO_MANY = 4.0, 2.5, 2.0
_FLOOR_FEW_NS: Final = 50 * _MS
_FLOOR_NS: Final = 10 * _MS  # over all calls together
_LEAST_NS: Final = 2_000  # of one call
_SHARE: Final = 0.02  # of the run
_RATIO_OF_THREE, _RATIO_OF_FIVE = 1.25, 1.1  # of repetitions


@dataclass(frozen=True, slots=True)
class Noise:
    """What is known about the noise of two sides.

    Attributes:
        stall: the longest pause that some call had beyond what is usual for its path, in ns.
        slowdown: by what factor calls of a millisecond and more got slower in general; ``worst``:
            by what factor those differ that differ most.
        length: of a run, in the unit of its calls.
        is_exact: lengths are steps, which are the same for the same work.
        count: of repetitions, on the side that has fewer.
    """

    stall: float
    slowdown: float
    worst: float
    length: float
    is_exact: bool
    count: int

    @property
    def has_repetitions(self) -> bool:
        """Whether spreads decide."""
        return self.count >= _ENOUGH

    def is_change(self, old: Sequence[Sequence[int]], new: Sequence[Sequence[int]]) -> bool:
        """Return whether lengths of calls, by repetition, differ by more than noise.

        A busy machine makes most calls longer, but not the quickest: both have to differ.
        """
        low, high = sorted((typical(old), typical(new)))
        calls = median(len(lengths) for lengths in (*old, *new))
        if (high - low) * calls < _SHARE * self.length:
            return False
        if self.is_exact:
            return high > low * 1.1
        differs = self._is_apart if self.has_repetitions else self._is_far
        return differs(old, new, _middle) and differs(old, new, _quickest)

    def _is_apart(
        self, old: Sequence[Sequence[int]], new: Sequence[Sequence[int]], figure: _Figure
    ) -> bool:
        """Return whether no repetition of one side is like one of the other."""
        low, high = sorted(([figure(one) for one in side] for side in (old, new)), key=median)
        ratio = _RATIO_OF_FIVE if self.count >= _MANY else _RATIO_OF_THREE
        gap = median(high) - median(low)
        calls = min(len(lengths) for lengths in (*old, *new))
        return (
            min(high) > max(low)
            and median(high) > ratio * max(self.slowdown, 1) * median(low)
            and gap > 3 * max(_spread(low), _spread(high))
            and gap > (self.stall + _FLOOR_NS if calls < _FEW_CALLS else _LEAST_NS)
        )

    def _is_far(
        self, old: Sequence[Sequence[int]], new: Sequence[Sequence[int]], figure: _Figure
    ) -> bool:
        low, high = sorted(median(figure(lengths) for lengths in side) for side in (old, new))
        calls = min(len(lengths) for lengths in (*old, *new))
        if calls < _FEW_CALLS:
            far = 3 * self.stall + _FLOOR_FEW_NS
            ratio = _RATIO_FEW * self.worst
        elif calls < MANY_CALLS:
            far = max(self.stall, _FLOOR_NS / calls)  # a pause can meet all of them
            ratio = _RATIO_SOME
        else:
            far = max(_LEAST_NS, _FLOOR_NS / calls)
            ratio = _RATIO_MANY
        return high - low > far and high > low * ratio * max(self.slowdown, 1)


def typical(repetitions: Sequence[Sequence[int]]) -> float:
    """Return the length that calls have: the median of the repetitions'."""
    return median([_middle(lengths) for lengths in repetitions]) if repetitions else 0.0


def _middle(lengths: Sequence[int]) -> float:
    """Return the median; of few calls the shortest, which the machine delayed least."""
    return median(lengths) if len(lengths) >= _FEW_CALLS else min(lengths, default=0)


def _quickest(lengths: Sequence[int]) -> float:
    """Return the length that a twentieth of the calls did not reach."""
    return sorted(lengths)[len(lengths) // 20] if lengths else 0.0


def _spread(values: Sequence[float]) -> float:
    """Return the median distance from the median, scaled to a standard deviation."""
    middle = median(values)
    return 1.4826 * median(abs(value - middle) for value in values)


def stall_of(runs: Iterable[dict[int, PathCalls]]) -> float:
    """Return the longest delay beyond the usual among paths of several calls, over the runs."""
    return max(map(_stall, runs), default=0.0)


def _stall(calls: dict[int, PathCalls]) -> float:
    found = 0.0
    for path in calls.values():
        if len(path.owns) >= _FEW_CALLS:
            found = max(found, max(path.owns) - median(path.owns))
    return found


def slowdowns_of(old: dict[int, PathCalls], new: dict[int, PathCalls]) -> tuple[float, float]:
    """Return by what factor longer calls differ: in general, and on the path that differs most.

    In general it is 1.0 where few paths tell.
    """
    ratios = [
        median(new[path].owns) / median(calls.owns)
        for path, calls in old.items()
        if path in new
        and min(len(calls.owns), len(new[path].owns)) >= _FEW_CALLS
        and min(median(calls.owns), median(new[path].owns)) >= _MS
    ]
    worst = max((max(ratio, 1 / ratio) for ratio in ratios), default=1.0)
    return (median(ratios) if len(ratios) >= _ENOUGH else 1.0), worst
