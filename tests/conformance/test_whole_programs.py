"""What whole programs deliver is valid OTLP: the shop, the corpus, and programs beside contrib."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.collector.receiver import running_receiver
from tests.conformance.validator import BY_THE_SDK, assert_valid
from tests.corpus.test_corpus import PROGRAMS
from tests.ecosystem.instrument import delivering_to, instrumented, running_page
from tests.exporters.collector import running_collector
from tests.traced_run import PROJECT, run_traced

# those that end, suspend, fork, spawn, hand over and fail in ways of their own
CORPUS = [
    "asynchronous",
    "executor",
    "finalizers",
    "fork",
    "processes_spawn",
    "uncaught_chain",
    "uncaught_group",
]


def delivered(*words, **options):
    with running_collector() as collector:
        run_traced("--quiet", "--exporter", f"otlp={collector.url}", *words, **options)
        return assert_valid(collector.requests)


def test_the_shop_is_valid():
    spans = delivered(PROJECT / "examples" / "shop" / "main.py")
    assert len(spans) > 50


@pytest.mark.parametrize("name", CORPUS)
def test_a_program_of_the_corpus_is_valid(name, tmp_path):
    (tmp_path / f"{name}.py").write_bytes((PROGRAMS / f"{name}.py").read_bytes())
    delivered(f"{name}.py", cwd=tmp_path)


@pytest.mark.parametrize("exporter", ["", "otlp"])
@pytest.mark.parametrize("program", ["wsgi_app", "secret_query"])
def test_programs_beside_contrib_are_valid(program, exporter):
    with running_receiver() as receiver, running_page() as (url, _):
        target = exporter and f"{exporter}={receiver.endpoint}"
        ended = instrumented(program, url, CODETRACER_EXPORTER=target, **delivering_to(receiver))
        assert ended.returncode == 0, ended.stderr
        sent = [ExportTraceServiceRequest.FromString(it.body) for it in receiver.requests]
    assert_valid(sent, but=BY_THE_SDK)
