"""The provider that the global API has until the program sets one."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.util._once import Once
from tests.conftest import only

import codetracer_otel
from codetracer_otel.model.ids import RandomIds
from codetracer_otel.sdk.otel.global_provider import (
    forget_setting,
    make_global,
    watch_setting,
)
from codetracer_otel.sdk.otel.host_provider import host_provider
from codetracer_otel.sdk.otel.tracer_provider import OurProvider
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Limits
from codetracer_otel.testing import InMemoryExporter


@pytest.fixture(autouse=True)
def fresh_api(monkeypatch):
    """OpenTelemetry's global API as it is in a new process."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr("codetracer_otel.sdk.otel.global_provider._Global.provider", None)
    yield
    codetracer_otel.shutdown()


@pytest.fixture
def provider():
    """Return our provider, and the names of the spans that the session takes."""
    taken = []
    built = OurProvider(
        Resource({"service.name": "session"}),
        RandomIds(),
        lambda span: taken.append(span.name),
        Limits(),
    )
    built.taken = taken
    return built


def memory():
    exporter = InMemorySpanExporter()
    return SimpleSpanProcessor(exporter), exporter


def names(exporter):
    return [span.name for span in exporter.get_finished_spans()]


def traced():
    """Do nothing."""


def leaf():
    return trace.get_tracer("leaf").start_span("library").end()


def test_one_tracer_serves_one_session_after_the_other(provider):
    before = trace.get_tracer("before")
    undo = make_global(provider)
    tracer = trace.get_tracer("outlives")
    tracer.start_span("first").end()
    undo()
    assert not tracer.start_span("between").is_recording()
    second = OurProvider(Resource({}), RandomIds(), lambda _: None, Limits())
    undo_second = make_global(second)
    undo()
    assert tracer.start_span("second").resource is second.resource
    assert before.start_span("early").resource is second.resource
    undo_second()
    assert provider.taken == ["first"]


def test_the_api_is_as_it_was_after_a_session(provider):
    make_global(provider)()
    assert type(trace.get_tracer_provider()) is trace.ProxyTracerProvider
    assert vars(trace._TRACER_PROVIDER_SET_ONCE).keys() == vars(Once()).keys()
    assert host_provider(None) is None


def test_it_is_no_hosts_provider(provider):
    make_global(provider)
    assert host_provider(None) is None
    assert host_provider(trace.get_tracer_provider()) is None


def test_it_has_all_that_a_provider_of_the_sdk_has(provider):
    make_global(provider)
    ours = trace.get_tracer_provider()
    assert isinstance(ours, TracerProvider)
    assert ours.resource.attributes["service.name"] == "session"
    assert isinstance(ours.sampler, Sampler)
    assert isinstance(ours.id_generator, IdGenerator)
    assert isinstance(ours._span_limits, SpanLimits)
    assert ours.force_flush(100) is True
    public = {name for name in dir(TracerProvider) if not name.startswith("_")}
    assert public <= set(dir(ours))
    tracer = ours.get_tracer("name", "1", "https://example.invalid/1", {"a": 1})
    scope = tracer.start_span("span").instrumentation_scope
    assert (scope.name, scope.version, scope.schema_url) == (
        "name",
        "1",
        "https://example.invalid/1",
    )
    assert dict(scope.attributes) == {"a": 1}
    assert tracer.resource is provider.resource
    assert isinstance(tracer.sampler, Sampler)
    assert not hasattr(tracer, "__wrapped__")


def test_an_added_processor_gets_starts_and_ends_raw_and_so_does_the_session(provider):
    seen = []

    class Watching(SpanProcessor):
        def on_start(self, span, parent_context=None):
            span.set_attribute("started", True)
            seen.append(("start", span.name))

        def on_end(self, span):
            seen.append(("end", dict(span.attributes)))

    make_global(provider)
    tracer = trace.get_tracer("t")
    trace.get_tracer_provider().add_span_processor(Watching())
    with tracer.start_as_current_span("span", attributes={"password": "p"}):
        pass
    assert seen == [("start", "span"), ("end", {"password": "p", "started": True})]
    assert provider.taken == ["span"]


def test_an_added_processor_goes_on_after_the_session_and_in_the_next(provider):
    processor, exporter = memory()
    undo = make_global(provider)
    trace.get_tracer_provider().add_span_processor(processor)
    tracer = trace.get_tracer("t")
    tracer.start_span("in").end()
    undo()
    tracer.start_span("after").end()
    trace.get_tracer("another").start_span("another").end()
    second = OurProvider(Resource({}), RandomIds(), lambda _: None, Limits())
    make_global(second)
    tracer.start_span("in the next").end()
    assert names(exporter) == ["in", "after", "another", "in the next"]
    assert provider.taken == ["in"]


def test_shutting_it_down_ends_what_was_added_and_not_the_session(provider):
    processor, exporter = memory()
    make_global(provider)
    ours = trace.get_tracer_provider()
    ours.add_span_processor(processor)
    ours.shutdown()
    trace.get_tracer("t").start_span("after").end()
    assert names(exporter) == []
    assert exporter._stopped
    assert provider.taken == ["after"]


@pytest.mark.parametrize("is_direct", [False, True], ids=["set", "assigned"])
def test_every_tracer_goes_over_to_the_provider_that_the_program_sets(provider, is_direct, caplog):
    early = trace.get_tracer("early")
    make_global(provider)
    ours = trace.get_tracer_provider()
    tracer = ours.get_tracer("t")
    for used in (early, tracer):
        used.start_span("before").end()
    processor, exporter = memory()
    program = TracerProvider(shutdown_on_exit=False)
    program.add_span_processor(processor)
    if is_direct:
        trace._TRACER_PROVIDER = program
    else:
        trace.set_tracer_provider(program)
    for used in (early, tracer, ours.get_tracer("later")):
        used.start_span("after").end()
    assert trace.get_tracer_provider() is program
    assert provider.taken == ["before", "before"]
    assert names(exporter) == ["after"] * 3
    assert caplog.text == ""


def test_what_was_added_goes_over_with_them(provider):
    make_global(provider)
    ours = trace.get_tracer_provider()
    (first, early), (second, late) = memory(), memory()
    ours.add_span_processor(first)
    program = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(program)
    ours.add_span_processor(second)
    trace.get_tracer("t").start_span("span").end()
    assert names(early) == names(late) == ["span"]
    assert ours.added == ()


def test_a_provider_that_is_not_the_sdks_is_obeyed_too(provider):
    make_global(provider)
    tracer = trace.get_tracer("t")
    trace.set_tracer_provider(trace.NoOpTracerProvider())
    assert not tracer.start_span("span").is_recording()


def test_a_decorator_made_before_makes_spans_of_the_providers_set_after(provider):
    make_global(provider)

    @trace.get_tracer("t").start_as_current_span("decorated")
    def function():
        return trace.get_current_span().is_recording()

    processor, exporter = memory()
    program = TracerProvider(shutdown_on_exit=False)
    program.add_span_processor(processor)
    assert function()
    trace.set_tracer_provider(program)
    assert function()
    assert (provider.taken, names(exporter)) == (["decorated"], ["decorated"])


def test_listeners_are_called_once_and_leave_nothing():
    told = []

    def tell():
        told.append(trace._TRACER_PROVIDER)

    watch_setting(tell)
    watch_setting(tell)
    program = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(program)
    trace.set_tracer_provider(program)
    forget_setting(tell)
    forget_setting(tell)
    assert told == [program]
    assert "do_once" not in vars(trace._TRACER_PROVIDER_SET_ONCE)


def test_a_host_that_breaks_costs_nobody_anything(capsys):
    class Broken(TracerProvider):
        @property
        def id_generator(self):
            raise ValueError

        @id_generator.setter
        def id_generator(self, value):
            pass

    exporter = InMemoryExporter()
    with configure(only(__file__), exporter):
        trace.set_tracer_provider(Broken(shutdown_on_exit=False))
        traced()
    assert "traced" in [span.name.rpartition(".")[2] for span in exporter.spans]
    assert "host provider ignored" in capsys.readouterr().err


def test_hand_written_spans_reach_an_added_processor(provider):
    del provider
    processor, exporter = memory()
    spans = InMemoryExporter()
    with configure(only(__file__), spans):
        trace.get_tracer_provider().add_span_processor(processor)
        with codetracer_otel.span("by hand", n=1):
            leaf()
    assert names(exporter) == ["library", "by hand"]
    assert {span.name.rpartition(".")[2] for span in spans.spans} == {"by hand", "leaf", "library"}
