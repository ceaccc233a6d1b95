"""The step recorder of a session, from its settings to the end of its native traces."""

from __future__ import annotations

import sys
from collections import Counter
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.descriptors import path_in_child
from codetracer_otel.filters.decisions.class_rules import reads_fields
from codetracer_otel.instrumentation.plan_builder import PlanBuilder
from codetracer_otel.instrumentation.steps.line_events import LineEvents
from codetracer_otel.instrumentation.steps.recorder import StepRecorder
from codetracer_otel.instrumentation.values.frame_variables import load_readers
from codetracer_otel.own_code import is_ours
from codetracer_otel.sdk.parts.captures import build_capture_builder
from codetracer_otel.sdk.parts.native_traces import open_traces
from codetracer_otel.sdk.parts.output_paths import native_targets
from codetracer_otel.sdk.parts.session_part import CallRecording, SkipCounter
from codetracer_otel.sdk.parts.spans import (
    build_activation,
    build_span_events,
    learn_of,
)
from codetracer_otel.sdk.parts.step_delivery import StepDelivery
from codetracer_otel.sdk.parts.which import wants_line_events
from codetracer_otel.sdk.settings.model import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

    from codetracer_otel.exporters.native.write.writer import NativeTrace
    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.filters.code.module_names import ModuleNames
    from codetracer_otel.filters.types import CodeIdentity
    from codetracer_otel.instrumentation.monitoring.tool import Monitor
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.sdk.parts.spans import Recording

_FINISH_TIMEOUT_S: Final = 10.0


class StepRecording(CallRecording):
    """A step recorder with its switchboard, its worker and its traces, not yet installed.

    Args:
        settings: the session's.
        classifier: its compiled filters.
        names: of modules, as for the span recorder.
        recording: the span recorder beside it, whose spans get line events, or None.
        error_boundary: applies the policy to a defect in a callback.
        notify: told of traces that end early.
        mute_this_thread: records nothing on the calling thread.
        on_failure: applies the policy to a defect in the delivery.

    Raises:
        EnvironmentFailure: a directory cannot be created, or no tool id is free.
    """

    has_own_delivery = True

    def __init__(
        self,
        settings: Settings,
        new_monitor: Callable[[], Monitor],
        classifier: Classifier,
        names: ModuleNames,
        recording: Recording | None,
        error_boundary: Callable[[BaseException], None],
        notify: Notify,
        mute_this_thread: Callable[[], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        load_readers()
        self._on_failure = on_failure
        self._mute = mute_this_thread
        self.skipped = SkipCounter()
        self.has_failed = False
        self._settings = settings
        self._classifier = classifier
        self._notify = notify
        self._targets = native_targets(settings)
        self.traces = self._open_traces(self._targets)
        self.monitor = new_monitor()
        wanted = reads_fields(classifier, names.names_for, sys.modules)
        self.recorder: StepRecorder = StepRecorder(
            monitor=self.monitor,
            plans=PlanBuilder(
                StepClassifier(classifier),  # type: ignore[arg-type]
                names.identify,
                step_capture(settings),
                self.skipped.count,
            ),
            build_capture=build_capture_builder(settings, learn_of(classifier), wanted),
            error_boundary=error_boundary,
            is_ours=is_ours,
            exception_text=settings.capture_repr,
            line_events=_line_events(settings, classifier, recording),
        )
        self.activation = build_activation(settings, self.monitor, self.recorder, error_boundary)
        self._delivery = self._new_delivery()

    def install(self, installed: ExitStack) -> None:
        """Begin to record; ``installed`` gets the undo, which ends the traces."""
        self._delivery.start()
        installed.callback(self.finish)
        source = self.activation or self.recorder
        installed.callback(self.monitor.install(source.callbacks()))

    def finish(self) -> None:
        """Deliver the rest and end the traces; no event fires any more."""
        try:
            self.recorder.close()
        except Exception:
            self.has_failed = True
            raise
        finally:
            self._end_traces()

    def _end_traces(self) -> None:
        for trace in self.traces:
            trace.metadata.exit_status = self.exit_status
        if self._delivery.stop(_FINISH_TIMEOUT_S):
            for trace in self.traces:
                trace.finish()  # where the thread that should have done it has failed
        else:
            self._notify("native_trace_not_ended", "error", reason="its file does not answer")
        for trace in self.traces:
            if trace.stats.failures or self.has_failed:
                self._keep_or_discard(trace)

    def note_losses(self, losses: Mapping[str, Any]) -> None:
        """Say in the traces what was lost."""
        for trace in self.traces:
            trace.note_losses(losses)

    def flush(self, timeout: float) -> bool:
        """Return whether everything recorded before the call was written in ``timeout`` s."""
        return self._delivery.flush(timeout)

    def resume(self) -> None:
        """Record again after `pause`."""
        if not self.has_failed:
            self.monitor.resume()

    def fail(self) -> None:
        """Stop recording: a callback has failed."""
        self.has_failed = True
        self.pause()

    def before_fork(self) -> None:
        """Let no thread of ours be there while the process forks."""
        self._delivery.park()

    def after_fork_in_parent(self) -> None:
        """Go on after a fork."""
        self._delivery.unpark_soon()

    def after_fork_in_child(self) -> None:
        """Go on in a forked child, in a trace of its own."""
        for trace in self.traces:
            trace.abandon()
        self.traces = []
        try:
            self.traces = self._open_traces([path_in_child(path) for path in self._targets])
        except Exception as error:  # noqa: BLE001 - the program must not see it
            self._notify("native_trace_failed", "error", reason=type(error).__qualname__)
            self.monitor.pause()
        self.recorder.restart_in_child()
        self._delivery = self._new_delivery()
        self._delivery.start()

    def stats(self) -> dict[str, Any]:
        """Return the counters of the native traces."""
        native = {
            **self.recorder.stats(),
            "calls": max((trace.stats.calls for trace in self.traces), default=0),
            "lost_calls": self.recorder.lost_calls
            + max((trace.stats.lost_calls for trace in self.traces), default=0),
            "bytes": sum(trace.stats.bytes for trace in self.traces),
            "failed": sum(bool(trace.stats.failures) for trace in self.traces),
        }
        return {"native": native}

    def redactions(self) -> Counter[str]:
        """Return how many values were redacted, by kind."""
        return self.traces[0].redactions() if self.traces else Counter()

    def _new_delivery(self) -> StepDelivery:
        interval_s = self._settings.buffer.interval_ms / 1000
        return StepDelivery(
            self.recorder, self.traces, interval_s, self._mute, self._on_delivery_error
        )

    def _on_delivery_error(self, error: BaseException) -> None:
        self.has_failed = True
        self.monitor.pause()
        self._on_failure(error)

    def _keep_or_discard(self, trace: NativeTrace) -> None:
        kept = self._settings.policy.keep_partial_trace
        if not kept:
            trace.directory.discard()
        self._notify("native_trace_incomplete", "info", path=trace.directory.path, kept=kept)

    def _open_traces(self, targets: list[str]) -> list[NativeTrace]:
        return open_traces(
            targets, self._settings, self._classifier, self.skipped.by_rule.total, self._notify
        )


def _line_events(
    settings: Settings, classifier: Classifier, recording: Recording | None
) -> LineEvents | None:
    if recording is None or not wants_line_events(classifier):
        return None
    return LineEvents(build_span_events(settings, recording))


_STEP_CAPTURE: Final = frozenset({"locals", "globals"})


def step_capture(settings: Settings) -> frozenset[str]:
    """Return what the steps of code without a ``capture`` of its own show.

    A session that says nothing shows locals and globals, too; one that says less means it. What is
    read where an exception leaves a call says nothing of lines.
    """
    stated = settings.capture - {"error_locals"}
    return stated | _STEP_CAPTURE if stated == Settings().capture else with_lines(stated)


def with_lines(capture: frozenset[str]) -> frozenset[str]:
    """Return a capture set in which ``lines`` means the variables that lines show."""
    return capture | _STEP_CAPTURE if "lines" in capture else capture


class StepClassifier:
    """A classifier in whose decisions ``lines`` means the variables that lines show."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.known = classifier.known

    def classify(self, identity: CodeIdentity) -> Decision:
        """Return the decision about a code object."""
        decision = self._classifier.classify(identity)
        capture = decision.capture
        if capture is None or "lines" not in capture:
            return decision
        decision = copy(decision)
        decision.capture = with_lines(capture)
        return decision
