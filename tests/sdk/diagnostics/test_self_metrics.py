"""What a session counts about itself, read by a meter provider of the program's."""

from __future__ import annotations

from collections import Counter

import pytest
from opentelemetry import metrics, trace
from opentelemetry.metrics import _internal as metrics_api
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.util._once import Once
from tests.conftest import only

from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.diagnostics import self_metrics
from codetracer_otel.sdk.diagnostics.metrics import DropReport, Metrics, SilentSink
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.sdk.settings.limits import Buffer
from codetracer_otel.testing import InMemoryExporter

PIPELINE = "codetracer_otel_pipeline"


class Refusing:
    def export(self, _batch):
        return ExportResult.FAILURE

    def flush(self, _timeout):
        return True

    def shutdown(self, _timeout):
        pass


@pytest.fixture
def reader(monkeypatch):
    """A reader of the global meter provider, which OpenTelemetry lets nobody set twice."""
    monkeypatch.setattr(metrics_api, "_METER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(metrics_api, "_METER_PROVIDER", None)
    monkeypatch.setattr(self_metrics, "_offered", [])
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    yield reader
    provider.shutdown()


def points(reader):
    """Return metric name -> {(component, error type): value} of our scope."""
    data = reader.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            if scope.scope.name == "codetracer_otel":
                for metric in scope.metrics:
                    found[metric.name] = {key(p): p.value for p in metric.data.data_points}
    return found


def key(point):
    attributes = point.attributes
    return attributes.get("otel.component.name"), attributes.get("error.type")


def work():
    return 1


def test_spans_are_counted_as_the_conventions_say(reader):
    with configure(only(__file__), [InMemoryExporter(), Refusing()]) as session:
        for _ in range(5):
            work()
        trace.get_tracer("t").start_span("by hand").end()
        assert session.flush()
        found = points(reader)
    assert found == {
        "otel.sdk.span.started": {(None, None): 6},
        "otel.sdk.processor.span.processed": {(f"{PIPELINE}/0", None): 6},
        "otel.sdk.processor.span.queue.size": {(f"{PIPELINE}/0", None): 0},
        "otel.sdk.processor.span.queue.capacity": {(f"{PIPELINE}/0", None): 65_536},
        "otel.sdk.exporter.span.exported": {
            ("InMemoryExporter/0", None): 6,
            ("Refusing/1", None): 0,
            ("Refusing/1", "export_failed"): 6,
        },
        "otel.sdk.exporter.span.inflight": {
            ("InMemoryExporter/0", None): 0,
            ("Refusing/1", None): 0,
        },
    }


def test_losses_before_the_exporters_have_a_reason(reader):
    buffer = Buffer(records=4, interval_ms=60_000)
    with configure(only(__file__), InMemoryExporter(), buffer=buffer) as session:
        pipeline = session._pipeline
        pipeline._drain = lambda **_options: None  # whatever wakes the worker
        for _ in range(10):
            work()
        waiting = session.stats()["queue_depth"]
        lost = session.stats()["dropped"]["buffer_full"]
        found = points(reader)
        del pipeline._drain
    assert (waiting <= 4, lost >= 6) == (True, True)
    processed = found["otel.sdk.processor.span.processed"]
    assert processed[f"{PIPELINE}/0", "queue_full"] == lost
    assert found["otel.sdk.processor.span.queue.size"] == {(f"{PIPELINE}/0", None): waiting}


def test_a_meter_provider_that_is_set_later_learns_everything(monkeypatch):
    monkeypatch.setattr(metrics_api, "_METER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(metrics_api, "_METER_PROVIDER", None)
    monkeypatch.setattr(metrics_api, "_PROXY_METER_PROVIDER", metrics_api._ProxyMeterProvider())
    monkeypatch.setattr(self_metrics, "_offered", [])
    with configure(only(__file__), InMemoryExporter()) as session:
        work()
        assert session.flush()
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader], shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
        assert points(reader)["otel.sdk.span.started"] == {(None, None): 1}
    provider.shutdown()


def test_without_a_session_there_is_nothing_to_tell(reader):
    with configure(only(__file__), InMemoryExporter()):
        work()
    assert active_session() is None
    assert points(reader) == {}


def test_two_exporters_of_one_name_are_two_components(reader, tmp_path):
    files = [f"jsonl={tmp_path / name}" for name in ("a", "b")]
    with configure(only(__file__), files) as session:
        work()
        assert session.flush()
        assert list(session.stats()["exporters"]) == ["jsonl", "jsonl 2"]
        assert session.stats()["exported"] == 2
        exported = points(reader)["otel.sdk.exporter.span.exported"]
    assert exported == {("jsonl/0", None): 1, ("jsonl 2/1", None): 1}


def test_two_threads_that_look_at_the_same_losses_tell_them_once():
    told = []

    class Sink(SilentSink):
        def dropped(self, reason, kind, count):
            told.append((reason, kind, count))
            if len(told) == 1:  # the worker is still at it as the session ends
                report.observe({"shutdown": 5}, is_last=True)

    sink = Sink()
    lines = []
    metrics = Metrics(lambda: sink, lambda *_, **facts: lines.append(facts))
    report = DropReport(metrics, lambda *_, **facts: lines.append(facts), lambda: 0)
    report.observe({"shutdown": 5})
    assert told == [("shutdown", "span", 5)]
    assert lines == [{"shutdown": 5}]


def test_no_other_thread_adds_a_cause_while_a_summary_is_made():
    class Seen(Counter):
        def __sub__(self, other):
            alone.append(report._looking.locked())
            return super().__sub__(other)

    alone, lines = [], []
    metrics = Metrics(SilentSink, lambda *_, **facts: lines.append(facts))
    report = DropReport(metrics, lambda *_, **facts: lines.append(facts), lambda: 0)
    report._seen = Seen()
    report.observe({"shutdown": 5})
    assert (alone, lines) == ([True], [{"shutdown": 5}])


def test_what_a_tail_drops_has_begun_and_what_it_has_no_room_for_is_lost(reader):
    with configure(only(__file__), InMemoryExporter(), tail="errors") as session:
        for _ in range(5):
            work()
        assert session.flush()
        session._pipeline.hold.given_up = 3
        found = points(reader)
    assert found["otel.sdk.span.started"] == {(None, None): 8}
    processed = found["otel.sdk.processor.span.processed"]
    assert processed == {(f"{PIPELINE}/0", None): 0, (f"{PIPELINE}/0", "tail_memory"): 3}
