"""The protocols of what can be replaced, and what each side guarantees to the other."""

from __future__ import annotations

from codetracer_otel.model.protocols import (
    Clock,
    Exporter,
    ExportResult,
    Ids,
    MetricsSink,
    Notify,
    Recorder,
)
from codetracer_otel.model.span_view import Batch, SpanView

__all__ = [
    "Batch",
    "Clock",
    "ExportResult",
    "Exporter",
    "Ids",
    "MetricsSink",
    "Notify",
    "Recorder",
    "SpanView",
]
