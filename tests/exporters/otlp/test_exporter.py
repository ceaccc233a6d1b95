from __future__ import annotations

import os
import socket
import ssl
import threading

import pytest
import trustme
from tests.exporters.collector import (
    break_off_the_answer,
    close,
    hang,
    hang_in_the_answer,
    partial_success,
    running_collector,
    unused_port,
)
from tests.exporters.made import batch, plan, record, view

from codetracer_otel.exporters.http import addresses
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.exporters.otlp.exporter import OtlpExporter
from codetracer_otel.exporters.otlp.settings import OtlpSettings, signal_url
from codetracer_otel.model.protocols import Exporter, ExportResult


class Time:
    """A clock that only waiting moves; remembers the waits."""

    def __init__(self):
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        if seconds:
            self.waits.append(round(seconds, 3))
        return False


class Told:
    def __init__(self):
        self.events = []

    def __call__(self, event, /, level="info", **facts):
        self.events.append((event, level, facts))

    @property
    def names(self):
        return [event for event, _, _ in self.events]


@pytest.fixture
def collector():
    with running_collector() as running:
        yield running


@pytest.fixture
def time_():
    return Time()


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def exporter(collector, time_, told):
    made = exporter_for(collector.url, time_, told)
    yield made
    made.shutdown(1.0)


def exporter_for(url, time_=None, told=None, **settings):
    clock = {"clock": time_, "wait": time_.wait} if time_ else {}
    used = OtlpSettings(url=signal_url(url), **({"timeout": 10.0} | settings))
    return OtlpExporter(used, notify=told or Told(), **clock)


def spans(count, size=1):
    of = plan("n")
    return batch(*(record(("x" * size,), of=of, span_id=n + 1) for n in range(count)))


def test_the_exporter_offers_what_the_pipeline_needs(exporter):
    assert isinstance(exporter, Exporter)
    assert exporter.flush(0.0)


def test_spans_arrive_as_one_request_at_the_standard_path(collector, exporter):
    assert exporter.export(spans(3)) is ExportResult.SUCCESS
    assert collector.names() == ["shop.tax"] * 3
    assert collector.paths == ["/v1/traces"]
    assert collector.headers[0]["content-type"] == "application/x-protobuf"
    assert collector.headers[0]["user-agent"].startswith("codetracer-otel/")
    stats = exporter.stats()
    assert stats["spans_sent"] == 3
    assert stats["requests"] == 1
    assert stats["bytes_sent"] > 100


def test_an_empty_batch_makes_no_request(collector, exporter):
    assert exporter.export(batch()) is ExportResult.SUCCESS
    assert collector.requests == []


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_bodies_are_compressed_when_asked(collector, compression):
    exporter = exporter_for(collector.url, compression=compression)
    assert exporter.export(spans(200)) is ExportResult.SUCCESS
    assert collector.headers[0]["content-encoding"] == compression
    assert len(collector.names()) == 200
    assert exporter.stats()["bytes_sent"] < 200 * 60
    exporter.shutdown(1.0)


def test_headers_of_the_settings_are_sent_but_cannot_change_what_the_body_is(collector):
    headers = {"Authorization": "Bearer t0ken", "Content-Type": "text/plain"}
    exporter = exporter_for(collector.url, headers=headers)
    exporter.export(spans(1))
    assert collector.headers[0]["authorization"] == "Bearer t0ken"
    assert collector.headers[0]["content-type"] == "application/x-protobuf"
    exporter.shutdown(1.0)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_retryable_status_is_tried_again(collector, exporter, time_, told, status):
    collector.script = [status, 200]
    assert exporter.export(spans(2)) is ExportResult.SUCCESS
    assert len(collector.requests) == 2
    assert len(collector.names()) == 2
    assert exporter.stats()["retries"] == 1
    assert 0.4 <= time_.waits[0] <= 0.6
    assert told.events == []


@pytest.mark.parametrize("status", [400, 401, 404, 500, 301])
def test_another_status_loses_the_batch_at_once(collector, exporter, time_, told, status):
    collector.script = [(status, {"Location": "http://127.0.0.1:1/"})]
    assert exporter.export(spans(2)) is ExportResult.FAILURE
    assert len(collector.requests) == 1
    assert time_.waits == []
    assert exporter.stats()["spans_failed"] == 2
    [(event, level, facts)] = told.events
    assert (event, level) == ("exporter_failing", "warn")
    assert facts["reason"].startswith(f"HTTP {status} ")


def test_retry_after_is_obeyed(collector, exporter, time_):
    collector.script = [(429, {"Retry-After": "3"}), (503, {"Retry-After": "2"}), 200]
    assert exporter.export(spans(1)) is ExportResult.SUCCESS
    assert time_.waits == [3.0, 2.0]


def test_a_retry_after_beyond_the_deadline_loses_the_batch_and_delays_the_next(
    collector, exporter, time_
):
    collector.script = [(429, {"Retry-After": "14"})]
    assert exporter.export(spans(1)) is ExportResult.FAILURE
    assert time_.waits == []
    assert exporter.export(spans(1)) is ExportResult.FAILURE
    assert time_.waits == [10.0]
    assert len(collector.requests) == 1
    assert exporter.export(spans(1)) is ExportResult.SUCCESS
    assert time_.waits == [10.0, 4.0]


@pytest.mark.parametrize("value", ["soon", "-5", "1e9", "999999999999999999999"])
def test_a_senseless_retry_after_does_no_harm(collector, exporter, value):
    collector.script = [(503, {"Retry-After": value})]
    exporter.export(spans(1))
    assert len(collector.requests) <= 2


def test_all_attempts_of_a_batch_share_one_deadline(collector, exporter, time_, told):
    collector.script = [503] * 50
    start = time_.now
    assert exporter.export(spans(2)) is ExportResult.FAILURE
    assert time_.now - start <= 10.0
    assert 3 <= len(collector.requests) <= 6
    assert exporter.stats()["spans_failed"] == 2
    assert told.names == ["exporter_failing"]


def test_a_request_too_large_for_the_collector_is_divided_until_it_fits(collector, exporter):
    collector.script = [413, 413, 200, 200, 413, 200, 200]
    assert exporter.export(spans(8)) is ExportResult.SUCCESS
    ids = [s.span_id for r in collector.accepted for s in r.resource_spans[0].scope_spans[0].spans]
    assert sorted(ids) == [n.to_bytes(8, "little") for n in range(1, 9)]
    assert exporter.stats()["splits"] == 3


def test_a_single_span_too_large_is_lost_and_the_others_arrive(collector, exporter):
    collector.script = [413, 413, 200]
    made = batch(spans=(view("huge"), view("small")))
    assert exporter.export(made) is ExportResult.FAILURE
    assert collector.names() == ["small"]
    assert exporter.stats()["spans_failed"] == 1
    assert exporter.stats()["spans_sent"] == 1


def test_a_batch_of_many_megabytes_goes_out_in_requests_below_four(collector, exporter):
    assert exporter.export(spans(60, size=200_000)) is ExportResult.SUCCESS
    assert len(collector.names()) == 60
    assert max(int(headers["content-length"]) for headers in collector.headers) < 4 * 1024 * 1024
    assert len(collector.requests) == 3


def test_rejected_spans_of_a_partial_success_are_counted_and_told_once(collector, exporter, told):
    collector.script = [partial_success(2, "secret text"), partial_success(1)]
    assert exporter.export(spans(5)) is ExportResult.SUCCESS
    assert exporter.export(spans(5)) is ExportResult.SUCCESS
    stats = exporter.stats()
    assert (stats["spans_sent"], stats["spans_rejected"], stats["spans_failed"]) == (7, 3, 0)
    assert told.events == [("spans_rejected", "warn", {"exporter": "otlp", "rejected": 2})]


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"<html>", partial_success(-4)[2]])
def test_an_answer_that_says_nothing_useful_rejects_nothing(body):
    assert OtlpEncoder().rejected(body) == 0


def test_no_more_spans_are_rejected_than_were_sent(collector, exporter):
    collector.script = [partial_success(2**40)]
    exporter.export(spans(5))
    assert exporter.stats()["spans_rejected"] == 5


def test_a_connection_that_breaks_is_tried_again_at_once(collector, exporter, time_, told):
    collector.script = [close, 200]
    assert exporter.export(spans(1)) is ExportResult.SUCCESS
    assert time_.waits == []
    assert told.events == []


@pytest.mark.parametrize("behaviour", [break_off_the_answer, hang_in_the_answer])
def test_a_success_whose_body_never_comes_is_a_success(collector, told, behaviour):
    collector.script = [behaviour]
    exporter = exporter_for(collector.url, told=told, timeout=0.5)
    assert exporter.export(spans(1)) is ExportResult.SUCCESS
    assert len(collector.requests) == 1
    exporter.shutdown(1.0)


def test_a_collector_that_never_answers_costs_one_timeout(collector, told):
    collector.script = [hang, hang, hang]
    exporter = exporter_for(collector.url, told=told, timeout=0.2)
    assert exporter.export(spans(1)) is ExportResult.FAILURE
    assert told.events[0][2]["reason"] == "no answer in time"
    assert len(collector.requests) == 1
    exporter.shutdown(1.0)


def test_an_absent_collector_is_told_once_with_what_a_person_needs(time_, told):
    with unused_port() as port:
        exporter = exporter_for(f"http://u:pw@127.0.0.1:{port}", time_, told)
        for _ in range(3):
            assert exporter.export(spans(1)) is ExportResult.FAILURE
    expected = {
        "exporter": "otlp",
        "endpoint": f"http://127.0.0.1:{port}",
        "reason": "Connection refused",
    }
    assert told.events == [("exporter_failing", "warn", expected)]
    assert exporter.stats()["spans_failed"] == 3


def test_a_host_without_address_is_told(time_, told, monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses._Names, "getaddrinfo", unknown)
    exporter = exporter_for("http://no-such-host.invalid:4318", time_, told)
    assert exporter.export(spans(1)) is ExportResult.FAILURE
    assert told.names == ["exporter_failing"]
    assert told.events[0][2]["reason"] == "Name or service not known"


def test_a_recovery_is_told_once_and_the_next_outage_again(collector, exporter, told):
    collector.script = [400, 200, 200, 400]
    for _ in range(4):
        exporter.export(spans(1))
    assert [event[:2] for event in told.events] == [
        ("exporter_failing", "warn"),
        ("exporter_recovered", "warn"),
        ("exporter_failing", "warn"),
    ]


def test_a_single_failed_attempt_is_not_worth_a_warning(collector, exporter, told):
    collector.script = [503, 200, 503, 200]
    exporter.export(spans(1))
    exporter.export(spans(1))
    assert told.events == []


def test_an_interrupt_ends_the_wait_between_attempts(collector, told):
    collector.script = [(503, {"Retry-After": "60"})] * 5
    waiting = threading.Event()
    collector.script[0] = lambda handler: (waiting.set(), handler.answer(None, 503, {}))
    exporter = exporter_for(collector.url, told=told, timeout=60.0)
    results = []
    thread = threading.Thread(target=lambda: results.append(exporter.export(spans(1))))
    thread.start()
    assert waiting.wait(60)
    exporter.interrupt()
    thread.join(60)
    assert results == [ExportResult.FAILURE]
    exporter.shutdown(1.0)


def test_after_an_interrupt_a_batch_still_gets_one_attempt(collector, exporter):
    exporter.interrupt()
    assert exporter.export(spans(1)) is ExportResult.SUCCESS


def test_after_shutdown_nothing_is_sent(collector, exporter):
    exporter.shutdown(1.0)
    assert exporter.export(spans(1)) is ExportResult.FAILURE
    assert collector.requests == []


@pytest.mark.filterwarnings("ignore:This process")  # the collector has a thread
def test_a_forked_child_uses_connections_and_counters_of_its_own(collector, exporter):
    exporter.export(spans(2))
    pid = os.fork()
    if not pid:
        exporter.reopen_after_fork()
        is_new = exporter.stats()["spans_sent"] == 0
        os._exit(not (is_new and exporter.export(spans(1)) is ExportResult.SUCCESS))
    assert os.waitpid(pid, 0)[1] == 0
    assert exporter.export(spans(3)) is ExportResult.SUCCESS
    assert len(collector.names()) == 6
    assert collector.connections == 2


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other.pem")
    client = authority.issue_cert("client@example.org")
    client.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    return folder


@pytest.fixture
def tls_collector(authority):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    server.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server)
    with running_collector(server) as running:
        yield running


def test_tls_checks_both_sides_with_the_given_files(tls_collector, files, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files / "other.pem"))
    exporter = exporter_for(
        tls_collector.url, verify=str(files / "ca.pem"), certificate=str(files / "client.pem")
    )
    assert exporter.export(spans(2)) is ExportResult.SUCCESS
    assert len(tls_collector.names()) == 2
    exporter.shutdown(1.0)


def test_a_certificate_of_an_unknown_authority_is_refused_without_retries(
    tls_collector, files, told, time_
):
    exporter = exporter_for(tls_collector.url, time_, told, verify=str(files / "other.pem"))
    assert exporter.export(spans(1)) is ExportResult.FAILURE
    assert exporter.stats()["requests"] == 1
    assert "Cert" in told.events[0][2]["reason"] or "cert" in told.events[0][2]["reason"]
    exporter.shutdown(1.0)


def test_a_tls_file_that_is_missing_is_told(tls_collector, told, time_):
    exporter = exporter_for(tls_collector.url, time_, told, verify="/absent/ca.pem")
    assert exporter.export(spans(1)) is ExportResult.FAILURE
    assert told.events[0][2]["reason"] == "a TLS file cannot be read"
