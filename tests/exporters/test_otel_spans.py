from __future__ import annotations

import threading
from importlib.metadata import version

import pytest
from opentelemetry import context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link as OtelLink
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import StatusCode as OtelStatusCode
from tests.exporters.made import TRACE_ID, batch, plan, record, segment, view

from codetracer_otel.exporters.attributes import SCHEMA_URL
from codetracer_otel.exporters.otel_spans import OpenTelemetryExporter, ReadableSpans, views_of
from codetracer_otel.model.protocols import Exporter, ExportResult
from codetracer_otel.model.record import Event, Link, StatusCode


class Scripted(SpanExporter):
    """Answers from a script and keeps what it was given."""

    def __init__(self, answer=SpanExportResult.SUCCESS):
        self.answer = answer
        self.given = []
        self.suppressed = None

    def export(self, spans):
        self.given.append(list(spans))
        self.suppressed = context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def delivered(*records, spans=()):
    exporter = Scripted()
    OpenTelemetryExporter(exporter).export(batch(*records, spans=spans))
    return exporter.given[0]


def test_the_adapter_offers_what_the_pipeline_needs():
    assert isinstance(OpenTelemetryExporter(Scripted()), Exporter)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (SpanExportResult.SUCCESS, ExportResult.SUCCESS),
        (SpanExportResult.FAILURE, ExportResult.FAILURE),
        (None, ExportResult.FAILURE),
    ],
)
def test_the_exporters_answer_is_passed_on(answer, result):
    assert OpenTelemetryExporter(Scripted(answer)).export(batch(record())) is result


def test_an_exception_of_the_exporter_is_raised_and_instrumentation_works_again():
    with pytest.raises(ConnectionError):
        OpenTelemetryExporter(Scripted(ConnectionError())).export(batch(record()))
    assert context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY) is None


def test_instrumentation_is_suppressed_while_the_exporter_works():
    exporter = Scripted()
    OpenTelemetryExporter(exporter).export(batch(record()))
    assert exporter.suppressed is True
    assert context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY) is None


def test_a_function_span_arrives_as_a_readable_span():
    made = record((4,), of=plan("n"), span_id=0x0100, parent_id=0x0200, result="ok")
    [span] = delivered(made)
    assert span.name == "shop.tax"
    assert span.context.trace_id == TRACE_ID
    assert span.context.span_id == 0x0001000000000000
    assert span.parent.span_id == 0x0002000000000000
    assert not span.parent.is_remote
    assert span.attributes["codetracer.arg.n"] == 4
    assert span.attributes["codetracer.return"] == "ok"
    assert span.end_time - span.start_time == 3_500_000
    assert span.kind is SpanKind.INTERNAL
    assert span.resource.attributes["service.name"] == "shop"
    assert span.instrumentation_scope.name == "codetracer_otel"
    assert span.instrumentation_scope.version == version("codetracer-otel")
    assert span.instrumentation_scope.schema_url == SCHEMA_URL
    assert span.status.status_code is OtelStatusCode.UNSET


def test_the_parent_in_another_process_is_remote():
    made = record(parent_id=9, on=segment(remote_parent_id=9, trace_state="a=1"))
    [span] = delivered(made)
    assert span.parent.is_remote
    assert span.context.trace_state.to_header() == "a=1"


def test_a_span_by_hand_keeps_events_links_status_and_dropped_counts():
    made = view(
        events=[Event("e", 5, {"k": 1})],
        links=[Link(1, 2, "b=2", 1, {"l": True})],
        status=StatusCode.ERROR,
        status_message="bad",
        kind="SERVER",
        dropped_attributes=1,
        dropped_events=2,
        dropped_links=3,
        scope="lib",
        scope_version="2",
        scope_attributes={"s": 1},
    )
    [span] = delivered(spans=(made,))
    assert [(e.name, e.timestamp, dict(e.attributes)) for e in span.events] == [("e", 5, {"k": 1})]
    assert span.links[0].context.span_id == 2
    assert span.links[0].context.trace_state.to_header() == "b=2"
    assert (span.status.status_code, span.status.description) == (OtelStatusCode.ERROR, "bad")
    assert span.kind is SpanKind.SERVER
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (1, 2, 3)
    assert span.instrumentation_scope.name == "lib"
    assert dict(span.instrumentation_scope.attributes) == {"s": 1}


def test_values_an_encoder_refuses_do_not_lose_the_batch():
    made = view(
        "n\udc80",
        attributes={"k\udc80": "v\udcff", "big": 2**70, "deep": ({"x": "\ud800"},)},
        start_ns=-5,
        end_ns=2**70,
        status=StatusCode.ERROR,
        status_message="\udc80",
        events=[Event("e\udc80", -1, {"m": "\udc80"})],
    )
    request = encode_spans(delivered(record(), spans=(made,)))
    spans = [s for scope in request.resource_spans[0].scope_spans for s in scope.spans]
    assert [span.name for span in spans] == ["shop.tax", "n\\udc80"]
    found = {a.key: a.value for a in spans[1].attributes}
    assert found["k\\udc80"].string_value == "v\\udcff"
    assert found["big"].string_value == str(2**70)
    assert spans[1].start_time_unix_nano == 0


def test_a_description_without_an_error_is_left_out_silently(caplog):
    [span] = delivered(spans=(view(status=StatusCode.OK, status_message="fine"),))
    assert span.status.description is None
    assert caplog.records == []


def test_resource_and_scope_are_built_once(monkeypatch):
    built = ReadableSpans()
    first, second = built.of(batch(record(), record()))
    [third] = built.of(batch(record()))
    assert first.resource is second.resource is third.resource
    assert first.instrumentation_scope is third.instrumentation_scope
    assert hash(first.resource) == hash(Resource(dict(first.resource.attributes)))
    assert first.resource == Resource(dict(first.resource.attributes))
    [other] = built.of(batch(record(), pid=2))
    assert other.resource.attributes == {"pid": 2}


def test_many_scopes_are_not_kept_for_ever():
    built = ReadableSpans()
    for n in range(1000):
        built.of(batch(spans=(view(scope=f"lib{n}"),)))
    assert len(built._scopes) <= 256


def test_flushing_asks_the_exporter_with_milliseconds():
    asked = []

    class Flushing(Scripted):
        def force_flush(self, timeout_millis=30_000):
            asked.append(timeout_millis)
            return False

    assert not OpenTelemetryExporter(Flushing()).flush(1.5)
    assert asked == [1500]
    assert OpenTelemetryExporter(Scripted()).flush(1.0)


def test_a_shutdown_that_hangs_is_left_behind():
    release, ended = threading.Event(), threading.Event()

    class Hanging(Scripted):
        def shutdown(self):
            release.wait(60)
            ended.set()

    OpenTelemetryExporter(Hanging()).shutdown(0.01)
    assert not ended.is_set()
    release.set()
    assert ended.wait(60)


def test_a_shutdown_that_raises_raises_here():
    class Raising(Scripted):
        def shutdown(self):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        OpenTelemetryExporter(Raising()).shutdown(5.0)


def test_shutdown_works_where_no_thread_can_be_started(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    called = []

    class Closing(Scripted):
        def shutdown(self):
            called.append(True)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    OpenTelemetryExporter(Closing()).shutdown(5.0)
    assert called == [True]


@pytest.fixture
def library():
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "x"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider.get_tracer("lib", "1.2", "https://schema", {"s": "t"}), memory


def test_library_spans_become_views_and_back_without_loss(library):
    tracer, memory = library
    state = TraceState([("v", "1")])
    remote = SpanContext(TRACE_ID, 0xBB, True, TraceFlags(1), state)
    link = OtelLink(SpanContext(5, 6, False), {"why": "x"})
    parent = context.Context()
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    with tracer.start_as_current_span(
        "serve",
        set_span_in_context(NonRecordingSpan(remote), parent),
        kind=SpanKind.SERVER,
        attributes={"list": [1, 2], "text": "t"},
        links=[link],
    ) as span:
        span.add_event("e", {"k": 1.5}, timestamp=7)
        span.set_status(OtelStatusCode.ERROR, "bad")
    [view_] = views_of(memory.get_finished_spans())
    assert view_.parent_span_id == f"{0xBB:016x}"
    assert view_.parent_is_remote
    assert view_.kind == "SERVER"
    assert view_.trace_state == "v=1"
    assert view_.attributes == {"list": (1, 2), "text": "t"}
    assert view_.events == [Event("e", 7, {"k": 1.5})]
    assert view_.links == [Link(5, 6, "", 0, {"why": "x"})]
    assert (view_.status, view_.status_message) == (StatusCode.ERROR, "bad")
    assert (view_.scope, view_.scope_version) == ("lib", "1.2")
    again = delivered(spans=(view_,))
    mine = encode_spans(again).resource_spans[0].scope_spans
    theirs = encode_spans(memory.get_finished_spans()).resource_spans[0].scope_spans
    assert list(mine) == list(theirs)


def test_a_span_whose_name_is_no_text_is_named_by_its_type(library):
    tracer, memory = library
    tracer.start_span(17).end()
    [view_] = views_of(memory.get_finished_spans())
    assert view_.name == "<int>"


class Liar:
    """Says that it is a text."""

    asked = []

    @property
    def __class__(self):
        self.asked.append("__class__")
        return str


@pytest.mark.parametrize(
    "time", [1.5e18, "now", float("nan"), True, pytest.param(Liar(), id="liar")]
)
def test_a_time_that_is_none_costs_no_batch(library, time):
    tracer, memory = library
    span = tracer.start_span("odd", start_time=time)
    span.add_event("event", timestamp=time)
    span.end(2 * 10**18)
    (made,) = views_of(memory.get_finished_spans())
    expected = int(time) if time in (1.5e18, True) else 0
    assert (made.start_ns, made.events[0].time_ns) == (expected, expected)
    assert len(delivered(spans=[made])) == 1


def test_an_object_that_lies_about_its_class_is_a_name_and_value_like_others(library):
    tracer, memory = library
    span = tracer.start_span(Liar())
    span.set_attribute("key", Liar())
    span.end()
    spans = memory.get_finished_spans()
    Liar.asked.clear()
    (made,) = views_of(spans)
    assert made.name == f"<{__name__}.Liar>"
    assert made.attributes == {"key": f"<{__name__}.Liar>"}
    assert Liar.asked == []
