from __future__ import annotations

import io
import json
import os
import sys

from tests.exporters.made import batch, plan, record, view

from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
from codetracer_otel.model.protocols import Exporter, ExportResult
from codetracer_otel.model.record import Event, Link, StatusCode


def exported(capsys, *records, spans=(), **options):
    result = JsonLinesExporter(**options).export(batch(*records, spans=spans))
    return result, [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_the_exporter_offers_what_the_pipeline_needs():
    assert isinstance(JsonLinesExporter(), Exporter)


def test_a_function_span_is_one_line_with_the_documented_fields(capsys):
    made = record((3, "eu"), of=plan("net", "zone", "card", redacted=("card",)), result=None)
    result, lines = exported(capsys, made)
    assert result is ExportResult.SUCCESS
    assert lines == [
        {
            "timestamp": "2023-11-14T22:13:20.000001Z",
            "name": "shop.tax",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": "0100000000000000",
            "parent_span_id": None,
            "duration_ms": 3.5,
            "status": {"code": "UNSET", "message": None},
            "attributes": {
                "code.function.name": "shop.tax",
                "code.file.path": "/app/shop.py",
                "code.line.number": 12,
                "codetracer.arg.net": 3,
                "codetracer.arg.zone": "eu",
                "codetracer.arg.card": "<redacted>",
                "codetracer.return": None,
            },
            "events": [],
            "links": [],
            "schema": "span/1",
        }
    ]


def test_events_links_and_status_are_written(capsys):
    made = view(
        status=StatusCode.ERROR,
        status_message="ValueError",
        events=[Event("retry", 5_000, {"n": float("nan")})],
        links=[Link(1, 2, attributes={"why": b"\x00"})],
    )
    _, [line] = exported(capsys, spans=(made,))
    assert line["status"] == {"code": "ERROR", "message": "ValueError"}
    assert line["events"] == [
        {
            "name": "retry",
            "timestamp": "1970-01-01T00:00:00.000005Z",
            "attributes": {"n": "nan"},
        }
    ]
    assert line["links"] == [
        {"trace_id": f"{1:032x}", "span_id": f"{2:016x}", "attributes": {"why": "b'\\x00'"}}
    ]


def test_a_span_that_a_topic_printed_is_left_out(capsys):
    spans = (view("printed"), view("other"))
    _, lines = exported(capsys, spans=spans, is_printed=lambda made: made.name == "printed")
    assert [line["name"] for line in lines] == ["other"]


def test_a_missing_stderr_is_a_failure_without_an_exception(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    exporter = JsonLinesExporter()
    assert exporter.export(batch(record())) is ExportResult.FAILURE
    assert exporter.stats() == {"lines": 0, "failures": 1, "spans_failed": 1}


def test_after_a_failure_the_next_batch_can_succeed(monkeypatch):
    exporter = JsonLinesExporter()
    monkeypatch.setattr(sys, "stderr", None)
    exporter.export(batch(record()))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert exporter.export(batch(record())) is ExportResult.SUCCESS


def test_a_file_receives_the_lines_and_a_forked_child_its_own(tmp_path):
    path, child = tmp_path / "spans.jsonl", tmp_path / "spans.77.jsonl"
    exporter = JsonLinesExporter.to_file(path)
    exporter.export(batch(record()))
    exporter.reopen_after_fork(str(child))
    exporter.export(batch(record(), record()))
    exporter.shutdown(1.0)
    assert len(path.read_text().splitlines()) == 1
    assert len(child.read_text().splitlines()) == 2


def test_flushing_reaches_the_stream(monkeypatch):
    class Stream(io.StringIO):
        flushed = 0

        def flush(self):
            self.flushed += 1

    stream = Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    assert JsonLinesExporter().flush(1.0)
    assert stream.flushed == 1


def test_a_file_that_takes_no_more_is_told_once_and_its_lost_spans_are_counted():
    told = []
    exporter = JsonLinesExporter.to_file(
        "/dev/full", notify=lambda event, level, **facts: told.append((event, level, facts))
    )
    for _ in range(2):
        assert exporter.export(batch(record(), record())) is ExportResult.FAILURE
    facts = {"reason": "No space left on device", "exporter": "jsonl"}
    assert told == [("exporter_failing", "warn", facts)]
    assert exporter.stats() == {"lines": 0, "failures": 4, "spans_failed": 4}


FACTS = {"program": "/app/shop.py", "core": "c"}
LOSSES = {"recorded": 9, "dropped": {"buffer_full": 7}, "exporters": {}}


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_begins_with_its_run_and_ends_with_its_losses(tmp_path):
    path = tmp_path / "spans.jsonl"
    exporter = JsonLinesExporter.to_file(path, run=lambda: FACTS)
    exporter.export(batch(record()))
    exporter.export(batch(record()))
    exporter.shutdown(1)
    exporter.note_losses(LOSSES)
    run, *spans, loss = lines_of(path)
    assert [span["schema"] for span in spans] == ["span/1", "span/1"]
    assert {**run, **FACTS, "schema": "run/1"} == run
    assert {**loss, **LOSSES, "schema": "loss/1"} == loss
    assert run["process_id"] == loss["process_id"] == os.getpid()
    assert run["timestamp"] <= loss["timestamp"]


def test_a_run_without_a_span_has_both_lines(tmp_path):
    path = tmp_path / "spans.jsonl"
    exporter = JsonLinesExporter.to_file(path, run=lambda: FACTS)
    exporter.shutdown(1)
    exporter.note_losses(LOSSES)
    assert [line["schema"] for line in lines_of(path)] == ["run/1", "loss/1"]


def test_a_file_that_goes_on_in_a_child_begins_with_the_childs_run(tmp_path):
    exporter = JsonLinesExporter.to_file(tmp_path / "spans.jsonl", run=lambda: FACTS)
    exporter.export(batch(record()))
    exporter.reopen_after_fork(str(tmp_path / "child.jsonl"))
    exporter.export(batch(record()))
    assert [line["schema"] for line in lines_of(tmp_path / "child.jsonl")] == ["run/1", "span/1"]


def test_what_comes_after_the_end_is_lost_and_counted(tmp_path):
    path = tmp_path / "spans.jsonl"
    exporter = JsonLinesExporter.to_file(path, run=lambda: FACTS)
    exporter.shutdown(1)
    assert exporter.export(batch(record())) is ExportResult.FAILURE
    exporter.note_losses(LOSSES)
    assert [line["schema"] for line in lines_of(path)] == ["run/1", "loss/1"]
    assert exporter.stats()["spans_failed"] == 1
