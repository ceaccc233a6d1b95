"""The topics of one session: printed from its start to its end, beside everything it delivers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

from codetracer_otel.instrumentation.manual.backend import SLOT
from codetracer_otel.instrumentation.topics import Level
from codetracer_otel.sdk.settings.error_policy import OnRecorderError
from codetracer_otel.sdk.topics.own_lines import (
    SharedOutput,
    TopicClassifier,
    TopicExporter,
    is_ours_by_scope,
    notify_topics,
)
from codetracer_otel.sdk.topics.printer import PrintedSpans
from codetracer_otel.sdk.topics.span_backend import (
    bare_span_starter,
    build_lines,
    build_tracing,
    span_starter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry import trace
    from typing_extensions import TypeIs

    from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
    from codetracer_otel.filters import Classifier, ModuleNames
    from codetracer_otel.instrumentation.manual.call_adoption import CallAdoption
    from codetracer_otel.model.protocols import Clock, Ids, Notify
    from codetracer_otel.model.span_view import SpanView
    from codetracer_otel.sdk.delivery.export_queue import ExportQueue
    from codetracer_otel.sdk.settings.model import Settings


def _is_json_lines(exporter: object) -> TypeIs[JsonLinesExporter]:
    """Return whether it is ours; none is as long as the module is not loaded, which takes 1 ms."""
    loaded = sys.modules.get("codetracer_otel.exporters.files.jsonl")
    return loaded is not None and isinstance(exporter, loaded.JsonLinesExporter)


class SessionTopics:
    """Prints the topics of one session and gives hand-written spans a place to go.

    Args:
        settings: of the session.
        notify: the session's log.
        clock: time.

    Attributes:
        notify: reports to the log and, where its topic is on, as a line.
    """

    def __init__(self, settings: Settings, notify: Notify, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._printed = PrintedSpans()
        self._lines = build_lines(settings.topics, clock, self._tell_loss, self._printed)
        self._log = notify
        self._has_told_failure = False
        self.notify = notify_topics(notify, self._lines)

    @property
    def are_printed(self) -> bool:
        """Whether any topic is printed."""
        return not self._lines.is_off

    def watch_decisions(self, classifier: Classifier) -> Classifier:
        """Return the classifier, with its decisions reported."""
        return cast("Classifier", TopicClassifier(classifier, self._lines))

    def watch_deliveries(self, export_queues: Sequence[ExportQueue]) -> None:
        """Tell of deliveries, and let JSON lines on the same output leave out what is printed."""
        for export_queue in export_queues:
            exporter = export_queue.exporter
            is_shared = self._settings.topics.output is None
            if is_shared and _is_json_lines(exporter) and exporter.writes_to_stderr:
                exporter = SharedOutput(exporter, self._is_printed)
            export_queue.exporter = TopicExporter(export_queue.name, exporter, self._lines)

    def install(
        self,
        provider: trace.TracerProvider | None,
        ids: Ids,
        judging: tuple[Classifier, ModuleNames],
        call_adoption: CallAdoption | None,
        root_begins: Callable[[], None] = lambda: None,
    ) -> Callable[[], None]:
        """Let hand-written spans go to a provider and to the topics; return the undo.

        Args:
            provider: records them; None where nothing is recorded.
            ids: for spans that no provider records.
            judging: the classifier and the module names.
            call_adoption: on what the recorder captures, where there is one.
            root_begins: called as each trace begins in this process.
        """
        self._lines.emit_bad_directives()
        self._emit_start()
        if provider is None and self._lines.is_off:
            return SLOT.fill(None)
        start_span = bare_span_starter(ids) if provider is None else span_starter(provider)
        backend = build_tracing(
            self._settings,
            self._lines,
            *judging,
            self._clock,
            start_span,
            self._on_failure,
            call_adoption,
            root_begins,
        )
        return SLOT.fill(backend)

    def end(self, stats: dict[str, Any]) -> None:
        """Tell what the session came to, and release the output."""
        sampled = stats.get("recorder", {}).get("sampling")
        redacted = {name: stats.get(name) for name in ("value_redactions", "content_timeouts")}
        delivered = {name: stats.get(name) for name in ("recorded", "exported", "dropped")}
        lines = self._lines
        lines.emit("sampler", "sampled", {"rules": sampled}, Level.INFO, kind="stats")
        lines.emit("redact", "redacted_in_session", redacted, Level.INFO, kind="stats")
        lines.emit("export", "delivered", delivered, Level.INFO, kind="stats")
        lines.emit("session", "session_ended", {}, Level.INFO, kind="stats")
        lines.close()

    def stats(self) -> dict[str, int]:
        """Return how many lines were written, and how many were lost."""
        return self._lines.stats()

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        SLOT.forget_threads()
        self._lines.after_fork()

    def _tell_loss(self, message: str) -> None:
        self._log("topics_failing", "error", message=message)

    def _emit_start(self) -> None:
        settings = self._settings
        facts = {
            "topics": settings.topics.spec,
            "exporters": [
                str(getattr(spec, "name", type(spec).__name__)) for spec in settings.exporters
            ],
            "functions": settings.functions,
            "capture": sorted(settings.capture),
        }
        self._lines.emit("session", "session_started", {})
        self._lines.emit("config", "configured", facts, kind="config")

    def _is_printed(self, view: SpanView) -> bool:
        if not is_ours_by_scope(view) or self._lines.is_off:
            return False
        return self._is_fallback or int(view.span_id, 16) in self._printed

    @property
    def _is_fallback(self) -> bool:
        """Whether JSON lines are a fallback: then topics alone decide which spans are printed."""
        return any(getattr(spec, "is_fallback", False) for spec in self._settings.exporters)

    def _on_failure(self, error: Exception) -> None:
        if not self._has_told_failure:
            self._has_told_failure = True
            self.notify("hand_written_span_failed", "error", error=type(error).__qualname__)
        if self._settings.policy.on_recorder_error is OnRecorderError.ABORT:
            raise error
