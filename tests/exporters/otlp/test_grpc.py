from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from logging import getLogger

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.exporters.made import batch, plan, record, view

from codetracer_otel.errors import UsageError
from codetracer_otel.exporters import ExporterContext
from codetracer_otel.exporters.otlp.grpc import GrpcExporter, build
from codetracer_otel.exporters.otlp.health import Health
from codetracer_otel.model.protocols import Exporter, ExportResult
from codetracer_otel.sdk.settings.otel_environment import OtlpEnvironment

LOGGER = "opentelemetry.exporter.otlp.proto.grpc.exporter"


class Service(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.requests = []

    def Export(self, request, context):
        self.requests.append(request)
        return ExportTraceServiceResponse()

    def names(self):
        return [
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def serving():
    service = Service()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield service, f"http://127.0.0.1:{port}"
    finally:
        server.stop(0).wait(60)


def silent(event, /, level="info", **facts):
    """Say nothing."""


@pytest.fixture
def served():
    with serving() as (service, url):
        exporter = GrpcExporter(lambda: OTLPSpanExporter(endpoint=url), Health(silent))
        yield service, exporter
        exporter.shutdown(1.0)


def test_spans_arrive(served):
    service, exporter = served
    assert isinstance(exporter, Exporter)
    made = batch(record(("x",), of=plan("n")), spans=(view("by hand"),))
    assert exporter.export(made) is ExportResult.SUCCESS
    assert service.names() == ["shop.tax", "by hand"]


def test_a_batch_of_many_megabytes_arrives_although_four_is_the_servers_limit(served):
    service, exporter = served
    made = [record(("x" * 200_000,), of=plan("n"), span_id=n + 1) for n in range(50)]
    assert exporter.export(batch(*made)) is ExportResult.SUCCESS
    assert len(service.names()) == 50
    assert max(request.ByteSize() for request in service.requests) < 4 * 1024 * 1024


def test_a_forked_child_opens_a_channel_of_its_own(served):
    _, exporter = served
    before = exporter._exporter
    exporter.reopen_after_fork()
    assert exporter._exporter is not before
    assert exporter.export(batch(record())) is ExportResult.SUCCESS
    before.shutdown()


class Told:
    def __init__(self):
        self.events = []

    def __call__(self, event, /, level="info", **facts):
        self.events.append((event, level, facts))


@contextmanager
def logged():
    """Give what OpenTelemetry's exporter logs, also where we leave it out of the program's log."""
    lines = []

    def keep(record):
        lines.append(record.getMessage())
        return True

    getLogger(LOGGER).filters.insert(0, keep)
    try:
        yield lines
    finally:
        getLogger(LOGGER).removeFilter(keep)


def test_a_collector_that_is_not_there_is_a_failure_told_once(caplog):
    told = Told()
    exporter = build(
        "http://me:hush@127.0.0.1:1", ExporterContext(OtlpEnvironment(timeout_s=4), told)
    )
    assert exporter.export(batch(record())) is ExportResult.FAILURE
    assert exporter.export(batch(record())) is ExportResult.FAILURE
    exporter.shutdown(1.0)
    facts = {
        "reason": "UNAVAILABLE", "exporter": "otlp-grpc", "endpoint": "http://127.0.0.1:1",
    }  # fmt: skip
    assert told.events == [("exporter_failing", "warn", facts)]
    assert caplog.messages == []


def test_an_exporter_of_the_programs_own_logs_as_ever(caplog):
    ours = build("http://127.0.0.1:1", ExporterContext(OtlpEnvironment(timeout_s=1), silent))
    assert ours.export(batch(record())) is ExportResult.FAILURE
    getLogger(LOGGER).warning("of the program's own exporter")
    ours.shutdown(1.0)
    assert caplog.messages == ["of the program's own exporter"]


def test_nothing_stays_behind_in_the_logger_of_opentelemetry():
    filters = getLogger(LOGGER).filters
    before = list(filters)
    build("http://127.0.0.1:1", ExporterContext(OtlpEnvironment(), silent)).shutdown(1.0)
    assert filters == before


def test_as_the_session_ends_no_attempt_waits_for_another():
    made = OTLPSpanExporter(endpoint="http://127.0.0.1:1", timeout=60)
    exporter = GrpcExporter(lambda: made, Health(silent))
    exporter.begin_shutdown()
    with logged() as lines:
        assert exporter.export(batch(record())) is ExportResult.FAILURE
    attempts = [line for line in lines if line.startswith("Transient error")]
    assert len(attempts) == 1
    exporter.shutdown(1.0)


@pytest.mark.parametrize("compression", [None, "none", "gzip", "deflate"])
def test_every_compression_that_the_environment_may_name_works(compression, monkeypatch):
    if compression is not None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    context = ExporterContext(OtlpEnvironment(compression=compression), silent)
    with serving() as (service, url):
        exporter = build(url, context)
        assert exporter.export(batch(record(("x",), of=plan("n")))) is ExportResult.SUCCESS
        exporter.shutdown(1.0)
    assert service.names() == ["shop.tax"]


def test_an_endpoint_without_scheme_needs_no_tls_where_the_settings_say_so():
    context = ExporterContext(OtlpEnvironment(insecure=True), silent)
    with serving() as (service, url):
        exporter = build(url.removeprefix("http://"), context)
        assert exporter.export(batch(record(("x",), of=plan("n")))) is ExportResult.SUCCESS
        exporter.shutdown(1.0)
    assert service.names() == ["shop.tax"]


def test_what_its_exporter_refuses_is_an_error_of_usage(monkeypatch):
    context = ExporterContext(OtlpEnvironment(), silent)
    monkeypatch.setattr(OTLPSpanExporter, "__init__", lambda *_args, **_options: 1 / 0)
    with pytest.raises(UsageError, match="otlp-grpc: cannot be made: ZeroDivisionError"):
        build("http://127.0.0.1:1", context)
