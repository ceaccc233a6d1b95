"""Spans of others are redacted in front of the exporters that a distribution has set up."""

from __future__ import annotations

import json
import threading

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from tests.conftest import HEADER, only, rule

from codetracer_otel.exporters.otel_spans import views_of
from codetracer_otel.filters import builtin_sources, compile_chain, filter_from_text, load_chain
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets
from codetracer_otel.sdk.entry_points.instrumentor import CodetracerInstrumentor
from codetracer_otel.sdk.otel.host_exporters import redact_exporters, stop_redacting
from codetracer_otel.sdk.session.configure import begin_session, shutdown
from codetracer_otel.sdk.settings.launch import StartKind, StartMode

SECRET = "hunter2hunter2"


def take(password):
    return len(password)


REMOTE = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))


@pytest.fixture(autouse=True)
def stopped():
    """Nothing of one test is guarded in the next."""
    yield
    stop_redacting()


@pytest.fixture
def classifier():
    return compile_chain(load_chain([*builtin_sources(), filter_from_text(HEADER)]))


class Host:
    """A provider with one processor, its exporter, and the log."""

    def __init__(self, classifier, processor=SimpleSpanProcessor, known=None):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, resource=Resource({"host": "h"}))
        self.told = []
        if processor is not None:
            self.provider.add_span_processor(processor(self.exporter))
        redact_exporters(self.provider, classifier, self.tell, known)

    def tell(self, event, /, level="info", **facts):
        self.told.append((event, level, facts))

    def spans(self):
        self.provider.force_flush()
        return self.exporter.get_finished_spans()

    def leak(self):
        tracer = self.provider.get_tracer("scope", "1")
        links = [Link(REMOTE, {"password": SECRET})]
        span = tracer.start_span(f"GET /?api_key={SECRET}", kind=SpanKind.SERVER, links=links)
        span.set_attributes({"http.target": f"/boom?api_key={SECRET}", "n": 3, "token": SECRET})
        span.add_event(f"password={SECRET}", {"token": SECRET, "n": 2}, timestamp=7)
        span.set_status(Status(StatusCode.ERROR, f"password={SECRET}"))
        span.end()
        return span


@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_every_text_of_a_span_is_judged_and_nothing_else_changes(classifier, processor):
    host = Host(classifier, processor)
    original = host.leak()
    (span,) = host.spans()
    assert SECRET not in span.to_json()
    assert dict(span.attributes) == {
        "http.target": f"/boom?api_key={REDACTED}", "n": 3, "token": REDACTED,
    }  # fmt: skip
    (event,), (link,) = span.events, span.links
    assert (event.timestamp, dict(event.attributes)) == (7, {"token": REDACTED, "n": 2})
    assert (link.context, dict(link.attributes)) == (REMOTE, {"password": REDACTED})
    for name in ("context", "parent", "kind", "start_time", "end_time", "resource"):
        assert getattr(span, name) == getattr(original, name)
    assert span.instrumentation_scope is original.instrumentation_scope
    assert (span.status.status_code, span.status.description) == (
        StatusCode.ERROR,
        f"password={REDACTED}",
    )


def test_a_span_without_a_secret_is_handed_on_as_it_is(classifier):
    host = Host(classifier)
    tracer = host.provider.get_tracer("scope")
    tracer.start_span("innocent", attributes={"n": 3}).end()
    (before,) = host.spans()
    stop_redacting()
    tracer.start_span("innocent", attributes={"n": 3}).end()
    after = host.spans()[1]
    assert type(before) is type(after)
    keep = ("name", "attributes", "resource", "status", "kind")
    shown = [{key: json.loads(span.to_json())[key] for key in keep} for span in (before, after)]
    assert shown[0] == shown[1]


def test_processors_that_are_added_later_and_in_groups_are_found(classifier):
    host = Host(classifier, None)
    group = ConcurrentMultiSpanProcessor()
    group.add_span_processor(SimpleSpanProcessor(host.exporter))
    host.provider.add_span_processor(group)
    host.leak()
    group.shutdown()
    (span,) = host.exporter.get_finished_spans()
    assert SECRET not in span.to_json()


def test_one_exporter_of_two_processors_is_replaced_once(classifier):
    host = Host(classifier)
    export = vars(host.exporter)["export"]
    host.provider.add_span_processor(SimpleSpanProcessor(host.exporter))
    assert vars(host.exporter)["export"] is export
    host.leak()
    assert [SECRET in span.to_json() for span in host.spans()] == [False, False]


def test_spans_of_the_time_before_the_end_are_judged_after_it(classifier):
    host = Host(classifier, BatchSpanProcessor)
    host.leak()
    stop_redacting()
    host.leak()
    stop_redacting()
    host.provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    assert [SECRET in span.to_json() for span in host.spans()] == [False, True]


def test_a_later_filter_takes_the_place_of_the_earlier(classifier):
    host = Host(classifier)
    again = compile_chain(load_chain([filter_from_text(HEADER)]))
    redact_exporters(host.provider, again, host.tell)
    host.leak()
    (span,) = host.spans()
    assert SECRET in span.to_json()


def test_an_exporter_that_cannot_be_reached_is_told(classifier):
    class Own(SpanProcessor):
        pass

    host = Host(classifier, None)
    host.provider.add_span_processor(Own())
    assert host.told == [("host_spans_unredacted", "info", {"processor": Own.__qualname__})]


def test_an_exporter_that_takes_no_attribute_is_told(classifier):
    class Slotted:
        __slots__ = ()

        def export(self, spans):
            return SpanExportResult.SUCCESS

        def shutdown(self):
            pass

    host = Host(classifier, None)
    host.provider.add_span_processor(SimpleSpanProcessor(Slotted()))
    ((event, level, facts),) = host.told
    assert (event, level) == ("host_spans_unredacted", "warn")
    assert facts == {"processor": Slotted.__qualname__}


def test_what_cannot_be_judged_does_not_leave(classifier, monkeypatch):
    class Answering(SpanExporter):
        batches = 0

        def export(self, spans):
            self.batches += 1
            return SpanExportResult.SUCCESS

    def fail(*_):
        raise ValueError

    host, exporter = Host(classifier, None), Answering()
    host.provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("codetracer_otel.sdk.otel.host_exporters.views_of", fail)
    host.leak()
    assert exporter.batches == 0
    assert host.told == [("host_spans_dropped", "error", {"spans": 1, "error": "ValueError"})]


def test_a_finalizer_may_end_a_span_while_another_one_is_judged(classifier, monkeypatch):
    def interrupted(spans):
        monkeypatch.undo()
        host.leak()
        return views_of(spans)

    host = Host(classifier)
    monkeypatch.setattr("codetracer_otel.sdk.otel.host_exporters.views_of", interrupted)
    ending = threading.Thread(target=host.leak, daemon=True)  # it would wait for ever
    ending.start()
    ending.join(60)
    assert not ending.is_alive()
    assert len(host.spans()) == 2
    assert all(SECRET not in span.to_json() for span in host.spans())


@pytest.mark.parametrize(
    ("kind", "redacts"), [(StartKind.INSTRUMENTOR, True), (StartKind.API, False)]
)
def test_only_the_instrumentor_touches_the_exporters_of_others_and_its_session_may_end_first(
    kind, redacts
):
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    options = {"trace_filter": only(__file__), "exporter": [], "tracer_provider": provider}
    begin_session(options, StartMode(kind))
    shutdown()
    provider.get_tracer("t").start_span("span", attributes={"password": SECRET}).end()
    (span,) = exporter.get_finished_spans()
    assert (span.attributes["password"] == REDACTED) is redacts
    assert ("export" in vars(exporter)) is redacts


def test_spans_of_ours_were_judged_by_their_own_rules_and_are_not_judged_again(record):
    del record
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    allowed = rule(
        "obj:glob:*take*",
        'exec = "trace"\n[[scope.rules.value_patterns]]\n'
        'selector = "arg:literal:password"\naction = "allow"',
    )
    options = {
        "trace_filter": only(__file__, allowed),
        "exporter": ["provider"],
        "tracer_provider": provider,
    }
    begin_session(options, StartMode(StartKind.INSTRUMENTOR))
    take("correct horse")
    shutdown()
    (span,) = exporter.get_finished_spans()
    assert span.attributes["codetracer.arg.password"] == "correct horse"


def test_uninstrumenting_ends_it(monkeypatch):
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(CodetracerInstrumentor, "_instance", None)
    instrumentor = CodetracerInstrumentor()
    instrumentor.instrument(
        trace_filter=only(__file__), exporter="none", tracer_provider=provider, skip_dep_check=True
    )
    tracer = provider.get_tracer("t")
    tracer.start_span("span", attributes={"password": SECRET}).end()
    instrumentor.uninstrument()
    tracer.start_span("span", attributes={"password": SECRET}).end()
    shown = [span.attributes["password"] for span in exporter.get_finished_spans()]
    assert shown == [REDACTED, SECRET]


def known_host(processor=SimpleSpanProcessor):
    known = KnownSecrets()
    filters = load_chain([*builtin_sources(), filter_from_text(HEADER)])
    return known, Host(compile_chain(filters, known=known), processor, known)


def recall(host, secret=SECRET):
    span = host.provider.get_tracer("scope").start_span(f"GET /{secret}")
    span.set_attribute("note", f"as {secret}")
    span.add_event(f"said {secret}", {"by": secret})
    span.end()


def test_what_was_hidden_by_key_is_found_in_later_spans_and_their_names():
    _, host = known_host()
    host.leak()
    recall(host)
    assert [SECRET in span.to_json() for span in host.spans()] == [False, False]


def test_known_secrets_are_there_for_the_last_spans_of_a_session_and_then_forgotten():
    known, host = known_host(BatchSpanProcessor)
    known.learn(SECRET, "arg password at a.py:1")
    recall(host)
    known.wipe(is_off=True)  # as a session does at its end
    stop_redacting()
    recall(host)
    assert [SECRET in span.to_json() for span in host.spans()] == [False, True]
    recall(host)
    host.spans()
    assert len(known) == 0


def test_known_secrets_are_forgotten_where_no_exporter_is_left_to_wait_for():
    known, _ = known_host(None)
    known.learn(SECRET, "arg password at a.py:1")
    known.wipe(is_off=True)
    stop_redacting()
    assert (known.search([SECRET]), len(known)) == ([], 0)
