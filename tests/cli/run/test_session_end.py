"""What is left to do when the traced program has ended."""

import io
import json
import os
import sys

import pytest
from tests.traced_run import run_traced

from codetracer_otel.cli.run.session_end import Ending, destinations, summary
from codetracer_otel.errors import ErrorCode, InternalError, TargetError
from codetracer_otel.sdk.settings.exporter_specs import ExporterSpec
from codetracer_otel.sdk.settings.model import Settings
from codetracer_otel.sdk.settings.resolve import resolve

STATS = {
    "recorded": 7,
    "exported": 4,
    "dropped": {"buffer_full": 2, "export_failed": 1},
    "value_redactions": {"argument": 2, "return": 1},
    "scopes_skipped": 5,
}


class Session:
    def __init__(self, stats=STATS, failure=None, environ=(), **keywords):
        self.settings = resolve({"exporter": "none", **keywords}, dict(environ))
        self._stats = stats
        self._failure = failure
        self.shut_down = 0

    def stats(self):
        return self._stats

    def why_nothing(self):
        return "no span: said the session"

    def unmatched_rules(self):
        return []

    def note_exit(self, status):
        self.noted = status

    def shutdown(self, timeout=5.0):
        self.shut_down += 1
        if self._failure is not None:
            raise self._failure
        return True


@pytest.fixture
def stderr(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", stream)
    return stream


def close(session, *, quiet=False, status=0):
    ended = []
    ending = Ending(session, quiet=quiet, end=ended.append)
    ending.finish(status)
    ending.close()
    return ended


def test_the_summary_is_one_line(stderr):
    close(Session())

    assert stderr.getvalue() == (
        "codetracer-otel: 7 spans recorded, 4 exported, 3 dropped (2 buffer_full, 1 export_failed)"
        ", 3 values redacted; not delivered (exporter none)\n"
    )


def test_a_program_that_is_interrupted_when_it_is_over_is_summed_up(stderr):
    assert close(Session(failure=KeyboardInterrupt())) == []
    assert stderr.getvalue().startswith("codetracer-otel: 7 spans recorded, 4 exported")


@pytest.mark.parametrize(
    ("spans", "folded", "is_told"),
    [(5_001, {}, True), (4_000, {}, False), (5_001, {"calls": 3, "spans": 1}, False)],
)
def test_a_function_that_made_most_of_many_spans_is_named_with_what_folds_it(
    stderr, spans, folded, is_told
):
    busiest = {"function": "shop.tax", "spans": spans, "of": 10_000}
    close(Session({**STATS, "busiest_function": busiest, "folded": folded}))
    line = "codetracer-otel: shop.tax made 5,001 of 10,000 spans; [scope.fold] in a filter makes"
    assert (line in stderr.getvalue()) is is_told
    assert (", 3 calls folded into 1 span; not" in stderr.getvalue()) is bool(folded)


def test_the_summary_of_several_exporters_says_that_each_counts(stderr):
    close(Session(exporter=["console", "jsonl=/x/spans.jsonl"]))

    assert "7 spans recorded, 4 exported by 2 exporters, 3 dropped" in stderr.getvalue()


def test_the_summary_is_a_json_line_between_json_lines(stderr):
    close(Session(exporter="jsonl"))

    line = json.loads(stderr.getvalue())
    assert line["kind"] == "stats"
    assert (line["recorded"], line["exported"], line["redacted"]) == (7, 4, 3)
    assert line["dropped"] == {"buffer_full": 2, "export_failed": 1}
    assert "reason" not in line


def test_json_lines_in_a_file_leave_the_summary_a_text(stderr):
    close(Session(exporter="jsonl=/x/spans.jsonl"))

    assert stderr.getvalue().endswith("; to jsonl=/x/spans.jsonl\n")


def test_without_a_span_the_json_line_says_why(stderr):
    close(Session({**STATS, "recorded": 0}, exporter="jsonl"))

    assert json.loads(stderr.getvalue())["reason"] == "no span: said the session"


def test_quiet_leaves_the_summary_out(stderr):
    session = Session()

    close(session, quiet=True)

    assert stderr.getvalue() == ""
    assert session.shut_down == 1


def test_the_summary_does_not_go_where_the_program_sent_its_stderr(stderr, monkeypatch):
    captured = io.StringIO()
    monkeypatch.setattr(sys, "stderr", captured)

    close(Session())

    assert captured.getvalue() == ""
    assert "spans recorded" in stderr.getvalue()


def test_without_a_stderr_there_is_no_summary_and_no_error(monkeypatch):
    monkeypatch.setattr(sys, "__stderr__", None)

    assert close(Session()) == []


def test_without_a_span_the_summary_says_why(stderr):
    close(Session({**STATS, "recorded": 0}))

    assert stderr.getvalue().splitlines()[1] == "codetracer-otel: no span: said the session"


def test_the_destinations_show_no_credentials():
    session = Session(
        exporter=["otlp", "otlp-grpc=http://me:hush@c:4317", "console", object_exporter()],
        environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:hush@c:4318"},
    )

    assert destinations(session.settings) == (
        "to otlp=http://c:4318, otlp-grpc=http://c:4317, console on stderr, Mine"
    )


def object_exporter():
    class Mine:
        def export(self, batch): ...

    return Mine()


def test_a_summary_without_counters_is_one_too():
    assert summary({}, Session().settings).startswith("0 spans recorded, 0 exported, 0 dropped, 0")


def test_a_missing_trace_is_the_exit_status_of_a_program_that_went_well(stderr):
    failure = TargetError("nothing was recorded", ErrorCode.TRACE_MISSING)

    assert close(Session(failure=failure), quiet=True) == [20]
    assert stderr.getvalue() == "codetracer-otel: ERR_TRACE_MISSING nothing was recorded\n"


def test_a_missing_trace_has_a_trailer_where_the_policy_says_so(stderr):
    failure = TargetError("nothing was recorded", ErrorCode.TRACE_MISSING)

    close(Session(failure=failure, policy={"json_errors": True}), quiet=True)

    assert json.loads(stderr.getvalue().splitlines()[1]) == {
        "context": {},
        "error_code": "ERR_TRACE_MISSING",
        "error_kind": "target",
        "message": "nothing was recorded",
        "run_id": None,
        "trace_id": None,
    }


def test_a_defect_that_the_log_has_told_of_is_an_exit_status_only(stderr):
    assert close(Session(failure=InternalError("finish failed")), quiet=True) == [70]
    assert stderr.getvalue() == ""


def test_a_program_that_failed_keeps_its_exit_status(stderr):
    failure = TargetError("nothing was recorded", ErrorCode.TRACE_MISSING)

    assert close(Session(failure=failure), quiet=True, status=3) == []
    assert "ERR_TRACE_MISSING" in stderr.getvalue()


def test_a_forked_child_delivers_and_says_nothing(stderr, monkeypatch):
    session = Session()
    ending = Ending(session, quiet=False, end=pytest.fail)
    monkeypatch.setattr(os, "getpid", lambda: -1)

    ending.close()

    assert session.shut_down == 1
    assert stderr.getvalue() == ""


@pytest.mark.parametrize(("flag", "expected"), [(True, True), (False, False)])
def test_the_policy_says_whether_the_exit_status_is_the_programs(flag, expected):
    session = Session(policy={"propagate_script_exit": flag})

    assert expected is Ending(session, quiet=True).finish(3)


def test_a_session_of_steps_alone_sums_up_its_calls(stderr):
    native = {"calls": 12, "lost_calls": 3}
    close(Session({**STATS, "dropped": {}, "recorder": {}, "native": native}))

    assert stderr.getvalue() == (
        "codetracer-otel: 15 calls recorded, 3 dropped (3 native_failed), 3 values redacted; "
        "not delivered (exporter none)\n"
    )


def test_calls_that_were_lost_are_no_silence(stderr):
    native = {"calls": 0, "lost_calls": 3}
    session = Session({**STATS, "recorded": 0, "dropped": {}, "recorder": {}, "native": native})
    session.why_nothing = lambda: "no call"
    Ending(session, quiet=False).close()
    assert "3 dropped (3 native_failed)" in stderr.getvalue()
    assert "no call" not in stderr.getvalue()


CHILDREN = """
import os
def work(): pass
def fork(depth):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    else:
        work()
        if depth:
            fork(depth - 1)
work()
fork(1)
"""


@pytest.mark.parametrize("exporter", ["jsonl", "chrome", "native"])
def test_the_summary_names_what_children_and_their_children_have_written(tmp_path, exporter):
    (tmp_path / "app.py").write_text(CHILDREN)
    (tmp_path / "out.123").write_text("of an earlier run")
    os.utime(tmp_path / "out.123", (1, 1))
    (tmp_path / "out.txt").touch()
    target = tmp_path / "out"
    done = run_traced("--exporter", f"{exporter}={target}", "app.py", cwd=tmp_path)
    assert done.stderr.endswith(f"; of child processes: {target}.<pid> (2)\n")


def test_the_summary_says_what_became_of_a_flight_recorders_spans(tmp_path):
    (tmp_path / "app.py").write_text(
        "def work(number):\n    return 1 // number\nfor number in (2, 1, 0):\n    work(number)\n"
    )
    flags = ("--flight-recorder", "1MB", "--exporter", "jsonl=/dev/null")
    failed = run_traced(*flags, "app.py", cwd=tmp_path)
    told = "flight recorder: 4 in 1 dump, 0 kept at the end, 0 overwritten\n"
    assert failed.stderr.endswith(told)
    assert "4 spans recorded, 4 exported" in failed.stderr
    (tmp_path / "app.py").write_text("def work(number):\n    return number\nwork(1)\n")
    done = run_traced(*flags, "app.py", cwd=tmp_path)
    assert done.stderr.endswith("flight recorder: 0 in 0 dumps, 2 kept at the end, 0 overwritten\n")
    assert "2 spans recorded, 0 exported, 0 dropped" in done.stderr


def test_the_summary_says_which_exporter_lost_what():
    stats = {
        "recorded": 10,
        "exported": 12,
        "dropped": {"buffer_full": 1, "queue_full": 3, "shutdown": 5},
        "exporters": {
            "jsonl": {"dropped": {"shutdown": 1}},
            "otlp": {"dropped": {"queue_full": 3, "shutdown": 4}},
        },
    }
    settings = Settings(exporters=(ExporterSpec("jsonl", "/s"), ExporterSpec("otlp")))
    assert (
        "9 dropped (1 shutdown by jsonl, 3 queue_full by otlp, 4 shutdown by otlp, 1 buffer_full)"
        in summary(stats, settings)
    )


@pytest.mark.parametrize("words", [("-m", "no_such_module"), ("-c", "x ="), ("broken.py",)])
def test_a_program_that_cannot_be_started_is_not_said_to_have_called_nothing(tmp_path, words):
    (tmp_path / "broken.py").write_text("def f(:\n")
    done = run_traced("--exporter", "none", *words, cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == (
        "codetracer-otel: no span: the program could not be started, as the error above says"
    )
