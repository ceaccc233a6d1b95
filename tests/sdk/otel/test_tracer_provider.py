"""Sessions beside a tracer provider of the host's."""

from __future__ import annotations

import os
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import SpanContext
from tests.conftest import only

from codetracer_otel.errors import CodetracerError
from codetracer_otel.model.ids import ForeignIds, RandomIds
from codetracer_otel.sdk.otel.host_provider import build_ids
from codetracer_otel.sdk.otel.tracer_provider import _Forks
from codetracer_otel.sdk.session.configure import configure


class Counting(IdGenerator):
    def __init__(self):
        self.spans = self.traces = 0

    def generate_span_id(self):
        self.spans += 1
        return self.spans

    def generate_trace_id(self):
        self.traces += 1
        return 0xABC000 + self.traces


class Host:
    """A provider of a program that has set OpenTelemetry up by itself."""

    def __init__(self, **options):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def spans(self):
        return {span.name.rpartition(".")[2]: span for span in self.exporter.get_finished_spans()}


def inner():
    return 1


def outer():
    return inner()


def test_ids_come_from_the_hosts_generator(record):
    ids = Counting()
    with record(tracer_provider=Host(id_generator=ids).provider) as spans:
        outer()
    by_name = {span.name.rpartition(".")[2]: span for span in spans}
    assert {span.trace_id for span in spans} == {f"{0xABC001:032x}"}
    assert by_name["outer"].span_id == f"{1:016x}"
    assert by_name["inner"].span_id == f"{2:016x}"
    assert by_name["inner"].parent_span_id == f"{1:016x}"


def test_function_spans_stand_below_the_hosts_and_its_spans_below_them(record):
    host = Host()
    tracer = host.provider.get_tracer("host")

    def function():
        tracer.start_span("below").end()

    with (
        record(tracer_provider=host.provider) as spans,
        tracer.start_as_current_span("above") as above,
    ):
        function()
    (ours,) = [span for span in spans if span.name.endswith("function")]
    assert ours.parent_span_id == f"{above.get_span_context().span_id:016x}"
    assert ours.trace_id == f"{above.get_span_context().trace_id:032x}"
    assert f"{host.spans()['below'].parent.span_id:016x}" == ours.span_id


def test_spans_go_through_the_hosts_processors_with_the_hosts_resource():
    host = Host(resource=Resource({"service.name": "the host"}))
    with configure(only(__file__), "provider", tracer_provider=host.provider):
        outer()
    spans = host.spans()
    assert set(spans) >= {"outer", "inner"}
    assert spans["inner"].parent.span_id == spans["outer"].context.span_id
    assert dict(spans["inner"].resource.attributes) == {"service.name": "the host"}
    assert spans["inner"].attributes["codetracer.return"] == 1


def test_without_a_provider_its_exporter_is_an_error_with_advice():
    with pytest.raises(CodetracerError, match=r"tracer_provider=.*global"):
        configure(only(__file__), "provider")


@pytest.mark.parametrize(
    ("generator", "kind"), [(RandomIdGenerator(), RandomIds), (Counting(), ForeignIds)]
)
def test_only_a_generator_of_the_hosts_own_making_is_called(generator, kind):
    assert type(build_ids(TracerProvider(id_generator=generator))) is kind


def test_ids_in_wire_order_are_the_hosts_too():
    ids = ForeignIds(Counting())
    assert ids.next_wire_span_id() == int.from_bytes((1).to_bytes(8, "big"), "little")
    ids.reseed()
    assert (ids.generate_span_id(), ids.generate_trace_id()) == (2, 0xABC001)


def test_a_further_session_asks_for_no_further_call_after_forks(record, monkeypatch):
    with record():
        outer()
    asked = []
    monkeypatch.setattr(os, "register_at_fork", lambda **functions: asked.append(functions))
    with record() as spans:
        outer()
    assert len(spans) == 2
    assert asked == []


def test_providers_of_ours_follow_a_fork(record):
    with record():
        provider = trace.get_tracer_provider().active
        lock = getattr(provider, "_tracers_lock", None)  # older releases of OpenTelemetry have none
        _Forks._after_in_child()
        assert provider._tracers_lock is not lock


class Meddling(str):
    """Asks for a tracer where it is compared, as a finalizer may in the middle of anything."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        trace.get_tracer("meddling").start_span("inner").end()
        return str.__eq__(self, other)


@pytest.mark.parametrize("happens", [lambda: None, _Forks._after_in_child], ids=["", "fork"])
def test_a_finalizer_may_ask_for_a_tracer_while_its_thread_asks_for_one(record, happens):
    def ask():
        for _ in range(2):
            trace.get_tracer("asking", Meddling("1")).start_span("outer").end()

    with record() as spans:
        happens()
        asking = threading.Thread(target=ask, daemon=True)  # it would wait for ever
        asking.start()
        asking.join(60)
        assert not asking.is_alive()
    assert [span.name for span in spans].count("outer") == 2


@pytest.mark.parametrize("part", ["", "_attributes", "_events", "_links"])
def test_a_finalizer_may_use_and_end_a_span_that_its_thread_is_changing(record, part):
    def work():
        span = trace.get_tracer("changing").start_span("outer")
        with (getattr(span, part) if part else span)._lock:  # as while it is changed
            span.set_attribute("during", 1)
            span.add_event("during")
            span.add_link(SpanContext(1, 1, is_remote=True))
            span.end()

    with record() as spans:
        working = threading.Thread(target=work, daemon=True)  # it would wait for ever
        working.start()
        working.join(60)
        assert not working.is_alive()
    (outer,) = (span for span in spans if span.name == "outer")
    assert (outer.attributes["during"], len(outer.events), len(outer.links)) == (1, 1, 1)
