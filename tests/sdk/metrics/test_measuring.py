"""Every call of a measured function is counted and timed, whatever happens to its span."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from tests.traced_run import run_traced

import codetracer_otel as ct
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.metrics import function_metrics, measuring
from codetracer_otel.testing import InMemoryExporter

FILTER = """
[meta]
name = "measured"
version = 2
[scope]
default_exec = "skip"
default_value_action = "inherit"
[[scope.rules]]
selector = "obj:*.spans*"
exec = "trace"
measure = true
sampling = { ratio = RATIO, keep_errors = false }
[[scope.rules]]
selector = "obj:*.alone*"
exec = "measure"
"""
HERE = __name__


def spans_work(number):
    if number % 5 == 0:
        raise KeyError(number)
    return number


def spans_numbers(count):
    yield from range(count)


def alone_work():
    return spans_ignored()


def spans_ignored():
    return 1


def other():
    return 2


@contextmanager
def session_of(text):
    exporter = InMemoryExporter()
    with ct.configure(trace_filter=filter_from_text(text), exporter=exporter) as session:
        yield session, exporter


def measured(ratio=0.01):
    return session_of(FILTER.replace("RATIO", str(ratio)))


def work():
    for number in range(200):
        try:
            spans_work(number)
        except KeyError:
            pass
    for _ in range(7):
        alone_work()
        list(spans_numbers(3))
        next(spans_numbers(3))
        other()


def shown(session):
    found = session.stats()["measures"]
    return {name.rpartition(".")[2]: (f["calls"], f["errors"]) for name, f in found.items()}


EXPECTED = {
    "spans_work": (200, 40),
    "alone_work": (7, 0),
    "spans_numbers": (14, 0),
    "spans_ignored": (7, 0),
}


def test_every_call_counts_at_a_ratio_of_a_hundredth():
    with measured() as (session, exporter):
        work()
        session.flush(10)
        assert shown(session) == EXPECTED
    names = {span.name.rpartition(".")[2] for span in exporter.spans}
    assert names <= {"spans_work", "spans_numbers", "spans_ignored"}
    assert len(exporter.spans) < 100


def test_calls_on_threads_are_counted_together():
    with measured() as (session, _):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        session.flush(10)
        assert shown(session) == {name: (4 * n, 4 * e) for name, (n, e) in EXPECTED.items()}


def test_without_a_rule_that_measures_nothing_is_there():
    text = FILTER.replace("RATIO", "1").replace("measure = true", "").replace('"measure"', '"skip"')
    with session_of(text) as (session, _):
        spans_ignored()
        assert "measures" not in session.stats()


def test_a_later_rule_that_skips_ends_measuring():
    text = FILTER.replace("RATIO", "1")
    text += '[[scope.rules]]\nselector = "obj:*.spans_numbers"\nexec = "skip"\n'
    with session_of(text) as (session, _):
        work()
        session.flush(10)
        assert "spans_numbers" not in shown(session)


def points_of(reader):
    data = reader.get_metrics_data()
    [resource] = data.resource_metrics
    [scope] = resource.scope_metrics
    [metric] = scope.metrics
    assert (metric.name, metric.unit) == ("codetracer.function.duration", "s")
    return metric.data.data_points


def key_of(point):
    name = point.attributes["code.function.name"].rpartition(".")[2]
    return name, point.attributes.get("error.type")


def test_the_programs_own_meter_provider_gets_every_call_with_exemplars(monkeypatch):
    reader = InMemoryMetricReader()
    kept = View(instrument_name="codetracer.*", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider(metric_readers=[reader], views=[kept])
    monkeypatch.setattr(
        "codetracer_otel.sdk.metrics.measuring.host_meter_provider", lambda: provider
    )
    with measured(ratio=1) as (session, exporter):
        work()
        session.flush(10)
        points = points_of(reader)
        session.flush(10)
    counts = {
        (
            point.attributes["code.function.name"].rpartition(".")[2],
            point.attributes.get("error.type"),
        ): point.count
        for point in points
    }
    assert counts == {
        ("spans_work", None): 160,
        ("spans_work", "KeyError"): 40,
        ("alone_work", None): 7,
        ("spans_ignored", None): 7,
        ("spans_numbers", None): 14,
    }
    told = {(e.trace_id, e.span_id) for point in points for e in point.exemplars}
    made = {(int(span.trace_id, 16), int(span.span_id, 16)) for span in exporter.spans}
    assert told
    assert told <= made
    provider.shutdown()


def test_functions_beyond_the_first_share_a_point(monkeypatch):
    monkeypatch.setattr(function_metrics, "MOST_FUNCTIONS", 2)
    with measured() as (session, _):
        work()
        session.flush(10)
        found = session.stats()["measures"]
        assert len(found) == 3
        assert sum(f["calls"] for f in found.values()) == sum(n for n, _ in EXPECTED.values())
        assert "(others)" in found


@pytest.mark.parametrize(
    ("exporter", "package"),
    [("otlp", "opentelemetry-exporter-otlp-proto-http"),
     ("otlp-grpc", "opentelemetry-exporter-otlp-proto-grpc")],
)  # fmt: skip
def test_a_missing_exporter_of_metrics_is_named(monkeypatch, tmp_path, exporter, package):
    def fail(_name, _target):
        raise ImportError

    monkeypatch.setattr(measuring, "build_metric_exporter", fail)
    log = tmp_path / "log"
    with ct.configure(
        filter_from_text(FILTER.replace("RATIO", "1")),
        f"{exporter}=http://127.0.0.1:9",
        policy={"log_file": log},
    ) as session:
        alone_work()
        session.flush(5)
    told = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [line["fields"] for line in told if line["message"] == "metrics unavailable"] == [
        {"package": package}
    ]


@contextmanager
def receiving():
    """Yield an endpoint, and the metrics requests that came."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/metrics":
                came.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            answer = ExportMetricsServiceResponse().SerializeToString()
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


PROGRAM = """
import json, sys
calls = errors = 0

def spans_work(n):
    global calls, errors
    calls += 1
    if n % 3 == 0:
        errors += 1
        raise ValueError(n)

for n in range(1000):
    try:
        spans_work(n)
    except ValueError:
        pass
print(json.dumps([calls, errors]))
"""


@pytest.mark.parametrize("core", ["auto", "python"])
def test_metrics_arrive_over_otlp_and_equal_an_independent_count(tmp_path, core):
    (tmp_path / "app.py").write_text(PROGRAM)
    (tmp_path / "f.toml").write_text(FILTER.replace("RATIO", "0.01"))
    with receiving() as (endpoint, came):
        words = ("--trace-filter", "f.toml", "--exporter", f"otlp={endpoint}", "app.py")
        done = run_traced(*words, cwd=tmp_path, CODETRACER_OTEL_CORE=core)
    assert done.returncode == 0, done.stderr
    calls, errors = json.loads(done.stdout)
    [resource] = came[-1].resource_metrics
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert attributes["service.name"]
    [metric] = resource.scope_metrics[0].metrics
    assert (metric.name, metric.unit) == ("codetracer.function.duration", "s")
    points = metric.exponential_histogram.data_points
    counts = {}
    for point in points:
        facts = {pair.key: pair.value.string_value for pair in point.attributes}
        counts[facts["code.function.name"], facts.get("error.type")] = point
        assert point.count == sum(point.positive.bucket_counts) + point.zero_count
        assert 0 < point.min <= point.max
        assert point.min * point.count <= point.sum <= point.max * point.count * 1.001
    assert counts["__main__.spans_work", None].count == calls - errors
    assert counts["__main__.spans_work", "ValueError"].count == errors
