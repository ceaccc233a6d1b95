"""Log lines and JSON trailers: their form, their levels, where they go."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import os
import stat
import sys
import threading

import pytest

from codetracer_otel.bindings import Event, Threads
from codetracer_otel.errors import EnvironmentFailure, ErrorCode, UsageError
from codetracer_otel.sdk.diagnostics.logger import SessionLog, report_problem
from codetracer_otel.sdk.settings.resolve import resolve


@pytest.fixture
def open_log():
    logs = []

    def open_with(environ=(), **policy):
        log = SessionLog(resolve({"policy": policy}, dict(environ)))
        log.open()
        logs.append(log)
        return log

    yield open_with
    for log in logs:
        log.close()


@pytest.fixture
def _logging_as_it_was():
    """Put back what a program may replace; a configuration disables every logger that is there."""
    factory, kind = logging.getLogRecordFactory(), logging.getLoggerClass()
    loggers = [
        it for it in logging.root.manager.loggerDict.values() if isinstance(it, logging.Logger)
    ]
    disabled = [logger.disabled for logger in loggers]
    yield
    logging.disable(logging.NOTSET)
    logging.setLogRecordFactory(factory)
    logging.setLoggerClass(kind)
    for logger, was_disabled in zip(loggers, disabled, strict=True):
        logger.disabled = was_disabled


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_has_its_fields_in_order(open_log, capsys):
    log = open_log(log_level="info")
    log.notify(
        "recorder_failed", "error", error="ValueError", error_code=ErrorCode.UNKNOWN,
        module_path="codetracer_otel.x", file="/x.py", line=7, trace_id="ab", depth=2,
    )  # fmt: skip
    (line,) = lines(capsys)
    assert list(line) == [
        "ts_micros", "level", "target", "run_id", "trace_id", "message", "error_code",
        "module_path", "file", "line", "fields",
    ]  # fmt: skip
    assert line["level"] == "ERROR"
    assert line["target"] == "codetracer_otel.session"
    assert line["run_id"] == log.run_id
    assert line["message"] == "recorder failed"
    assert line["fields"] == {"error": "ValueError", "depth": 2}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_person_at_a_terminal_reads_plain_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    log = SessionLog(resolve({}, {}))
    log.notify("exporter_failing", "warn", reason="\x1b[31mrefused\nby", exporter="otlp")
    log.notify("recorder_failed", "error", error="ValueError", module_path="a.b", line=7, depth=2)
    log.notify("spans_dropped", "warn", buffer_full=3)
    log.close()
    assert sys.stderr.getvalue() == (
        "codetracer-otel: warning: ERR_EXPORT_FAILED exporter failing "
        "(reason=\\x1b[31mrefused\\nby, exporter=otlp)\n"
        "codetracer-otel: error: ERR_UNKNOWN recorder failed "
        "(module_path=a.b, line=7, error=ValueError, depth=2)\n"
        "codetracer-otel: warning: spans dropped (buffer_full=3)\n"
    )


def test_a_log_file_has_json_lines_wherever_the_standard_error_goes(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stderr", Terminal())
    log = SessionLog(resolve({"policy": {"log_file": tmp_path / "log"}}, {}))
    log.notify("spans_dropped", "warn", buffer_full=3)
    log.close()
    assert json.loads(tmp_path.joinpath("log").read_text())["fields"] == {"buffer_full": 3}
    assert sys.stderr.getvalue() == ""


def test_what_is_not_known_is_left_out(open_log, capsys):
    open_log(log_level="info").notify("exporter_recovered", "info")
    (line,) = lines(capsys)
    assert list(line) == ["ts_micros", "level", "target", "run_id", "message"]
    assert line["target"] == "codetracer_otel.export"


@pytest.mark.parametrize(
    ("level", "passing"),
    [
        ("off", []),
        ("error", ["recorder failed"]),
        ("warn", ["recorder failed", "exporter raised"]),
        (
            "debug",
            ["recorder failed", "exporter raised", "host provider kept", "module name unknown"],
        ),
        ("error,codetracer_otel.export=warn", ["recorder failed", "exporter raised"]),
        ("error,export=warn", ["recorder failed", "exporter raised"]),
        ("debug,export=off,filter=off", ["recorder failed", "host provider kept"]),
        ("off,codetracer_otel=error", ["recorder failed"]),
    ],
)
def test_the_longest_prefix_of_a_target_says_what_passes(open_log, capsys, level, passing):
    log = open_log(log_level=level)
    log.notify("recorder_failed", "error")
    log.notify("exporter_raised", "warn")
    log.notify("host_provider_kept", "info")
    log.notify("module_name_unknown", "debug")
    assert [line["message"] for line in lines(capsys)] == passing


def test_a_log_file_is_created_with_mode_0600_and_appended_to(open_log, tmp_path, capsys):
    path = tmp_path / "session.log"
    for _ in range(2):
        log = open_log(log_file=str(path))
        log.notify("recorder_failed", "error")
        log.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().splitlines()) == 2
    assert capsys.readouterr().err == ""


def test_a_log_file_that_a_caller_named_must_open(open_log, tmp_path):
    with pytest.raises(EnvironmentFailure) as caught:
        open_log(log_file=str(tmp_path / "missing" / "session.log"))
    assert caught.value.code is ErrorCode.IO
    assert "No such file" in str(caught.value)


def test_a_log_file_of_the_environment_that_cannot_be_opened_is_one_line(
    open_log, tmp_path, capsys
):
    open_log({"CODETRACER_LOG_FILE": str(tmp_path / "missing" / "session.log")})
    (line,) = lines(capsys)
    assert line["error_code"] == "ERR_IO"
    assert "CODETRACER_LOG_FILE" in line["message"]


def test_a_failure_has_a_trailer_where_the_policy_says_so(open_log, capsys):
    log = open_log(json_errors=True, log_level="off")
    log.notify("exporter_failing", "warn", endpoint="http://c:4318")
    log.notify("exporter_recovered", "info")
    (line,) = capsys.readouterr().err.splitlines()
    assert line == json.dumps(
        {
            "context": {"endpoint": "http://c:4318"},
            "error_code": "ERR_EXPORT_FAILED",
            "error_kind": "environment",
            "message": "exporter failing",
            "run_id": log.run_id,
            "trace_id": None,
        }
    )


def test_lines_go_where_standard_error_went_at_the_beginning(open_log, monkeypatch, capsys):
    log = open_log()
    replaced = io.StringIO()
    monkeypatch.setattr(sys, "stderr", replaced)
    log.notify("recorder_failed", "error")
    monkeypatch.undo()
    assert replaced.getvalue() == ""
    (line,) = lines(capsys)
    assert line["message"] == "recorder failed"


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "absent"])
def test_a_standard_error_that_is_not_there_loses_lines_and_raises_nothing(
    open_log, monkeypatch, closed
):
    stream = io.StringIO() if closed else None
    monkeypatch.setattr(sys, "stderr", stream)
    log = open_log()
    if closed:
        stream.close()
    log.notify("recorder_failed", "error")


@pytest.mark.parametrize(
    "replace",
    [
        lambda: logging.config.dictConfig({"version": 1}),
        lambda: logging.disable(logging.CRITICAL),
        lambda: logging.setLogRecordFactory(lambda *_, **__: 1 / 0),
        lambda: logging.setLoggerClass(type("Own", (logging.Logger,), {})),
    ],
    ids=["dictConfig", "disable", "factory", "class"],
)
@pytest.mark.usefixtures("_logging_as_it_was")
def test_nothing_that_a_program_does_to_logging_silences_the_log(open_log, capsys, replace):
    log = open_log()
    replace()
    log.notify("recorder_failed", "error")
    (line,) = lines(capsys)
    assert line["message"] == "recorder failed"


def test_a_line_is_no_record_of_the_programs_logging(open_log, caplog):
    caplog.set_level(logging.DEBUG)
    open_log(log_level="debug").notify("recorder_failed", "error")
    assert caplog.records == []


def test_a_line_makes_no_thread_known_to_the_program(open_log):
    log = open_log(log_file=os.devnull)
    done = Event()

    def tell():
        log.notify("recorder_failed", "error")
        done.set()

    Threads.start_new_thread(tell, ())
    assert done.wait(60)
    assert [type(thread) for thread in threading.enumerate() if "Dummy" in thread.name] == []


def test_values_that_are_no_json_become_text(open_log, capsys):
    open_log().notify("recorder_failed", "error", ratio=float("nan"), path=os, text="\ud800ä\n")
    (line,) = lines(capsys)
    assert line["fields"]["ratio"] == "nan"
    assert line["fields"]["text"] == "\\ud800ä\n"


def test_every_problem_is_a_line_of_its_own_where_no_session_runs(capsys):
    with pytest.raises(UsageError) as caught:
        resolve({"capture": ["x"], "exporter": "nope"}, {})
    report_problem(caught.value)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all(line.startswith("codetracer-otel: ERR_") for line in told)


def test_a_problem_without_a_session_has_a_trailer_where_asked(capsys):
    error = UsageError("no such thing", ErrorCode.UNSUPPORTED_FORMAT, {"name": "x"})
    report_problem(error, json_errors=True)
    text, trailer = capsys.readouterr().err.splitlines()
    assert text == "codetracer-otel: ERR_UNSUPPORTED_FORMAT no such thing (name=x)"
    assert json.loads(trailer)["context"] == {"name": "x"}


def test_a_log_file_on_a_full_disk_loses_lines_and_raises_nothing(open_log):
    log = open_log(log_file="/dev/full")
    log.notify("recorder_failed", "error")
    log.close()
