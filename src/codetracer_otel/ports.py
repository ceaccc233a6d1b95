"""The Protocols at the seams: who may be replaced, and what each side owes the other."""

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
