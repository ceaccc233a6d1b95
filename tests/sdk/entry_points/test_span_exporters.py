"""Our formats for anybody's spans, with OpenTelemetry's SDK and without a session."""

from __future__ import annotations

import os
import stat
import threading
from importlib.metadata import entry_points

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from tests.native_run import plain
from tests.native_trace import read_trace

from codetracer_otel.errors import EnvironmentFailure, FilterError
from codetracer_otel.exporters.native.write.span_trace import SpanTrace
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.entry_points.span_exporters import (
    JsonLinesSpanExporter,
    NativeSpanExporter,
)

GROUP = "opentelemetry_traces_exporter"


@pytest.fixture(autouse=True)
def in_an_empty_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("CODETRACER_", "OTEL_")):
            monkeypatch.delenv(name)


def provider_of(exporter):
    provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def pay(provider):
    tracer = provider.get_tracer("shop")
    with (
        tracer.start_as_current_span("order", attributes={"password": "hush"}),
        tracer.start_as_current_span("pay") as span,
    ):
        span.set_attribute("note", "card 4111 1111 1111 1111")


def test_the_entry_points_are_these_exporters():
    found = {point.name: point.load().__name__ for point in entry_points(group=GROUP)}

    assert found["codetracer_native"] == "NativeSpanExporter"
    assert found["codetracer_jsonl"] == "JsonLinesSpanExporter"


def test_spans_of_anybody_are_calls_and_their_secrets_are_not_there(tmp_path):
    provider = provider_of(NativeSpanExporter())
    pay(provider)
    provider.shutdown()

    trace = read_trace(tmp_path / "codetracer-trace")
    (order,) = trace.root.children
    (paid,) = order.children
    assert (order.name, paid.name) == ("order", "pay")
    assert plain(order.arguments["password"]) == REDACTED
    assert plain(paid.arguments["note"]) == f"card {REDACTED}"
    files = list((tmp_path / "codetracer-trace").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_finalizer_may_end_spans_while_others_are_written(tmp_path, monkeypatch):
    def interrupted(*arguments):
        monkeypatch.undo()
        pay(provider)
        return write_tree(*arguments)

    write_tree = SpanTrace._write_tree
    provider = provider_of(NativeSpanExporter(tmp_path / "trace"))
    monkeypatch.setattr(SpanTrace, "_write_tree", interrupted)
    ending = threading.Thread(target=pay, args=(provider,), daemon=True)  # it would wait for ever
    ending.start()
    ending.join(60)
    assert not ending.is_alive()
    provider.shutdown()

    calls = read_trace(tmp_path / "trace").root.children
    assert [(call.name, [below.name for below in call.children]) for call in calls] == [
        ("order", ["pay"])
    ] * 2


def test_the_variable_of_our_exporters_says_where(tmp_path, monkeypatch):
    monkeypatch.setenv("CODETRACER_EXPORTER", f"native={tmp_path / 'there'}")
    NativeSpanExporter().shutdown()

    assert read_trace(tmp_path / "there").root.children == []


def test_the_argument_says_where_before_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("CODETRACER_EXPORTER", f"native={tmp_path / 'there'}")
    NativeSpanExporter(tmp_path / "here").shutdown()

    assert read_trace(tmp_path / "here").root.children == []
    assert not (tmp_path / "there").exists()


def test_a_filter_that_is_wrong_is_an_error_and_nothing_is_written(tmp_path, monkeypatch):
    (tmp_path / "wrong.toml").write_text("[scope]\nnonsense = 1\n")
    monkeypatch.setenv("CODETRACER_TRACE_FILTER", str(tmp_path / "wrong.toml"))
    with pytest.raises(FilterError):
        NativeSpanExporter(tmp_path / "trace")
    assert not (tmp_path / "trace").exists()


def test_a_file_in_the_place_of_the_directory_is_an_error(tmp_path):
    (tmp_path / "trace").write_text("mine")
    with pytest.raises(EnvironmentFailure):
        NativeSpanExporter(tmp_path / "trace")
    assert (tmp_path / "trace").read_text() == "mine"


@pytest.mark.filterwarnings("ignore:This process")  # the test runner has threads
def test_a_forked_child_writes_a_trace_of_its_own(tmp_path):
    provider = provider_of(NativeSpanExporter(tmp_path / "trace"))
    pay(provider)
    child = os.fork()
    if child == 0:
        pay(provider)
        provider.shutdown()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    pay(provider)
    provider.shutdown()

    assert len(read_trace(tmp_path / "trace").root.children) == 2
    assert len(read_trace(tmp_path / f"trace.{child}").root.children) == 1


def test_a_full_disk_leaves_the_trace_up_to_there(tmp_path, monkeypatch):
    exporter = NativeSpanExporter(tmp_path / "trace")
    provider = provider_of(exporter)
    pay(provider)

    def no_room(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("codetracer_otel.exporters.native.write.event_files.write_all", no_room)
        pay(provider)
    pay(provider)
    assert exporter.export([]) is SpanExportResult.FAILURE
    provider.shutdown()
    assert [call.name for call in read_trace(tmp_path / "trace").root.children] == ["order"]


KNOWN = "tok-99112233"


@pytest.mark.parametrize("how", ["attribute", "resource", "environment", "off"])
def test_what_was_hidden_by_name_is_hidden_wherever_it_comes_again(tmp_path, monkeypatch, how):
    if how == "environment":
        monkeypatch.setenv("SHOP_API_TOKEN", KNOWN)
    if how == "off":
        monkeypatch.setenv("CODETRACER_LEARN_SECRETS", "false")
    resource = Resource({"db.password": KNOWN} if how == "resource" else {})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    native, lines = NativeSpanExporter(), JsonLinesSpanExporter(tmp_path / "spans.jsonl")
    provider.add_span_processor(SimpleSpanProcessor(native))
    provider.add_span_processor(SimpleSpanProcessor(lines))
    tracer = provider.get_tracer("shop")
    if how in ("attribute", "off"):
        tracer.start_span("login", attributes={"password": KNOWN}).end()
    tracer.start_span(f"order of {KNOWN}", attributes={"note": f"by {KNOWN}"}).end()
    provider.shutdown()

    written = [path.read_bytes() for path in (tmp_path / "codetracer-trace").iterdir()]
    written.append((tmp_path / "spans.jsonl").read_bytes())
    assert any(KNOWN.encode() in content for content in written) is (how == "off")
