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

__all__ = [
    "Clock",
    "ExportResult",
    "Exporter",
    "Ids",
    "MetricsSink",
    "Notify",
    "Recorder",
]
