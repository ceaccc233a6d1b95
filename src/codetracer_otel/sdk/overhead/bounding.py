"""Builds what bounds the cost of a session's recording."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Threads
from codetracer_otel.sdk.overhead.budget import Budget
from codetracer_otel.sdk.overhead.calibration import cost_of_a_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codetracer_otel.filters.types import FoldRules
    from codetracer_otel.model.protocols import Notify, SpanRecorder
    from codetracer_otel.model.record import Plan
    from codetracer_otel.sdk.delivery.pipeline import Pipeline
    from codetracer_otel.sdk.parts.spans import Recording

_FOLDED: Final = "codetracer.overhead.folded"
_OFF: Final = "codetracer.overhead.off"


class _Switches:
    """What a budget does about functions, in the pipeline and in the recorder, until its end."""

    def __init__(self, pipeline: Pipeline, recorder: SpanRecorder) -> None:
        self._pipeline = pipeline
        self._recorder = recorder
        self._acting = Threads.RLock()
        self._is_over = False

    def fold(self, plan: Plan, rules: FoldRules | None) -> None:
        """Make one span of many calls; with None as the filters say."""
        with self._acting:
            if not self._is_over:
                self._pipeline.fold_plan(plan, rules)

    def switch_off(self, plan: Plan) -> bool:
        """Record it no more; return whether that is so now."""
        with self._acting:
            return not self._is_over and self._recorder.switch_off(plan)

    def switch_on(self, plan: Plan) -> None:
        """Record it again."""
        with self._acting:
            if not self._is_over:
                self._recorder.switch_on(plan)

    def end(self) -> None:
        """Do nothing more, once what another thread is at is done."""
        with self._acting:
            self._is_over = True

    def after_fork(self) -> None:
        """Wait for no thread of the parent process."""
        self._acting = Threads.RLock()


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
        self._switches: _Switches | None = None
        self._begin: Callable[[], None] = lambda: None
        resource.update({_FOLDED: (), _OFF: ()})  # from the start: threads iterate

    def install(self, pipeline: Pipeline, recorder: SpanRecorder) -> None:
        """Begin to look at what is recorded."""

        def untaken() -> int:
            told = recorder.stats()
            return int(told["queue_depth"]) + int(told["dropped_buffer_full"])

        def begin() -> None:
            self._switches = _Switches(pipeline, recorder)
            budget = self._budget = Budget(
                self._share,
                self._call_ns,
                pipeline.cpu_ns,
                untaken,
                self._switches,
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

    @contextmanager
    def begins_anew(self) -> Iterator[None]:
        """Limit nothing while all code is planned anew, which ends what is limited.

        On any thread: the worker may be about to limit a function by what it knew before.
        """
        if self._switches is not None:
            self._switches.end()
        try:
            yield
        finally:
            self._begin()
            self._tell()

    def after_fork(self) -> None:
        """Measure the forked child alone; what is limited stays so."""
        if self._switches is not None:
            self._switches.after_fork()
        if self._budget is not None:
            self._budget.begin_in_child()

    def stats(self) -> dict[str, Any]:
        """Return what recording costs, and what was done about it."""
        return {} if self._budget is None else self._budget.stats()
