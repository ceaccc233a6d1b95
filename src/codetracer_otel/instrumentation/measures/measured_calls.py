"""Times every call of the functions that filters measure, from events of its own tool id."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Time
from codetracer_otel.filters.types import CodeIdentity, is_nobodys
from codetracer_otel.instrumentation.monitoring.api import DISABLE
from codetracer_otel.instrumentation.plan_builder import module_hint, shown_function_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from codetracer_otel.filters.decisions.classifier import Classifier
    from codetracer_otel.instrumentation.monitoring.tool import Monitor

MOST_WAITING: Final = 50_000  # calls of one function; then the worker is woken
_TRIES: Final = 64  # of finding a span for an exemplar, between two collections

Exemplar = tuple[int, int, int]
"""Duration in ns, trace id, span id."""


class FunctionMeasure:
    """What was measured of one function and not collected yet.

    Attributes:
        code: its code object, kept alive so that its identity stays.
        identity: what filters judge it by.
        name: as in ``code.function.name``.
        durations: of calls that returned, in ns.
        errors: (type of the exception, duration in ns) of the others.
        exemplar: the longest call with a span.
        tries: how often no span was found.
    """

    __slots__ = ("code", "durations", "errors", "exemplar", "identity", "name", "tries")

    def __init__(self, code: CodeType, identity: CodeIdentity) -> None:
        self.code = code
        self.identity = identity
        self.name = shown_function_name(identity)
        self.durations: array[int] = array("q")
        self.errors: list[tuple[str, int]] = []
        self.exemplar: Exemplar | None = None
        self.tries = 0

    def take(self) -> tuple[array[int], list[tuple[str, int]], Exemplar | None]:
        """Take what is there; calls that end meanwhile stay for the next time."""
        durations, errors, exemplar = self.durations[:], self.errors[:], self.exemplar
        del self.durations[: len(durations)]
        del self.errors[: len(errors)]
        self.exemplar, self.tries = None, 0
        return durations, errors, exemplar


class MeasureRecorder:
    """Follows the calls of measured functions, on all threads.

    Args:
        monitor: owns the tool id. It is higher than that of spans and so told first: the span of
            a call is still current when the call ends.
        classifier: says which functions are measured.
        identify: as for the span recorder.
        error_boundary: applies the policy to a defect in a callback.
        is_ours: answers whether a file is one of this package.
        wake: called when much waits.
    """

    def __init__(
        self,
        monitor: Monitor,
        classifier: Classifier,
        identify: Callable[[CodeType, str | None], CodeIdentity],
        error_boundary: Callable[[BaseException], None],
        is_ours: Callable[[str], bool],
        wake: Callable[[], None],
    ) -> None:
        self.measures: dict[int, FunctionMeasure] = {}
        self.find_span: Callable[[str, int], tuple[int, int] | None] = lambda _name, _began: None
        self._monitor = monitor
        self._classifier = classifier
        self._identify = identify
        self._error_boundary = error_boundary
        self._is_ours = is_ours
        self._wake = wake
        self._open: dict[int, int] = {}
        self._former: list[FunctionMeasure] = []

    def callbacks(self) -> Mapping[str, Callable[..., Any]]:  # noqa: C901 - each call costs 60 ns
        """Return event name -> callable."""
        measures, open_calls = self.measures, self._open
        get, frame_at, clock = measures.get, sys._getframe, Time.monotonic_ns  # noqa: SLF001
        judge, ended, boundary = self._judge, self._ended, self._error_boundary

        def on_start(code: CodeType, _offset: int) -> object:
            try:
                frame = frame_at(1)
                if get(id(code)) is None and not judge(code, frame):
                    return DISABLE
                open_calls[id(frame)] = clock()
            except BaseException as error:  # noqa: BLE001 - the policy decides
                boundary(error)
            return None

        def on_return(code: CodeType, _offset: int, _result: object) -> None:
            try:
                measure = get(id(code))
                began = open_calls.pop(id(frame_at(1)), None)
                if measure is not None and began is not None:
                    ended(measure, began, clock() - began, None)
            except BaseException as error:  # noqa: BLE001 - the policy decides
                boundary(error)

        def on_unwind(code: CodeType, _offset: int, raised: BaseException) -> None:
            measure = get(id(code))
            if measure is None:
                return
            try:
                began = open_calls.pop(id(frame_at(1)), None)
                if began is not None:
                    ended(measure, began, clock() - began, raised)
            except BaseException as error:  # noqa: BLE001 - the policy decides
                boundary(error)

        return {"PY_START": on_start, "PY_RETURN": on_return, "PY_UNWIND": on_unwind}

    def waiting(self) -> list[FunctionMeasure]:
        """Return every measure that may have something to take, former ones for the last time."""
        former, self._former = self._former, []
        return [*self.measures.values(), *former]

    def replan(self) -> None:
        """Measure what the filter of now says; what was measured until now is still there."""
        for key, measure in list(self.measures.items()):
            if not self._classifier.classify(measure.identity).measures:
                del self.measures[key]
                self._monitor.unwatch(measure.code)
                self._former.append(measure)
        self._monitor.ask_again()

    def forget_open(self) -> None:
        """Forget the calls that have not ended: they are not measured."""
        self._open.clear()

    def clear(self) -> None:
        """Forget what waits, in a forked child: its parent delivers it."""
        for measure in self.waiting():
            measure.take()

    def _judge(self, code: CodeType, frame: FrameType) -> bool:
        """Return whether a code object that is seen for the first time is measured."""
        if self._is_ours(code.co_filename) or is_nobodys(code):
            self._monitor.skipped(code)
            return False
        identity = self._identify(code, module_hint(frame))
        if not self._classifier.classify(identity).measures:
            self._monitor.skipped(code)
            return False
        self._monitor.watch(code)
        self.measures[id(code)] = FunctionMeasure(code, identity)
        return True

    def _ended(
        self, measure: FunctionMeasure, began: int, duration: int, raised: BaseException | None
    ) -> None:
        kind = None if raised is None else type(raised)
        if kind is None or kind is GeneratorExit or kind.__name__ == "CancelledError":
            measure.durations.append(duration)
        else:
            measure.errors.append((kind.__qualname__, duration))
        kept = measure.exemplar
        if (kept is None or duration > kept[0]) and measure.tries < _TRIES:
            ids = self.find_span(measure.name, began)
            if ids is None:
                measure.tries += 1
            else:
                measure.exemplar = (duration, *ids)
        if len(measure.durations) + len(measure.errors) >= MOST_WAITING:
            self._wake()
