"""A bad value in the environment is told once; the same value from a caller is an error."""

from __future__ import annotations

import json
import os
import threading

import pytest
from tests.conftest import HEADER, rule
from tests.traced_run import run_python, run_traced, spans_in

from codetracer_otel.errors import ConfigurationError
from codetracer_otel.filters import filter_from_text
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.testing import InMemoryExporter

ONLY_THIS = filter_from_text(HEADER + rule(f"file:glob:**{__file__}"))
BAD = {
    "CODETRACER_EXPORTER": "jsnol",
    "CODETRACER_TRACE_OUTPUT": "nowhere",
    "CODETRACER_TRACE_ORDER": "random",
    "CODETRACER_TRACE_STRICT": "perhaps",
    "CODETRACER_LEARN_SECRETS": "perhaps",
    "CODETRACER_ON_RECORDER_ERROR": "explode",
    "CODETRACER_REQUIRE_TRACE": "perhaps",
    "CODETRACER_KEEP_PARTIAL_TRACE": "perhaps",
    "CODETRACER_LOG_LEVEL": "loud",
    "CODETRACER_LOG_FILE": "/no/such/directory/x.log",
    "CODETRACER_JSON_ERRORS": "perhaps",
    "CODETRACER_CAPTURE_IO": "all",
    "CODETRACER_MODULE_NAME_FROM_GLOBALS": "perhaps",
    "CODETRACER_PROPAGATE_SCRIPT_EXIT": "perhaps",
    "TRACEPARENT": "00-zz-zz-01",
    "OTEL_TRACES_EXPORTER": "zipkin_of_old",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "zip",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "soon",
    "OTEL_EXPORTER_OTLP_HEADERS": "no pair",
    "OTEL_RESOURCE_ATTRIBUTES": "no pair",
    "OTEL_BSP_MAX_QUEUE_SIZE": "many",
    "OTEL_BSP_SCHEDULE_DELAY": "-1",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "0",
    "OTEL_BSP_EXPORT_TIMEOUT": "never",
    "OTEL_SDK_DISABLED": "perhaps",
    "OTEL_TRACES_SAMPLER": "no_such_thing",
    "OTEL_PROPAGATORS": "tracecontext,no_such_thing",
    "OTEL_PYTHON_TRACER_PROVIDER": "no_such_thing",
    "OTEL_PYTHON_METER_PROVIDER": "no_such_thing",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "-1",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "many",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "many",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "many",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "-1",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "long",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "long",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[x",
    "OTEL_EXPORTER_OTLP_INSECURE": "perhaps",
}
EXPORTERS = {"CODETRACER_EXPORTER", "OTEL_TRACES_EXPORTER"}
# Exporter -> the status of a run whose flag names it.
UNUSABLE = {
    "jsonl=/no/such/directory/x": 10,
    "chrome=/no/such/directory/x": 10,
    "native=/proc/no": 10,
    "no.such.module:Thing": 2,
    "provider": 2,
}
POLICY = {
    "on_recorder_error": "explode",
    "require_trace": "perhaps",
    "keep_partial_trace": "perhaps",
    "log_level": "loud",
    "log_file": "",
    "json_errors": "perhaps",
    "capture_io": "all",
    "module_name_from_globals": "perhaps",
    "propagate_script_exit": "perhaps",
    "deliver_at_os_exit": "perhaps",
}


def work(number):
    return number


def numbers(exporter):
    return [span.attributes["codetracer.arg.number"] for span in exporter.spans]


@pytest.mark.parametrize("variable", BAD)
def test_each_bad_variable_is_one_line_and_the_session_records(monkeypatch, capsys, variable):
    monkeypatch.setenv(variable, BAD[variable])
    given = None if variable in EXPORTERS else "none"
    monkeypatch.setattr("codetracer_otel.exporters.files.jsonl.JsonLinesExporter.export", deliver)
    with configure(ONLY_THIS, given) as session:
        work(1)
        assert session.is_recording
    ours = [line for line in capsys.readouterr().err.splitlines() if "ts_micros" in line]
    assert len(ours) == 1
    line = json.loads(ours[0])
    assert line["level"] == "WARN"
    assert line["error_code"]
    assert (
        line["message"]
        .removeprefix("ignored part of ")
        .removeprefix("ignored ")
        .startswith(f"{variable}: ")
    )
    assert os.environ[variable] == BAD[variable]


def deliver(_exporter, _batch):
    return ExportResult.SUCCESS


def test_all_of_them_together_do_not_stop_a_program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "import codetracer_otel as ct\nsession = ct.configure(exporter='none')\n"
        "session.shutdown()\nprint('here')\n"
    )
    process = run_python(path, cwd=tmp_path, **BAD)
    assert (process.stdout, process.returncode) == ("here\n", 0)
    told = [json.loads(line)["message"] for line in process.stderr.splitlines()]
    named = {text.partition(":")[0].rpartition(" ")[2] for text in told}
    assert named == BAD.keys() - EXPORTERS  # an exporter is stated


def test_a_span_without_a_session_is_not_stopped_either(tmp_path):
    code = "import codetracer_otel as ct\nwith ct.span('x'): print('here')"
    process = run_python("-c", code, cwd=tmp_path, **{**BAD, "CODETRACER_TRACE": "all"})
    assert (process.stdout, process.returncode) == ("here\n", 0), process.stderr


@pytest.mark.parametrize("exporter", UNUSABLE)
def test_an_exporter_of_the_environment_that_cannot_be_made_is_left_out(
    monkeypatch, capsys, exporter
):
    monkeypatch.setenv("CODETRACER_EXPORTER", f"{exporter},console")
    with configure(ONLY_THIS) as session:
        assert list(session.stats()["exporters"]) == ["console"]
        work(1)
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "ts_micros" in text]
    assert exporter.partition("=")[2] in line
    told = json.loads(line)["message"]
    assert told.startswith("left out an exporter that the environment names: ")


@pytest.mark.parametrize("exporter", UNUSABLE)
def test_the_same_exporter_as_a_flag_ends_the_run_before_the_program(tmp_path, exporter):
    process = run_traced("--exporter", exporter, "-c", "print('here')", cwd=tmp_path)
    assert (process.stdout, process.returncode) == ("", UNUSABLE[exporter])
    assert len(process.stderr.splitlines()) == 1


def test_the_same_values_from_a_caller_are_one_error_with_all_problems():
    with pytest.raises(ConfigurationError) as caught:
        configure(exporter="jsnol", capture=("argz",), policy=POLICY)
    told = [problem.message.split(":")[0] for problem in caught.value.problems]
    assert sorted(told) == sorted(["exporter", "capture", *(f"policy.{name}" for name in POLICY)])
    assert active_session() is None


def test_two_sessions_in_a_row_record_each_its_own():
    first, second = InMemoryExporter(), InMemoryExporter()
    with configure(ONLY_THIS, first):
        work(1)
    work(2)
    with configure(ONLY_THIS, second):
        work(3)
    assert (numbers(first), numbers(second)) == ([1], [3])


def test_configure_while_another_session_delivers_waits_for_it_and_loses_nothing():
    began, go_on = threading.Event(), threading.Event()

    class Slow(InMemoryExporter):
        def export(self, batch):
            began.set()
            assert go_on.wait(30)
            return super().export(batch)

    slow, quick = Slow(), InMemoryExporter()
    session = configure(ONLY_THIS, slow)
    work(1)
    threading.Thread(target=session.flush).start()
    assert began.wait(30)
    threading.Timer(0.1, go_on.set).start()
    with configure(ONLY_THIS, quick):
        work(2)
    assert (numbers(slow), numbers(quick)) == ([1], [2])


@pytest.mark.filterwarnings("ignore:This process")  # the test runner has threads
def test_configure_in_a_forked_child_begins_a_session_of_its_own(tmp_path):
    parent, spans = InMemoryExporter(), tmp_path / "spans.jsonl"
    with configure(ONLY_THIS, parent):
        work(1)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with configure(ONLY_THIS, f"jsonl={spans}"):
                    work(2)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        work(3)
    assert numbers(parent) == [1, 3]
    (span,) = spans_in(spans)
    assert span["attributes"]["codetracer.arg.number"] == 2
