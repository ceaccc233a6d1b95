"""The loopback receiver, proven with OpenTelemetry's own exporter."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from tests.collector.receiver import Answer, running_receiver


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running_receiver() as receiver:
        yield receiver


def finished_span(name="s", **attributes):
    tracer = TracerProvider(resource=Resource({"service.name": "x"})).get_tracer("scope")
    span = tracer.start_span(name, attributes=attributes)
    span.end()
    return span


def send(receiver, *spans, **options):
    exporter = OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces", timeout=5, **options)
    try:
        return exporter.export(spans)
    finally:
        exporter.shutdown()


def test_a_span_arrives_as_it_was_sent(receiver):
    sent = finished_span("name", text="é", n=2**63 - 1, f=0.1, b=False, many=("a", "b"))

    assert send(receiver, sent) is SpanExportResult.SUCCESS

    (span,) = receiver.spans()
    assert span.name == "name"
    assert span.span_id == f"{sent.context.span_id:016x}"
    assert span.trace_id == f"{sent.context.trace_id:032x}"
    assert (span.parent_id, span.start_ns, span.end_ns) == (None, sent.start_time, sent.end_time)
    assert span.attributes == dict(sent.attributes)
    assert (span.resource, span.scope) == ({"service.name": "x"}, "scope")


def test_a_compressed_request_is_unpacked(receiver):
    send(receiver, finished_span(), compression=Compression.Gzip)

    (request,) = receiver.requests
    assert request.headers["content-encoding"] == "gzip"
    assert request.path == "/v1/traces"
    assert [span.name for span in receiver.spans()] == ["s"]


def test_it_answers_as_it_was_told_and_then_with_success(receiver):
    receiver.answers.append(Answer(status=400))

    refused = send(receiver, finished_span("refused"))
    accepted = send(receiver, finished_span("accepted"))

    assert (refused, accepted) == (SpanExportResult.FAILURE, SpanExportResult.SUCCESS)
    assert receiver.wait_for_requests(2)
