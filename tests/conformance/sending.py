"""Lets a program of a test send its spans to a receiver, and looks at them as a strict one does."""

from __future__ import annotations

from tests.conformance.validator import assert_valid
from tests.conftest import only
from tests.exporters.collector import running_collector

import codetracer_otel


def sent_by(file, program, *rules, **options):
    """Return what a program of ``file`` returns, and its spans by the last part of their name."""
    with running_collector() as collector:
        with codetracer_otel.configure(only(file, *rules), f"otlp={collector.url}", **options):
            result = program()
        spans = assert_valid(collector.requests)
    return result, {span.name.rpartition(".")[2]: span for span in spans}
