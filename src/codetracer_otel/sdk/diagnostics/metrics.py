"""Counts what went wrong in a session, and passes the counts to a sink of the user."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.model.protocols import MetricsSink, Notify

_SUMMARY_NS: Final = 60 * 1_000_000_000


class SilentSink:
    """The sink of those who installed none."""

    def dropped(self, reason: str, kind: str, count: int) -> None:
        """Do nothing."""

    def detached(self, reason: str, code: str) -> None:
        """Do nothing."""

    def internal_error(self, label: str) -> None:
        """Do nothing."""


class Metrics:
    """The counters of one session; every count is handed on to the installed sink.

    Args:
        sink: returns the installed sink.
        notify: told once of a sink that raises.
    """

    def __init__(self, sink: Callable[[], MetricsSink], notify: Notify) -> None:
        self._sink = sink
        self._notify = notify
        self._has_failed = False
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._detached: Counter[tuple[str, str]] = Counter()
        self._errors: Counter[str] = Counter()

    def dropped(self, reason: str, kind: str, count: int = 1) -> None:
        """Count records that were lost for ``reason``."""
        self._dropped[reason, kind] += count
        self._tell(lambda: self._sink().dropped(reason, kind, count))

    def detached(self, reason: str, code: str) -> None:
        """Count that recording ended early."""
        self._detached[reason, code] += 1
        self._tell(lambda: self._sink().detached(reason, code))

    def internal_error(self, label: str) -> None:
        """Count a defect of ours."""
        self._errors[label] += 1
        self._tell(lambda: self._sink().internal_error(label))

    def stats(self) -> dict[str, Any]:
        """Return the counters by their dimensions."""
        return {
            "dropped": _nested(self._dropped),
            "detached": _nested(self._detached),
            "internal_error": dict(self._errors),
        }

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - a sink is the user's code
            if not self._has_failed:
                self._has_failed = True
                self._notify("metrics_sink_failed", "warn", error=type(error).__qualname__)


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (first, second), count in counts.items():
        nested.setdefault(first, {})[second] = count
    return nested


class DropReport:
    """Reports losses: each of them to the metrics, a summary to the log at most once a minute.

    Args:
        metrics: the session's.
        notify: the session's log.
        now_ns: monotonic ns.
    """

    def __init__(self, metrics: Metrics, notify: Notify, now_ns: Callable[[], int]) -> None:
        self._metrics = metrics
        self._notify = notify
        self._now_ns = now_ns
        self._looking = Threads.allocate_lock()
        self._seen: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._not_before_ns: int | None = None

    def observe(self, dropped: Mapping[str, int], *, is_last: bool = False) -> None:
        """Take note of the numbers of lost spans by cause, counted from the session's start."""
        for cause, count in self._news(dropped).items():
            self._metrics.dropped(cause, "span", count)
        untold = self._untold(is_last=is_last)
        if untold:
            self._notify("spans_dropped", "warn", **untold)

    def _news(self, dropped: Mapping[str, int]) -> Counter[str]:
        """Return what nobody has looked at: the worker may still be at it as a session ends."""
        with self._looking:
            news = Counter(dropped) - self._seen
            self._seen += news
        return news

    def _untold(self, *, is_last: bool) -> Counter[str]:
        """Return what is to be told now; another thread may add a cause."""
        with self._looking:
            if self._seen == self._told or not (is_last or self._is_due()):
                return Counter()
            news = self._seen - self._told
            self._told = Counter(self._seen)
        return news

    def restart(self) -> None:
        """Begin anew in a forked child, whose counters do."""
        self._looking = Threads.allocate_lock()
        self._seen.clear()
        self._told.clear()

    def _is_due(self) -> bool:
        now = self._now_ns()
        if self._not_before_ns is not None and now < self._not_before_ns:
            return False
        self._not_before_ns = now + _SUMMARY_NS
        return True
