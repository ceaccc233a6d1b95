"""Failures on purpose, for tests: off, and of no cost, unless a test turns one on."""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

    from codetracer_otel.model.protocols import Exporter


class FailurePoint(Enum):
    """Where a failure can be injected."""

    START = "start"  # the callback of a call's begin
    LINE = "line"  # the callback of a line
    RETURN = "return"  # the callback of a return
    DRAIN = "drain"  # taking records out of the recorder
    EXPORT = "export"  # handing a batch to an exporter
    FINISH = "finish"  # finishing what is open as the session ends


class InjectedError(RuntimeError):
    """What fails where a test asked for it."""


_after: dict[FailurePoint, int] = {}


@contextmanager
def failing(point: FailurePoint, *, after: int = 0) -> Iterator[None]:
    """Let ``point`` fail in every session that begins in this block.

    Args:
        point: where.
        after: how many times it works before.
    """
    _after[point] = after
    try:
        yield
    finally:
        del _after[point]


def is_injected(*points: FailurePoint) -> bool:
    """Return whether a test has turned one of these points on."""
    return any(point in _after for point in points)


def guarded[Result](point: FailurePoint, action: Callable[..., Result]) -> Callable[..., Result]:
    """Return ``action`` itself, or in a test one that raises `InjectedError` when it is time."""
    if point not in _after:
        return action
    left = [_after[point]]

    def fail_or_act(*arguments: Any, **options: Any) -> Result:
        left[0] -= 1
        if left[0] < 0:
            raise InjectedError(point.value)
        return action(*arguments, **options)

    return fail_or_act


_EVENTS = {
    FailurePoint.START: "PY_START",
    FailurePoint.LINE: "LINE",
    FailurePoint.RETURN: "PY_RETURN",
}


def inject_into_recorder(recorder: Any, error_boundary: Callable[[BaseException], None]) -> None:
    """Let a recorder fail where a test asked for it; else leave it as it is."""
    if is_injected(FailurePoint.DRAIN):
        recorder.drain = guarded(FailurePoint.DRAIN, recorder.drain)
    if is_injected(FailurePoint.FINISH):
        recorder.close = guarded(FailurePoint.FINISH, recorder.close)
    if not is_injected(*_EVENTS):
        return
    build = recorder.callbacks

    def callbacks(depth: int = 1) -> Mapping[str, Callable[..., Any]]:
        deep = build(depth + 1)
        return {**build(depth), **_failing_callbacks(deep, recorder.is_traced, error_boundary)}

    recorder.callbacks = callbacks


def _failing_callbacks(
    callbacks: Mapping[str, Callable[..., Any]],
    is_traced: Callable[[CodeType], bool],
    error_boundary: Callable[[BaseException], None],
) -> Mapping[str, Callable[..., Any]]:
    def build(point: FailurePoint, callback: Callable[..., Any]) -> Callable[..., Any]:
        pass_or_fail = guarded(point, lambda: None)

        def call(code: CodeType, *arguments: Any) -> Any:
            # a start is known to be one of traced code only when the recorder has seen it
            result = callback(code, *arguments) if point is FailurePoint.START else None
            if not is_traced(code):
                return result if point is FailurePoint.START else callback(code, *arguments)
            try:
                pass_or_fail()
            except InjectedError as error:
                error_boundary(error)
                return None
            return result if point is FailurePoint.START else callback(code, *arguments)

        return call

    present = {p: event for p, event in _EVENTS.items() if p in _after and event in callbacks}
    return {event: build(point, callbacks[event]) for point, event in present.items()}


def inject_into_exporter(exporter: Exporter) -> Exporter:
    """Return an exporter that fails where a test asked for it; else the same."""
    return _FailingExporter(exporter) if is_injected(FailurePoint.EXPORT) else exporter


class _FailingExporter:
    """An exporter whose ``export`` fails."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self.export = guarded(FailurePoint.EXPORT, exporter.export)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exporter, name)

    def flush(self, timeout: float) -> bool:
        return self._exporter.flush(timeout)

    def shutdown(self, timeout: float) -> None:
        self._exporter.shutdown(timeout)
