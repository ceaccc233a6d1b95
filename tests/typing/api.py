"""What type checkers must accept of the public interface; checked, not run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

import codetracer_otel as ct
from codetracer_otel.ports import Batch, Exporter, ExportResult


class Mine:
    """An exporter of somebody else's."""

    def export(self, batch: Batch) -> ExportResult:
        return ExportResult.SUCCESS if len(batch) else ExportResult.FAILURE

    def flush(self, timeout: float) -> bool:
        return timeout > 0

    def shutdown(self, timeout: float) -> None:
        del timeout


def sessions() -> None:
    exporter: Exporter = Mine()
    session = ct.configure(
        Path("filter.toml"),
        [exporter, ConsoleSpanExporter(), "otlp=http://127.0.0.1:4318"],
        capture=("args", "return", "locals"),
        policy={"on_recorder_error": "abort"},
        resource=Resource({"deployment.environment.name": "test"}),
        limits=ct.Limits(max_string=100),
        buffer=ct.Buffer(records=1_000, when_full="block"),
    )
    assert_type(session, ct.Session)
    assert_type(session.flush(timeout=1.0), bool)
    assert_type(session.shutdown(timeout=1.0), bool)
    assert_type(session.stats(), dict[str, Any])
    assert_type(session.is_recording, bool)
    assert_type(session.policy, ct.Policy)
    with ct.configure(ct.filter_from_text("", name="empty"), "none") as inner:
        assert_type(inner, ct.Session)


def mistakes() -> None:
    ct.configure(3)  # type: ignore[arg-type]
    ct.configure(exporter=3)  # type: ignore[arg-type]


def errors() -> None:
    try:
        ct.configure(exporter=[])
    except ct.FilterError as error:
        for problem in error.problems:
            assert_type(problem.line, int | None)
    except ct.CodetracerError as error:
        assert_type(error.context, Mapping[str, str])


def doubles() -> None:
    exporter = ct.testing.InMemoryExporter()
    with ct.configure(exporter=exporter):
        pass
    assert_type([span.name for span in exporter.spans], list[str])
    with ct.testing.capture_spans() as spans:
        pass
    assert_type([span.parent_span_id for span in spans], list[str | None])


@ct.instrument(topic="app", level="debug", skip=("password",))
def load(rows: int, password: str) -> list[str]:
    return [password] * rows


async def hand_written() -> None:
    assert_type(load(1, password="x"), list[str])
    with ct.span("load", topic="app", rows=3) as span:
        span.record(bytes=3)
