"""The collector fixture, proven with OpenTelemetry's own exporter."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from tests.collector.rotel import running_collector

pytestmark = pytest.mark.collector

AWKWARD = 'it\'s "q" -> x(y) é\nsecond line)\n     indented -> text'


@pytest.fixture
def collector(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running_collector(tmp_path / "collector.log") as collector:
        yield collector


@pytest.fixture
def provider(collector):
    provider = TracerProvider(resource=Resource({"service.name": "fixture"}))
    exporter = OTLPSpanExporter(endpoint=f"{collector.http_endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    yield provider
    provider.shutdown()


def test_every_span_that_was_sent_is_in_the_log_once_it_has_stopped(collector, provider):
    tracer = provider.get_tracer("t")
    for number in range(700):
        tracer.start_span(f"span {number}").end()
    provider.shutdown()

    assert [span.name for span in collector.spans()] == [f"span {n}" for n in range(700)]


def test_names_ids_parents_and_resources_are_read_back(collector, provider):
    tracer = provider.get_tracer("the scope", "1.2")
    with tracer.start_as_current_span("root") as root, tracer.start_as_current_span("child"):
        pass
    provider.shutdown()

    child, parent = collector.spans()
    assert (child.name, parent.name, parent.parent_id) == ("child", "root", None)
    assert parent.span_id == f"{root.get_span_context().span_id:016x}"
    assert child.trace_id == parent.trace_id == f"{root.get_span_context().trace_id:032x}"
    assert child.parent_id == parent.span_id
    assert parent.start_ns <= child.start_ns <= child.end_ns <= parent.end_ns
    assert (parent.scope, parent.resource) == ("the scope 1.2", {"service.name": "fixture"})


def test_attributes_keep_their_type_and_text_keeps_its_lines(collector, provider):
    attributes = {"text": AWKWARD, "empty": "", "n": -3, "f": 1.5, "b": True, "list": (1, 2)}
    provider.get_tracer("t").start_span("s", attributes=attributes).end()
    provider.shutdown()

    (span,) = collector.spans()
    assert span.attributes == {**attributes, "list": "Int(1), Int(2)"}


def test_events_links_and_status_belong_to_their_span(collector, provider):
    tracer = provider.get_tracer("t")
    first = tracer.start_span("first")
    first.end()
    second = tracer.start_span("second", links=[trace.Link(first.get_span_context(), {"why": "x"})])
    second.add_event("happened", {"key": "value"})
    second.set_status(trace.Status(trace.StatusCode.ERROR, "bad"))
    second.end()
    provider.shutdown()

    before, span = collector.spans()
    assert (before.events, before.links, before.status) == ([], [], "STATUS_CODE_UNSET")
    assert [(e.name, e.attributes) for e in span.events] == [("happened", {"key": "value"})]
    assert [(link.name, link.attributes) for link in span.links] == [(before.span_id, {"why": "x"})]
    assert (span.status, span.status_message) == ("STATUS_CODE_ERROR", "bad")


def test_stopping_twice_is_harmless(collector):
    collector.stop()
    collector.stop()

    assert collector.process.poll() is not None
    assert collector.spans() == []
