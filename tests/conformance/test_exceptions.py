"""Exceptions go where ``OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN`` says: to spans, to logs, to both."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.collector.receiver import running_receiver
from tests.conformance.validator import assert_valid
from tests.conftest import only
from tests.exporters.otlp.test_json_encoder import parsed

import codetracer_otel

PASSWORD = "hunter2hunter2"
VARIABLE = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"


class Refused(Exception):
    pass


def refuse(reason):
    raise Refused(f"{reason}: password={PASSWORD}")


def note():
    trace.get_current_span().record_exception(ValueError("handled"))


def program():
    note()
    with pytest.raises(Refused):
        refuse("no")
    with pytest.raises(Refused), codetracer_otel.span("ours"):
        raise Refused("by hand")
    with pytest.raises(Refused), trace.get_tracer("lib").start_as_current_span("theirs"):
        raise Refused("of a library")


def delivered(paths=("/v1/traces", "/v1/logs"), **options):
    """Return the spans and the log records of the program."""
    with running_receiver() as receiver:
        target = f"otlp={receiver.endpoint}"
        with codetracer_otel.configure(only(__file__), target, **options):
            program()
    sent = {path: [it for it in receiver.requests if it.path == path] for path in paths}
    assert sum(map(len, sent.values())) == len(receiver.requests)
    assert PASSWORD.encode() not in b"".join(request.body for request in receiver.requests)

    def read(request, message):
        is_json = request.headers["content-type"] == "application/json"
        return parsed(request.body, message) if is_json else message.FromString(request.body)

    traces, logs = (sent[path] for path in paths)
    spans = assert_valid([read(request, ExportTraceServiceRequest) for request in traces])
    records = [
        record
        for request in logs
        for resource in read(request, ExportLogsServiceRequest).resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    return {span.name.rpartition(".")[2]: span for span in spans}, records


def exceptions_of(spans):
    return {name: [event.name for event in span.events] for name, span in spans.items()}


AS_EVENTS = {
    "program": [],
    "note": ["exception"],
    "refuse": ["exception"],
    "ours": ["exception"],
    "theirs": ["exception"],
}
WITHOUT_OURS = {**AS_EVENTS, "note": [], "refuse": [], "ours": []}


@pytest.mark.parametrize(
    ("asked", "events", "is_logged"),
    [
        ("", AS_EVENTS, False),
        ("http", AS_EVENTS, False),
        ("logs", WITHOUT_OURS, True),
        ("LOGS", WITHOUT_OURS, True),
        ("logs/dup", AS_EVENTS, True),
        ("http,logs/dup", AS_EVENTS, True),
    ],
)
@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_exceptions_of_ours_are_where_they_are_asked_for(
    monkeypatch, asked, events, is_logged, protocol
):
    monkeypatch.setenv(VARIABLE, asked)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    spans, records = delivered()
    assert exceptions_of(spans) == events
    by_span = {span.span_id: (name, span) for name, span in spans.items()}
    told = {}
    for record in records:
        name, span = by_span[record.span_id]
        assert (record.trace_id, record.flags) == (span.trace_id, span.flags & 0xFF)
        assert (record.event_name, record.severity_number) == ("exception", 17)
        told[name] = {item.key: item.value.string_value for item in record.attributes}
    if not is_logged:
        assert told == {}
        return
    assert set(told) == {"note", "refuse", "ours"}
    assert told["refuse"]["exception.type"].endswith(".Refused")
    assert told["refuse"]["exception.message"] == "no: password=<redacted>"
    assert "in refuse" in told["refuse"]["exception.stacktrace"]
    assert spans["refuse"].status.code == 2


def test_logs_go_where_their_own_variables_say(monkeypatch):
    monkeypatch.setenv(VARIABLE, "logs")
    with running_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", f"{receiver.endpoint}/other/logs")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-of=logs")
        with codetracer_otel.configure(only(__file__), "otlp"):
            program()
    assert {(it.path, it.headers.get("x-of")) for it in receiver.requests} == {
        ("/v1/traces", None),
        ("/other/logs", "logs"),
    }


def test_other_exporters_keep_exceptions_on_their_spans(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "logs")
    path = tmp_path / "spans.jsonl"
    with codetracer_otel.configure(only(__file__), f"jsonl={path}"):
        program()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sum(len(line.get("events", ())) for line in lines) == 4
