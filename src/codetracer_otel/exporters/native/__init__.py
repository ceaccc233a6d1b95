"""Native CodeTracer traces: written as a stream, read back, validated, repaired."""

from __future__ import annotations

from codetracer_otel.exporters.native.read.events import TraceError, TruncatedError
from codetracer_otel.exporters.native.read.reader import iter_trace
from codetracer_otel.exporters.native.read.repair import Repair, repair

__all__ = ["Repair", "TraceError", "TruncatedError", "iter_trace", "repair"]
