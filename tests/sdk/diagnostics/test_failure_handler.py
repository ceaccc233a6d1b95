"""What becomes of a session, and of its program, when something of ours fails."""

from __future__ import annotations

import json
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import opentelemetry.context as context_api
import pytest
from tests.conftest import HEADER, rule
from tests.failure_injection import FailurePoint, InjectedError, failing
from tests.sdk.session.test_configure import our_threads

from codetracer_otel.errors import CodetracerError, ErrorCode, InternalError
from codetracer_otel.filters import filter_from_text
from codetracer_otel.instrumentation.values import frame_variables
from codetracer_otel.sdk.session.configure import configure, install_metrics_sink
from codetracer_otel.testing import InMemoryExporter

ONLY_THIS = filter_from_text(HEADER + rule(f"file:glob:**{__file__}"))
POINTS = [FailurePoint.START, FailurePoint.RETURN, FailurePoint.DRAIN, FailurePoint.FINISH]
EVENTS = {
    FailurePoint.START: "recorder failed",
    FailurePoint.RETURN: "recorder failed",
    FailurePoint.LINE: "recorder failed",
    FailurePoint.DRAIN: "drain failed",
    FailurePoint.FINISH: "finish failed",
}
LOST = {FailurePoint.DRAIN: [{"shutdown": 1}]}  # the call that nobody could take


def work(number):
    return number


class CountingSink:
    def __init__(self):
        self.calls = []

    def dropped(self, reason, kind, count):
        self.calls.append(("dropped", reason, kind, count))

    def detached(self, reason, code):
        self.calls.append(("detached", reason, code))

    def internal_error(self, label):
        self.calls.append(("internal_error", label))


@pytest.fixture
def sink():
    sink = CountingSink()
    undo = install_metrics_sink(sink)
    yield sink
    undo()


def run_session(capsys, point, on_error, *, after=0, **options):
    """Run three calls with a failure at ``point``; return what everybody saw."""
    exporter, raised = InMemoryExporter(), []
    runtime = context_api._RUNTIME_CONTEXT
    streams = sys.stdin, sys.stdout, sys.stderr
    with failing(point, after=after):
        session = configure(
            ONLY_THIS,
            [exporter, *options.pop("exporters", [])],
            policy={"on_recorder_error": on_error, "json_errors": True, **options},
        )
    results = []
    for number in (1, 2, 3):
        try:
            results.append(work(number))
            session.flush()
        except CodetracerError as error:
            raised.append(error)
    is_recording = session.is_recording
    try:
        session.shutdown()
    except CodetracerError as error:
        raised.append(error)
    assert sys.monitoring.get_tool(3) is None
    assert sys.monitoring.get_tool(4) is None
    assert our_threads() == []
    assert context_api._RUNTIME_CONTEXT is runtime
    assert (sys.stdin, sys.stdout, sys.stderr) == streams
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return SimpleNamespace(
        raised=raised,
        results=results,
        is_recording=is_recording,
        delivered=[span.attributes["codetracer.arg.number"] for span in exporter.spans],
        log=[line for line in lines if "ts_micros" in line],
        trailers=[line for line in lines if "ts_micros" not in line],
        stats=session.stats(),
        session=session,
    )


@pytest.mark.parametrize("point", POINTS)
def test_disable_lets_the_program_go_on_and_says_so_once(capsys, point):
    seen = run_session(capsys, point, "disable")

    assert seen.raised == []
    assert seen.results == [1, 2, 3]
    assert seen.is_recording == (point is FailurePoint.FINISH)
    line, *losses = seen.log
    assert [it["fields"] for it in losses] == LOST.get(point, [])
    assert (line["level"], line["message"]) == ("ERROR", EVENTS[point])
    assert line["error_code"] == "ERR_UNKNOWN"
    assert line["fields"] == {"error": "InjectedError"}
    assert line["module_path"].startswith("codetracer_otel.")
    (trailer,) = seen.trailers
    assert trailer["message"] == EVENTS[point]
    assert trailer["error_kind"] == "internal"
    assert trailer["run_id"] == line["run_id"]


@pytest.mark.parametrize("point", POINTS)
def test_abort_raises_the_error_into_the_program_once(capsys, point):
    seen = run_session(capsys, point, "abort")

    (error,) = seen.raised
    assert isinstance(error, InternalError)
    assert isinstance(error.__cause__, InjectedError)
    assert error.exit_status == 70
    assert len(seen.log) == 1 + len(LOST.get(point, []))
    assert len(seen.trailers) == 1
    assert seen.is_recording == (point is FailurePoint.FINISH)


@pytest.mark.parametrize("on_error", ["disable", "abort"])
@pytest.mark.parametrize("point", [FailurePoint.START, FailurePoint.RETURN])
def test_what_was_recorded_before_is_delivered(capsys, point, on_error):
    seen = run_session(capsys, point, on_error, after=1)

    assert 1 in seen.delivered
    assert 3 not in seen.delivered
    assert seen.stats["stopped_because"] == "InjectedError"


def test_a_failure_at_the_end_costs_no_span(capsys):
    seen = run_session(capsys, FailurePoint.FINISH, "disable")

    assert seen.delivered == [1, 2, 3]


@pytest.mark.parametrize("on_error", ["disable", "abort"])
def test_a_failing_exporter_is_no_failure_of_the_recorder(capsys, on_error):
    seen = run_session(capsys, FailurePoint.EXPORT, on_error)

    assert seen.raised == []
    assert seen.results == [1, 2, 3]
    assert seen.is_recording
    assert [line["message"] for line in seen.log if "error_code" in line] == ["exporter raised"]
    assert seen.log[0]["error_code"] == "ERR_EXPORT_FAILED"
    assert [trailer["error_code"] for trailer in seen.trailers] == ["ERR_EXPORT_FAILED"]
    assert seen.stats["dropped"] == {"export_failed": 3}
    assert seen.stats["metrics"]["dropped"] == {"export_failed": {"span": 3}}


@pytest.mark.parametrize("point", [*POINTS, FailurePoint.LINE])
@pytest.mark.parametrize("on_error", ["disable", "abort"])
@pytest.mark.parametrize("keeps", [True, False])
def test_a_native_trace_of_a_failed_recording_is_kept_or_deleted(
    capsys, tmp_path, point, on_error, keeps
):
    target = tmp_path / "trace"
    seen = run_session(
        capsys, point, on_error,
        exporters=[f"native={target}"], keep_partial_trace=keeps,
    )  # fmt: skip

    assert len(seen.raised) == (on_error == "abort")
    assert len([line for line in seen.log if "error_code" in line]) == len(seen.trailers) == 1
    assert (target / "trace.json").exists() == keeps
    if keeps:
        events = json.loads((target / "trace.json").read_text())
        assert "Path" in events[0]


def test_a_failure_in_other_threads_is_raised_in_one_of_them(capsys):
    with failing(FailurePoint.START):
        session = configure(ONLY_THIS, InMemoryExporter(), policy={"on_recorder_error": "abort"})
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(work, number) for number in range(8)]
    raised = [error for error in map(Future.exception, futures) if error is not None]
    session.shutdown()

    assert [type(error) for error in raised] == [InternalError]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_failing_drain_is_raised_by_the_end_when_no_traced_call_follows(capsys):
    exporter = InMemoryExporter()
    with failing(FailurePoint.DRAIN):
        session = configure(ONLY_THIS, exporter, policy={"on_recorder_error": "abort"})
    session.flush()
    assert not session.is_recording
    len("a call that is not traced")
    with pytest.raises(InternalError, match="drain failed"):
        session.shutdown()
    assert session.shutdown()


def test_neither_resume_nor_configure_revive_a_failed_recording(capsys):
    exporter = InMemoryExporter()
    with failing(FailurePoint.START):
        session = configure(ONLY_THIS, exporter)
    work(1)
    session.resume()
    assert not session.is_recording
    again = configure(ONLY_THIS, exporter)
    assert again is not session
    assert again.is_recording
    assert not session.is_running
    again.shutdown()


def test_the_metrics_sink_hears_of_everything(capsys, sink):
    seen = run_session(capsys, FailurePoint.START, "disable")

    assert sink.calls == [
        ("internal_error", "recorder_failed"),
        ("detached", "recorder_failed", ErrorCode.UNKNOWN),
    ]
    assert seen.stats["metrics"] == {
        "dropped": {},
        "detached": {"recorder_failed": {"ERR_UNKNOWN": 1}},
        "internal_error": {"recorder_failed": 1},
    }


def test_a_sink_that_raises_changes_nothing_and_is_told_once(capsys):
    class Raising:
        def __getattr__(self, name):
            raise RuntimeError

    undo = install_metrics_sink(Raising())
    try:
        seen = run_session(capsys, FailurePoint.START, "disable")
    finally:
        undo()

    assert seen.results == [1, 2, 3]
    assert sorted(line["message"] for line in seen.log) == [
        "metrics sink failed",
        "recorder failed",
    ]


def test_a_frame_that_cannot_be_read_is_a_failure_of_frame_introspection(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(frame_variables, "derives", len)  # which takes one argument, not two
    session = configure(
        filter_from_text(HEADER + rule(f"file:glob:{tmp_path}/*")),
        InMemoryExporter(),
        capture=("locals",),
    )
    exec(compile("x = 1", str(tmp_path / "odd.py"), "exec"), {"__name__": "odd"})
    assert not session.is_recording
    session.shutdown()
    (line, *_) = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert line["error_code"] == "ERR_FRAME_INTROSPECTION_FAILED"
    assert line["fields"] == {"error": "TypeError"}


def test_a_session_without_a_span_says_why_in_one_line(capsys):
    with configure(filter_from_text(HEADER), InMemoryExporter()):
        work(1)
    (line,) = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert line["level"] == "WARN"
    assert line["message"].startswith("no span: ")
    assert "code objects skipped" in line["message"]


def test_a_required_trace_that_is_missing_is_raised_by_shutdown(capsys):
    session = configure(
        filter_from_text(HEADER), InMemoryExporter(), policy={"require_trace": True}
    )
    with pytest.raises(CodetracerError) as caught:
        session.shutdown()
    assert caught.value.code is ErrorCode.TRACE_MISSING
    assert caught.value.exit_status == 20
    assert session.shutdown()
    assert capsys.readouterr().err == ""


def test_the_exception_of_a_block_goes_before_a_missing_trace(capsys):
    with (
        pytest.raises(ValueError, match="the block's"),
        configure(filter_from_text(HEADER), InMemoryExporter(), policy={"require_trace": True}),
    ):
        raise ValueError("the block's")
