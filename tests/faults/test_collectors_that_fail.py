"""A collector may be anything but there and well: the program does not notice."""

from __future__ import annotations

import ssl

import pytest
import trustme
from tests.exporters.collector import (
    break_off_the_answer,
    close,
    hang,
    partial_success,
    running_collector,
    unused_port,
)
from tests.faults.collectors import (
    arrived_once,
    collecting,
    spans_of,
    wait_for_requests,
    wait_for_spans,
)
from tests.faults.running import SHUTDOWN_S, running, worked

WORK = "__main__.work"


@pytest.mark.parametrize("name", ["otlp", "otlp-grpc"])
def test_an_absent_collector(tmp_path, name):
    with unused_port() as port, running(tmp_path, [f"{name}=http://127.0.0.1:{port}"]) as program:
        program.do(100)
        ended = program.end()
    assert ended.output == worked(100)
    assert (ended.recorded, ended.exported) == (100, 0)
    assert ended.dropped == {"export_failed": 100}
    assert ended.events.count("exporter failing") == 1


def test_a_collector_that_starts_late(tmp_path):
    with unused_port() as port:
        exporters = [f"otlp=http://127.0.0.1:{port}"]
        with running(tmp_path, exporters, CODETRACER_LOG_LEVEL="info") as program:
            program.do(100)
            program.wait_for_log("exporter failing")
            with collecting(port) as collector:
                wait_for_spans(collector, 100)
                program.do(50)
                ended = program.end()
    assert ended.output == worked(150)
    assert arrived_once(collector) == {WORK: 150}
    assert (ended.recorded, ended.exported, ended.dropped) == (150, 150, {})
    assert ended.told_of("exporter ") == ["exporter failing", "exporter recovered"]


def test_a_collector_that_is_killed_and_started_again(tmp_path):
    with unused_port() as port:
        exporters = [f"otlp=http://127.0.0.1:{port}"]
        with running(tmp_path, exporters, CODETRACER_LOG_LEVEL="info") as program:
            with collecting(port) as first:
                program.do(100)
                wait_for_spans(first, 100)
            program.do(60)
            program.wait_for_log("exporter failing")
            with collecting(port) as second:
                wait_for_spans(second, 60)
                program.do(40)
                ended = program.end()
    assert ended.output == worked(200)
    assert arrived_once(first, second) == {WORK: 200}
    assert (ended.recorded, ended.exported, ended.dropped) == (200, 200, {})
    assert ended.told_of("exporter ") == ["exporter failing", "exporter recovered"]


@pytest.mark.parametrize(
    "answer",
    [(429, {"Retry-After": "1"}), 502, 503, 504, close, break_off_the_answer],
    ids=["429", "502", "503", "504", "closes", "closes in its answer"],
)
def test_an_answer_that_asks_for_another_attempt(tmp_path, answer):
    with collecting() as collector:
        collector.script = [answer]
        with running(tmp_path, [f"otlp={collector.url}"]) as program:
            program.do(100)
            wait_for_requests(collector, 1)
            ended = program.end()
    assert ended.output == worked(100)
    assert (ended.recorded, ended.exported, ended.dropped) == (100, 100, {})
    if answer is break_off_the_answer:  # its status had come, so nothing is sent again
        assert len(spans_of(collector.requests)) == 100
    else:
        assert arrived_once(collector) == {WORK: 100}
    assert ended.events == []


def test_a_refused_batch_is_lost_and_the_next_one_is_not(tmp_path):
    with collecting() as collector:
        collector.script = [400]
        with running(tmp_path, [f"otlp={collector.url}"]) as program:
            program.do(100)
            wait_for_requests(collector, 1)
            program.do(50)
            ended = program.end()
    lost = len(spans_of(collector.requests)) - len(spans_of(collector.accepted))
    assert lost > 0
    assert ended.output == worked(150)
    assert arrived_once(collector) == {WORK: 150 - lost}
    assert (ended.recorded, ended.exported) == (150, 150 - lost)
    assert ended.dropped == {"export_failed": lost}
    assert ended.events.count("exporter failing") == 1


def test_a_request_that_is_too_large_is_divided(tmp_path):
    with collecting() as collector:
        collector.script = [413, 413]
        with running(tmp_path, [f"otlp={collector.url}"]) as program:
            program.do(1000)
            ended = program.end()
    assert ended.output == worked(1000)
    assert arrived_once(collector) == {WORK: 1000}
    assert (ended.recorded, ended.exported, ended.dropped) == (1000, 1000, {})
    assert len(collector.requests) >= 4


def test_a_partial_success_is_counted(tmp_path):
    with collecting() as collector:
        collector.script = [partial_success(10)]
        with running(tmp_path, [f"otlp={collector.url}"]) as program:
            program.do(100)
            ended = program.end()
    lost = min(10, len(spans_of(collector.requests[:1])))
    assert ended.output == worked(100)
    assert (ended.recorded, ended.exported) == (100, 100 - lost)
    assert ended.dropped == {"rejected": lost}
    assert ended.events.count("spans rejected") == 1


def test_a_collector_that_never_answers(tmp_path):
    with collecting() as collector:
        collector.script = [hang] * 50
        with running(tmp_path, [f"otlp={collector.url}"]) as program:
            program.do(100)
            wait_for_requests(collector, 1)
            program.do(50)
            ended = program.end()
    assert ended.output == worked(150)
    assert ended.seconds > SHUTDOWN_S - 1
    assert (ended.recorded, ended.exported, ended.dropped) == (150, 0, {"shutdown": 150})


def test_a_collector_that_never_answers_loses_what_it_was_given_time_for(tmp_path):
    with collecting() as collector:
        collector.script = [hang]
        variables = {"OTEL_EXPORTER_OTLP_TIMEOUT": "0.5", "CODETRACER_LOG_LEVEL": "info"}
        with running(tmp_path, [f"otlp={collector.url}"], **variables) as program:
            program.do(100)
            program.wait_for_log("exporter failing")
            program.do(50)
            ended = program.end()
    lost = len(spans_of(collector.requests[:1]))
    assert ended.output == worked(150)
    assert (ended.recorded, ended.exported) == (150, 150 - lost)
    assert ended.dropped == {"export_failed": lost}
    assert ended.told_of("exporter ") == ["exporter failing", "exporter recovered"]


def test_a_certificate_that_nobody_vouches_for(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with (
        running_collector(context) as collector,
        running(tmp_path, [f"otlp={collector.url}"]) as program,
    ):
        program.do(100)
        ended = program.end()
    assert ended.output == worked(100)
    assert collector.requests == []
    assert (ended.recorded, ended.exported, ended.dropped) == (100, 0, {"export_failed": 100})
    (line,) = [line for line in ended.log if line["message"] == "exporter failing"]
    assert "certificate" in line["fields"]["reason"].lower()


def test_a_host_that_has_no_address(tmp_path):
    with running(tmp_path, ["otlp=http://collector.invalid:4318"]) as program:
        program.do(100)
        ended = program.end()
    assert ended.output == worked(100)
    assert (ended.recorded, ended.exported) == (100, 0)
    assert sum(ended.dropped.values()) == 100  # a slow resolver may still be asked at the end
