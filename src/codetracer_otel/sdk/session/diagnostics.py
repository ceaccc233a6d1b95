"""Everything that reports on one session: its log, topics, metrics, and the policy for failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.bindings import Time
from codetracer_otel.instrumentation.monitoring.activation import build_boundary
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.own_code import is_ours
from codetracer_otel.sdk.diagnostics.failure_handler import Failures
from codetracer_otel.sdk.diagnostics.metrics import DropReport, Metrics
from codetracer_otel.sdk.topics.session_lines import SessionTopics

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.model.protocols import MetricsSink
    from codetracer_otel.sdk.diagnostics.logger import SessionLog
    from codetracer_otel.sdk.session.session import Session
    from codetracer_otel.sdk.settings.model import Settings


class Reporting:
    """What the parts of a session report to.

    Args:
        settings: of the session.
        log: of the session, open.
        sink: returns where the user wants failures counted.

    Attributes:
        notify: reports to the log and, where its topic is on, as a line.
        error_boundary: applies the policy to a defect in a callback.
    """

    def __init__(
        self, settings: Settings, log: SessionLog, sink: Callable[[], MetricsSink]
    ) -> None:
        self.log = log
        self.topics = SessionTopics(settings, log.notify, SystemClock())
        self.notify = self.topics.notify
        self.metrics = Metrics(sink, self.notify)
        self.drops = DropReport(self.metrics, self.notify, Time.monotonic_ns)
        self.failures = Failures(settings.policy, self.notify, self.metrics)
        self.error_boundary = build_boundary(self.failures.in_callback, is_ours)
        self._has_lost_batch = False

    def attach(self, session: Session) -> None:
        """Learn whose recording a failure ends, and which program sees it."""
        failures = self.failures
        failures.attach(
            session.stop_recording, lambda: session.raise_soon(failures.take), session.trace_id
        )

    def pipeline_failed(self, error: BaseException) -> None:
        """Tell once that batches are lost to a defect of ours."""
        self.metrics.internal_error("pipeline_failed")
        if not self._has_lost_batch:
            self._has_lost_batch = True
            self.notify("pipeline_failed", "error", error=type(error).__qualname__)

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self.log.after_fork()
        self.topics.after_fork()
        self.drops.restart()
