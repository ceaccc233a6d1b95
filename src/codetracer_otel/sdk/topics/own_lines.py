"""The topics about this package's own work: what it decided, delivered and withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.bindings import Time
from codetracer_otel.data_classes import replace
from codetracer_otel.instrumentation.topics import LEVELS, Level
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.diagnostics.events import topic_of
from codetracer_otel.sdk.otel.resource import SCOPE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.filters.types import CodeIdentity
    from codetracer_otel.model.protocols import Exporter, Notify
    from codetracer_otel.model.span_view import Batch, SpanView
    from codetracer_otel.sdk.topics.printer import TopicLines


def notify_topics(notify: Notify, lines: TopicLines) -> Notify:
    """Return a callable that reports to ``notify`` and prints a line where the topic is on."""

    def report(event: str, /, level: str = "info", **facts: object) -> None:
        notify(event, level, **facts)
        rank = Level.WARN if level == "warning" else LEVELS.get(level, Level.INFO)
        lines.emit(topic_of(event), event, facts, rank)

    return report


class TopicClassifier:
    """A classifier whose decisions are printed under ``filter``, each with the rule behind it."""

    def __init__(self, classifier: Classifier, lines: TopicLines) -> None:
        self._classifier = classifier
        self._lines = lines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._classifier, name)

    def classify(self, identity: CodeIdentity) -> Decision:
        """Return the decision, and print it."""
        decision = self._classifier.classify(identity)
        if self._lines.prints("filter", Level.DEBUG):
            self._lines.emit("filter", "classified", _facts(identity, decision), Level.DEBUG)
        return decision


def _facts(identity: CodeIdentity, decision: Decision) -> dict[str, object]:
    source = decision.source
    return {
        "module": identity.module_names[0] if identity.module_names else None,
        "qualname": identity.qualname,
        "file": identity.file,
        "decision": "trace" if decision.traces else "skip",
        "rule": f"{source.file}:{source.line}",
        "selector": source.selector,
        "reason": source.reason,
    }


class _Around:
    """An exporter in front of another one."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exporter, name)

    def flush(self, timeout: float) -> bool:
        """Flush the exporter."""
        return self._exporter.flush(timeout)

    def shutdown(self, timeout: float) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown(timeout)


class TopicExporter(_Around):
    """An exporter whose deliveries are printed: sizes, durations, outcomes."""

    def __init__(self, name: str, exporter: Exporter, lines: TopicLines) -> None:
        super().__init__(exporter)
        self._name = name
        self._lines = lines

    def export(self, batch: Batch) -> ExportResult:
        """Deliver a batch; what the exporter raises is raised on."""
        began = Time.monotonic_ns()
        result = ExportResult.FAILURE
        try:
            result = self._exporter.export(batch)
        finally:
            failed = result is ExportResult.FAILURE
            facts = {
                "exporter": self._name,
                "spans": len(batch),
                "took_ms": (Time.monotonic_ns() - began) / 1_000_000,
                "result": result.value,
            }
            level = Level.WARN if failed else Level.DEBUG
            self._lines.emit("export", "batch_exported", facts, level)
        return result


class SharedOutput(_Around):
    """JSON lines on the output of the topics: what a topic has said is not said again."""

    def __init__(self, exporter: JsonLinesExporter, is_printed: Callable[[SpanView], bool]) -> None:
        super().__init__(exporter)
        self._is_printed = is_printed

    def export(self, batch: Batch) -> ExportResult:
        """Deliver the spans that have no topic line."""
        rest = [view for view in batch.spans if not self._is_printed(view)]
        return self._exporter.export(replace(batch, spans=rest))


def is_ours_by_scope(view: SpanView) -> bool:
    """Return whether a span was written with this package's own functions."""
    return view.scope == SCOPE_NAME
