"""Reads traces of every kind: finds the files, gives their spans as columns and their runs."""

from __future__ import annotations

from codetracer_otel.traces.reader import Traces, open_traces

__all__ = ["Traces", "open_traces"]
