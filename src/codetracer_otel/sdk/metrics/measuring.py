"""The measures of a session: from the events of measured functions to metrics that leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    attach,
    detach,
    set_value,
)

from codetracer_otel.bindings import Event, Time
from codetracer_otel.instrumentation.measures.measured_calls import MeasureRecorder
from codetracer_otel.model.record import PLAN, START
from codetracer_otel.own_code import is_ours
from codetracer_otel.sdk.delivery.worker import Worker
from codetracer_otel.sdk.metrics.function_metrics import (
    FunctionMetrics,
    HostMeter,
    build_metric_exporter,
    host_meter_provider,
)
from codetracer_otel.sdk.parts.session_part import SessionPart
from codetracer_otel.sdk.settings.exporter_specs import ExporterSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

    from codetracer_otel.filters import Classifier
    from codetracer_otel.filters.code.module_names import ModuleNames
    from codetracer_otel.instrumentation.monitoring.tool import Monitor
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.sdk.parts.spans import Recording
    from codetracer_otel.sdk.settings.model import Settings

_STOP: Final = object()
_INTERVAL_S: Final = 10.0
_COLLECT_S: Final = 1.0
_FINISH_S: Final = 5.0
_PARK_S: Final = 1.0
_OTLP: Final = ("otlp", "otlp-grpc")


class Measuring(SessionPart):
    """Measures functions, collects once a second and delivers every ten.

    Args:
        settings: the session's.
        new_monitor: makes the switchboard; that of spans is there already.
        classifier: its compiled filters.
        names: of modules, as for the span recorder.
        resource: attributes of the process.
        error_boundary: applies the policy to a defect in a callback.
        notify: told where metrics do not leave.
        mute_this_thread: records nothing on the calling thread.

    Raises:
        EnvironmentFailure: no tool id is free.
    """

    has_own_delivery = True

    def __init__(
        self,
        settings: Settings,
        new_monitor: Callable[[], Monitor],
        classifier: Classifier,
        names: ModuleNames,
        resource: Mapping[str, Any],
        error_boundary: Callable[[BaseException], None],
        notify: Notify,
        mute_this_thread: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._resource = resource
        self._notify = notify
        self._mute = mute_this_thread
        self._monitor = new_monitor()
        self._metrics = FunctionMetrics()
        self._recorder = MeasureRecorder(
            self._monitor, classifier, names.identify, error_boundary, is_ours, self._wake
        )
        self._host: HostMeter | None = None
        self._exporter: Any = None
        self._has_chosen = self._is_parked = False
        self._due = Time.monotonic() + _INTERVAL_S
        self._worker = self._new_worker()

    def exemplify(self, recording: Recording | None) -> None:
        """Take exemplars from the spans that ``recording`` makes."""
        if recording is None:
            return
        recorder = recording.recorder

        def find_span(name: str, began: int) -> tuple[int, int] | None:
            record = recorder.current()
            if record is None or record[START] < began or record[PLAN].function_name != name:
                return None
            span = recorder.current_call.build_span(record).get_span_context()
            return (span.trace_id, span.span_id) if span.trace_flags.sampled else None

        self._recorder.find_span = find_span

    def install(self, installed: ExitStack) -> None:
        """Begin to measure; ``installed`` gets the undo."""
        self._worker.start()
        installed.callback(self._finish)
        installed.callback(self._monitor.install(self._recorder.callbacks()))

    def replan(self) -> None:
        """Measure what the filter of now says."""
        self._recorder.replan()

    def pause(self) -> None:
        """Stop measuring; calls that are open are not measured."""
        self._monitor.pause()
        self._recorder.forget_open()

    def resume(self) -> None:
        """Measure again after `pause`."""
        self._monitor.resume()

    def fail(self) -> None:
        """Stop measuring: a callback has failed."""
        self.pause()

    def stop_events(self) -> None:
        """Let no event fire any more."""
        self._monitor.pause()

    def flush(self, timeout: float) -> bool:
        """Return whether everything measured before the call was delivered in ``timeout`` s."""
        done = Event()
        self._unpark()
        self._worker.put(done)
        return done.wait(timeout)

    def before_fork(self) -> None:
        """Let no thread of ours be there while the process forks."""
        self._worker.rest(Time.monotonic() + _PARK_S)

    def after_fork_in_parent(self) -> None:
        """Go on after a fork."""
        self._worker.release()
        self._is_parked = True
        self._unpark()

    def after_fork_in_child(self) -> None:
        """Count anew in a forked child."""
        self._recorder.clear()
        self._metrics = FunctionMetrics()
        self._has_chosen = self._is_parked = False
        self._host = self._exporter = None
        self._worker = self._new_worker()
        self._worker.start()

    def stats(self) -> dict[str, Any]:
        """Return calls, errors and seconds of each measured function."""
        return {"measures": self._metrics.stats()}

    def _new_worker(self) -> Worker:
        return Worker(self._handle, lambda: _COLLECT_S, self._mute)

    def _wake(self) -> None:
        self._worker.put(None)

    def _unpark(self) -> None:
        if self._is_parked:
            self._is_parked = False
            self._worker.unpark()

    def _finish(self) -> None:
        self._unpark()
        self._worker.put(_STOP)
        self._worker.join(Time.monotonic() + _FINISH_S)
        if self._exporter is not None:
            self._exporter.shutdown()

    def _handle(self, command: Any) -> bool:
        try:
            self._collect()
            if command is not None or Time.monotonic() >= self._due:
                self._due = Time.monotonic() + _INTERVAL_S
                self._export()
        except Exception as error:  # noqa: BLE001 - an exporter may raise anything
            self._notify("metrics_failed", "warn", reason=type(error).__qualname__)
        finally:
            if isinstance(command, Event):
                command.set()
        return command is not _STOP

    def _collect(self) -> None:
        if not self._has_chosen:
            self._choose()
        measures = self._recorder.waiting()
        if self._host is not None:
            self._host.record(measures, self._metrics)
        else:
            self._metrics.collect(measures)

    def _choose(self) -> None:
        """Choose where metrics go, when the program has had a second to set its provider."""
        self._has_chosen = True
        provider = host_meter_provider()
        if provider is not None:
            self._host = HostMeter(provider)
            return
        specs = [item for item in self._settings.exporters if isinstance(item, ExporterSpec)]
        for spec in specs:
            if spec.name in _OTLP:
                try:
                    self._exporter = build_metric_exporter(spec.name, spec.target)
                except ImportError:
                    protocol = "grpc" if spec.name == "otlp-grpc" else "http"
                    package = f"opentelemetry-exporter-otlp-proto-{protocol}"
                    self._notify("metrics_unavailable", "warn", package=package)
                return

    def _export(self) -> None:
        if self._exporter is None or not self._metrics.histograms:
            return
        # What instruments HTTP clients must not make spans of our requests.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            self._exporter.export(self._metrics.data(self._resource))
        finally:
            detach(token)
