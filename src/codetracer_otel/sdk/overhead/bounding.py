"""Builds what bounds the cost of a session's recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.sdk.overhead.budget import Budget
from codetracer_otel.sdk.overhead.calibration import cost_of_a_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.filters.types import FoldRules
    from codetracer_otel.model.protocols import Notify, SpanRecorder
    from codetracer_otel.model.record import Plan
    from codetracer_otel.sdk.delivery.pipeline import Pipeline
    from codetracer_otel.sdk.parts.spans import Recording

_FOLDED: Final = "codetracer.overhead.folded"
_OFF: Final = "codetracer.overhead.off"


class _Switches:
    """What a budget does about functions, in the pipeline and in the recorder."""

    def __init__(self, pipeline: Pipeline, recorder: SpanRecorder) -> None:
        self._recorder = recorder
        self.fold: Callable[[Plan, FoldRules | None], None] = pipeline.fold_plan
        self.switch_off: Callable[[Plan], bool] = recorder.switch_off
        self.switch_on: Callable[[Plan], None] = recorder.switch_on


class Overhead:
    """Bounds the cost of recording, and reports what it did.

    Args:
        share: of the process's CPU that recording may cost.
        new_recording: builds a recording like the session's, which is used to calibrate.
        resource: attributes, in which the functions stand that are limited.
        notify: told of each step.
    """

    def __init__(
        self,
        share: float,
        new_recording: Callable[[], Recording],
        resource: dict[str, Any],
        notify: Notify,
    ) -> None:
        self._share = share
        self._resource = resource
        self._notify = notify
        scratch = new_recording()
        self._call_ns = cost_of_a_call(scratch.monitor, scratch.recorder)
        self._budget: Budget | None = None
        self._begin: Callable[[], None] = lambda: None
        resource.update({_FOLDED: (), _OFF: ()})  # other threads read it: its size stays

    def install(self, pipeline: Pipeline, recorder: SpanRecorder) -> None:
        """Begin to look at what is recorded."""

        def untaken() -> int:
            told = recorder.stats()
            return int(told["queue_depth"]) + int(told["dropped_buffer_full"])

        def begin() -> None:
            budget = self._budget = Budget(
                self._share,
                self._call_ns,
                pipeline.cpu_ns,
                untaken,
                _Switches(pipeline, recorder),
                self._notify,
                self._tell,
            )
            pipeline.watch = budget.take

        self._begin = begin
        begin()

    def _tell(self) -> None:
        if self._budget is not None:
            folded, off = self._budget.limited(is_off=False), self._budget.limited(is_off=True)
            self._resource.update({_FOLDED: folded, _OFF: off})

    def begin_anew(self) -> None:
        """Know of nothing that is limited: all code has been planned anew.

        On any thread: the worker may be about to limit a function by what it knew before.
        """
        self._begin()
        self._tell()

    def after_fork(self) -> None:
        """Measure the forked child alone; what is limited stays so."""
        if self._budget is not None:
            self._budget.begin_in_child()

    def stats(self) -> dict[str, Any]:
        """Return what recording costs, and what was done about it."""
        return {} if self._budget is None else self._budget.stats()
