"""The order in which a session is built, installed and undone."""

from __future__ import annotations

import contextlib
import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from codetracer_otel.errors import CodetracerError, ErrorCode, TargetError
from codetracer_otel.exporters.otel import views_of
from codetracer_otel.filters import compile_chain
from codetracer_otel.instrumentation.context import install_runtime
from codetracer_otel.instrumentation.identifiers import RandomIds
from codetracer_otel.instrumentation.manual_claims import Claims
from codetracer_otel.instrumentation.monitoring.callbacks import build_boundary
from codetracer_otel.sdk.bootstrap.delivery import build_lanes
from codetracer_otel.sdk.bootstrap.filters import build_module_names
from codetracer_otel.sdk.bootstrap.io import IoRecording, io_mode
from codetracer_otel.sdk.bootstrap.metadata import (
    build_resource,
    process_identity,
    resource_attributes,
)
from codetracer_otel.sdk.bootstrap.native import StepRecording, wants_steps
from codetracer_otel.sdk.bootstrap.recording import Recording, SystemClock, is_ours
from codetracer_otel.sdk.content_redaction import ContentRedaction
from codetracer_otel.sdk.diagnostics.failure_injection import (
    inject_into_exporter,
    inject_into_recorder,
)
from codetracer_otel.sdk.diagnostics.metrics import DropReport, Metrics, SilentSink
from codetracer_otel.sdk.diagnostics.session_topics import SessionTopics
from codetracer_otel.sdk.failures import Failures
from codetracer_otel.sdk.pipeline import Pipeline
from codetracer_otel.sdk.policy.model import CaptureIo
from codetracer_otel.sdk.provider import build_ids, build_provider, host_provider, make_global
from codetracer_otel.sdk.root_sampling import build_root_sampler
from codetracer_otel.sdk.session import Session
from codetracer_otel.sdk.settings import LaunchKind, ValueFormat
from codetracer_otel.sdk.signals import deliver_on_sigterm
from codetracer_otel.sdk.text_values import as_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import TracerProvider

    from codetracer_otel.filters import Classifier, ModuleNames
    from codetracer_otel.filters.chain import FilterChain
    from codetracer_otel.ports import MetricsSink
    from codetracer_otel.sdk.diagnostics.logger import SessionLog
    from codetracer_otel.sdk.settings import Settings
    from codetracer_otel.sdk.text_values import RedactBatch


def start(
    settings: Settings,
    chain: FilterChain,
    log: SessionLog,
    sink: Callable[[], MetricsSink] = SilentSink,
) -> Session:
    """Build, install and return a session; whatever fails on the way is undone.

    Args:
        settings: valid and complete.
        chain: the loaded filters, see `bootstrap.filters`.
        log: told of what happens, never a value of the program; closed with the session.
        sink: returns where the user wants failures counted.

    Raises:
        CodetracerError: something of the environment is not available.
    """
    with ExitStack() as undo:
        log.open()
        undo.callback(log.close)
        session = _Assembly(settings, chain, log, sink).build(undo)
        undo.pop_all()
        return session


class _Assembly:
    """Builds the parts of one session and knows the order of their installation."""

    def __init__(
        self,
        settings: Settings,
        chain: FilterChain,
        log: SessionLog,
        sink: Callable[[], MetricsSink],
    ) -> None:
        self._topics = SessionTopics(settings, log.notify, SystemClock())
        notify = self._topics.notify
        self._settings = settings
        self._log = log
        self._notify = notify
        self._metrics = Metrics(sink, notify)
        self._drops = DropReport(self._metrics, notify, time.monotonic_ns)
        self._failures = Failures(settings.policy, notify, self._metrics)
        self._boundary = build_boundary(self._failures.in_callback, is_ours)
        self._has_lost_batch = False
        self._chain = chain
        classifier: Classifier = compile_chain(chain, notify)
        self._classifier = self._topics.watch_decisions(classifier)
        self._names: ModuleNames = build_module_names(
            chain,
            SystemClock(),
            notify,
            globals_first=settings.policy.module_name_from_globals,
        )
        filters = [(source.name, source.sha256) for source in chain.summary]
        self._resource = build_resource(settings, filters)
        self._attributes = resource_attributes(self._resource)
        self._redaction = ContentRedaction(classifier)
        self._sessions: list[Session] = []
        self._ids = RandomIds()
        self._steps: StepRecording | None = None

    def build(self, undo: ExitStack) -> Session:
        """Build everything, then install it; nothing of the program is touched before."""
        pipeline = self._build_pipeline()
        recording = self._build_recording(pipeline, undo)
        self._steps = self._build_steps(recording, undo)
        installed = ExitStack()
        session = Session(self._settings, pipeline, recording, installed, self._facts())
        self._sessions.append(session)
        self._attach_failures(session)
        undo.callback(_abandon, session)
        pipeline.start()
        self._install(pipeline, recording, installed)
        return session

    def _build_pipeline(self) -> Pipeline:
        buffer = self._settings.buffer
        lanes = build_lanes(self._settings, self._notify, self._mute_this_thread)
        for lane in lanes:
            lane.exporter = inject_into_exporter(lane.exporter)
        self._topics.watch_deliveries(lanes)
        return Pipeline(
            lanes,
            views_of,
            self._build_redact(),
            self._attributes,
            interval_s=buffer.interval_ms / 1000,
            batch_records=buffer.batch_records,
            max_spans=buffer.records,
            on_thread_start=self._mute_this_thread,
            on_error=self._on_pipeline_error,
            on_failure=self._failures.in_worker,
            on_drained=self._on_drained,
        )

    def _build_redact(self) -> RedactBatch:
        redact = self._redaction.redact
        return redact if self._settings.value_format is ValueFormat.NATIVE else as_texts(redact)

    def _build_recording(self, pipeline: Pipeline, undo: ExitStack) -> Recording | None:
        if not self._settings.functions or self._settings.disabled:
            return None
        recording = Recording(
            self._settings,
            self._classifier,
            self._names.names_for,
            pipeline.wake,
            self._boundary,
            self._check_process,
            build_ids(self._settings.tracer_provider),
            build_root_sampler(self._settings, self._notify),
        )
        inject_into_recorder(recording.recorder, self._boundary)
        undo.callback(recording.monitor.uninstall)
        pipeline.recorder = recording.recorder
        return recording

    def _install_io(self, recording: Recording, installed: ExitStack) -> None:
        io = IoRecording(
            self._settings,
            self._chain,
            recording,
            self._steps,
            self._boundary,
            self._notify,
            self._mute_this_thread,
        )
        for session in self._sessions:
            session.io = io
        io.install(installed)

    def _build_steps(self, recording: Recording | None, undo: ExitStack) -> StepRecording | None:
        if recording is None or not wants_steps(self._settings, self._classifier):
            return None
        steps = StepRecording(
            self._settings,
            self._classifier,
            self._names.names_for,
            recording,
            self._boundary,
            self._notify,
            self._mute_this_thread,
            self._failures.in_worker,
        )
        undo.callback(steps.monitor.uninstall)
        return steps

    def _install(
        self, pipeline: Pipeline, recording: Recording | None, installed: ExitStack
    ) -> None:
        ids = recording.ids if recording is not None else RandomIds()
        self._ids = ids
        provider = None
        if not self._settings.disabled:
            provider = self._install_provider(pipeline, ids, installed)
        judging = (self._classifier, self._names)
        claims = _claims_of(recording)
        installed.callback(
            self._topics.install(provider, ids, judging, claims, self._check_process)
        )
        if recording is not None:
            installed.callback(install_runtime(recording.runtime))
            installed.callback(recording.install())
        if self._steps is not None:
            self._steps.install(installed)
        if recording is not None and io_mode(self._settings, self._chain) is not CaptureIo.OFF:
            self._install_io(recording, installed)
        if self._settings.signals or self._settings.launch.owns_process:
            installed.callback(deliver_on_sigterm(lambda: _abandon(self._sessions[0], 5.0)))

    def _install_provider(
        self, pipeline: Pipeline, ids: RandomIds, installed: ExitStack
    ) -> TracerProvider:
        host: TracerProvider | None = host_provider(self._settings.tracer_provider)
        if host is not None:
            if self._settings.set_global:
                self._notify("host_provider_kept", "info", used_for="ids and parents only")
            return host
        provider = build_provider(self._resource, ids, pipeline.add_span, self._settings.limits)
        if self._settings.set_global:
            installed.callback(make_global(provider))
        return provider

    def _check_process(self) -> None:
        for session in self._sessions:
            session.check_process()

    def _mute_this_thread(self) -> None:
        for session in self._sessions:
            session.mute_this_thread()

    def _on_pipeline_error(self, error: Exception) -> None:
        self._metrics.internal_error("pipeline_failed")
        if not self._has_lost_batch:
            self._has_lost_batch = True
            self._notify("pipeline_failed", "error", error=type(error).__qualname__)

    def _on_drained(self) -> None:
        for session in self._sessions:
            self._drops.observe(session.dropped())

    def _attach_failures(self, session: Session) -> None:
        failures = self._failures
        failures.attach(
            session.stop_recording, lambda: session.raise_soon(failures.take), session.trace_id
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "stats": self._stats,
            "after_fork": self._after_fork,
            "conclude": self._conclude,
            "failed": self._failures.at_end,
            "steps": self._steps,
        }

    def _conclude(self) -> CodetracerError | None:
        """Say what a session came to, close the log, and return what `shutdown` raises."""
        error = self._failures.take()
        for session in self._sessions:
            stats = session.stats()
            self._drops.observe(stats["dropped"], is_last=True)
            is_original = os.getpid() == session.started_in
            if error is None and is_original and not stats["recorded"]:
                error = self._about_nothing(session)
            self._topics.end(stats)
        self._log.close()
        return error

    def _about_nothing(self, session: Session) -> CodetracerError | None:
        if self._settings.policy.require_trace:
            return TargetError(session.why_nothing(), ErrorCode.TRACE_MISSING)
        if self._expects_spans():
            # every interpreter of an environment may begin a session without a function of its own
            level = "warn" if self._settings.launch.kind is LaunchKind.API else "info"
            self._notify("nothing_recorded", level, message=session.why_nothing())
        return None

    def _expects_spans(self) -> bool:
        settings = self._settings
        is_summed_up = settings.launch.is_program
        is_on = settings.functions and not settings.disabled
        is_told = is_summed_up or self._failures.has_failed
        return is_on and bool(settings.exporters) and not is_told

    def _stats(self) -> dict[str, Any]:
        return {
            "filters": {**self._classifier.stats(), **self._names.stats()},
            **self._redaction.stats(),
            "metrics": self._metrics.stats(),
            **({} if self._steps is None else {"native": self._steps.stats()}),
        }

    def _after_fork(self) -> None:
        self._ids.reseed()
        self._topics.after_fork()
        self._drops.restart()
        self._attributes.update(process_identity())


def _abandon(session: Session, timeout: float = 1.0) -> None:
    """End a session where another reason to stop is under way."""
    with contextlib.suppress(CodetracerError):
        session.shutdown(timeout)


def _claims_of(recording: Recording | None) -> Claims | None:
    """Let the recorder give what it captures of instrumented functions to their own spans."""
    if recording is None:
        return None
    claims = Claims(recording.recorder.sites)
    recording.recorder.claims = claims
    return claims
