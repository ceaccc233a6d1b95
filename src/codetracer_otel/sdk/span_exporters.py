"""Exporters of ours for anybody's spans: entry points of OpenTelemetry's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from codetracer_otel.exporters.jsonl import JsonLinesExporter
from codetracer_otel.exporters.otel import views_of
from codetracer_otel.filters import compile_chain
from codetracer_otel.ports import ExportResult
from codetracer_otel.sdk.bootstrap.filters import load_filters
from codetracer_otel.sdk.content_redaction import ContentRedaction
from codetracer_otel.sdk.settings import from_process_environment
from codetracer_otel.sdk.settings_reader import resolve
from codetracer_otel.spans import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from opentelemetry.sdk.trace import ReadableSpan


def _silent(event: str, /, level: str = "info", **facts: object) -> None:
    """Report nothing: there is no session whose log could."""


class JsonLinesSpanExporter(SpanExporter):
    """Writes spans as JSON lines, redacted by the filters that a session would use.

    Args:
        path: a file to append to; standard error when None.

    Raises:
        FilterError: a filter that the environment or the project names is invalid. Nothing is
            written then: a rule that silently does not apply is a leak.
        EnvironmentFailure: the file cannot be opened for writing.
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        chain = load_filters(resolve({}, from_process_environment()))
        self._redaction = ContentRedaction(compile_chain(chain, _silent))
        self._lines = JsonLinesExporter() if path is None else JsonLinesExporter.to_file(path)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Redact the spans and write a line for each."""
        views = self._redaction.redact((), views_of(spans))
        result = self._lines.export(Batch((), views, {}))
        if result is ExportResult.SUCCESS:
            return SpanExportResult.SUCCESS
        return SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return whether everything that was written is out."""
        return self._lines.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Close the file, if there is one."""
        self._lines.shutdown(0.0)
