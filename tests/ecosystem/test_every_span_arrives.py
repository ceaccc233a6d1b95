"""Every span of a running program arrives at a collector, once: HTTP, gRPC, gzip, TLS."""

from __future__ import annotations

import re
import ssl
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
import trustme
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from tests.collector.rotel import running_collector as running_real_collector
from tests.exporters.collector import running_collector
from tests.faults.collectors import spans_of
from tests.faults.running import running, worked

SPANS, MANY_SPANS = 10_000, 100_000
LOGGED_SPAN = re.compile(rb"    ID +: ([0-9a-f]{16})\n")
WAYS = [(name, compression) for name in ("otlp", "otlp-grpc") for compression in ("none", "gzip")]


def run_to_its_end(tmp_path, exporter: str, spans: int, **variables: str) -> None:
    """Run a program that makes so many spans; all of them are delivered by its own account."""
    room = {"OTEL_BSP_MAX_QUEUE_SIZE": str(2 * spans)}
    with running(tmp_path, [exporter], **room, **variables) as program:
        program.do(spans)
        program.do("flush")  # more than the end has time for, on a busy machine
        ended = program.end()
    assert ended.output == worked(spans)
    assert (ended.recorded, ended.exported, ended.dropped) == (spans, spans, {})


def arrive_at_a_real_collector(tmp_path, name: str, compression: str, spans: int) -> None:
    log = tmp_path / "collector.log"
    with running_real_collector(log) as collector:
        url = collector.grpc_endpoint if name == "otlp-grpc" else collector.http_endpoint
        run_to_its_end(tmp_path, f"{name}={url}", spans, OTEL_EXPORTER_OTLP_COMPRESSION=compression)
        collector.stop()
    ids: Counter[bytes] = Counter()
    with log.open("rb") as lines:
        for line in lines:
            found = LOGGED_SPAN.fullmatch(line)
            if found:
                ids[found[1]] += 1
    log.unlink()
    assert (len(ids), ids.total()) == (spans, spans)


@pytest.mark.collector
@pytest.mark.parametrize(("name", "compression"), WAYS)
def test_at_a_real_collector(tmp_path, name, compression):
    arrive_at_a_real_collector(tmp_path, name, compression, SPANS)


@pytest.mark.collector
@pytest.mark.slow
@pytest.mark.parametrize(("name", "compression"), WAYS)
def test_a_hundred_thousand_at_a_real_collector(tmp_path, name, compression):
    arrive_at_a_real_collector(tmp_path, name, compression, MANY_SPANS)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority, tmp_path):
    """The variables of a program that trusts the authority of this test."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(file)}


class TraceService(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.accepted = []

    def Export(self, request, context):
        self.accepted.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def running_grpc_collector(authority):
    """Collect over gRPC and TLS; gives the service and its URL."""
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    service = TraceService()
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(service, server)
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        yield service, f"https://127.0.0.1:{port}"
        server.stop(None).wait()


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_over_http_and_tls(tmp_path, authority, trusting, compression):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with running_collector(context) as collector:
        variables = {**trusting, "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
        run_to_its_end(tmp_path, f"otlp={collector.url}", SPANS, **variables)
    assert_each_once(collector.accepted)
    expected = None if compression == "none" else compression
    assert {header.get("content-encoding") for header in collector.headers} == {expected}


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_over_grpc_and_tls(tmp_path, authority, trusting, compression):
    with running_grpc_collector(authority) as (service, url):
        variables = {**trusting, "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
        run_to_its_end(tmp_path, f"otlp-grpc={url}", SPANS, **variables)
    assert_each_once(service.accepted)


def assert_each_once(requests) -> None:
    ids = Counter(span.span_id for span in spans_of(requests))
    assert (len(ids), ids.total()) == (SPANS, SPANS)
