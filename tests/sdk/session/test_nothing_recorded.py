"""A session that has recorded nothing says the true reason."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from tests.conftest import only, rule
from tests.traced_run import run_traced, spans_in

from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

FORKING = """
import multiprocessing, os
def work(): pass
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    one = context.Process(target=work)
    one.start()
    one.join()
    two = multiprocessing.get_context("spawn").Process(target=work)
    two.start()
    two.join()
    if not os.fork():
        os._exit(0)
    os.wait()
"""
NOTHING_OF_THE_MODULE = """
[meta]
name = "app"
version = 2
[scope]
default_exec = "inherit"
default_value_action = "inherit"
[[scope.rules]]
selector = "obj:__main__.<module>"
exec = "skip"
"""
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def work():
    return 1


def why(*rules, **options):
    with configure(only(__file__, *rules), InMemoryExporter(), **options) as session:
        work()
        work()
        return session.why_nothing()


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "the sampler always_off kept none of 2 traces"),
        ({"TRACEPARENT": UNSAMPLED}, "below a parent that is not sampled, 2 times"),
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED says so"),
    ],
)
def test_what_the_environment_asks_for_is_the_reason(monkeypatch, variables, reason):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert reason in why()


def test_a_rule_that_keeps_no_call_is_the_reason():
    sampled = "exec = 'trace'\n[scope.rules.sampling]\nratio = 0.0\n"
    assert "kept none of 2 calls" in why(rule(f"obj:{__name__}.work", sampled))


def test_a_process_whose_children_do_the_work_says_so(tmp_path):
    (tmp_path / "app.py").write_text(FORKING)
    # as a server's: nothing of the program is called in the process that forks
    words = ("--trace-filter", "app.toml", "--exporter", "jsonl=spans.jsonl", "app.py")
    (tmp_path / "app.toml").write_text(NOTHING_OF_THE_MODULE)
    done = run_traced(*words, cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == (
        "codetracer-otel: no span of this process, which started 3 others; those deliver their own"
    )
    files = [file for file in tmp_path.glob("spans.jsonl*") if spans_in(file)]
    assert spans_in(*files)[0]["name"] == "__main__.work"
    assert len(files) == 2


def test_code_of_others_is_the_reason_also_where_some_of_it_has_no_file(tmp_path):
    done = run_traced("--exporter", "jsonl=s.jsonl", "-m", "coverage", "--version", cwd=tmp_path)
    assert "only the standard library and installed packages were called" in done.stderr


def test_else_it_is_the_rule_that_skipped_most():
    assert "code objects skipped" in why(rule(f"obj:{__name__}.work", "exec = 'skip'"))


THREE_CALLS = """
def work(): pass
work(); work(); work()
"""
ONE_BY_ONE = """
[meta]
name = "app"
version = 2
[scope]
default_exec = "inherit"
default_value_action = "inherit"
[[scope.rules]]
selector = "obj:__main__.work"
exec = "trace"
[[scope.rules]]
selector = "obj:__main__.<module>"
exec = "skip"
"""
BY_TAIL = "no span: the tail kept none of 3 traces; see [scope.tail] and --tail"


def run_three_calls(tmp_path, *words):
    (tmp_path / "app.py").write_text(THREE_CALLS)
    (tmp_path / "app.toml").write_text(ONE_BY_ONE)
    return run_traced("--trace-filter", "app.toml", *words, "app.py", cwd=tmp_path)


def test_a_tail_that_kept_no_trace_is_the_reason(tmp_path):
    done = run_three_calls(tmp_path, "--tail", "errors", "--exporter", "jsonl=spans.jsonl")
    assert done.stderr.splitlines()[-1] == f"codetracer-otel: {BY_TAIL}"


def test_it_is_so_where_the_summary_is_a_line_of_json(tmp_path):
    done = run_three_calls(tmp_path, "--tail", "errors", "--exporter", "jsonl")
    assert json.loads(done.stderr.splitlines()[-1])["reason"] == BY_TAIL


def test_a_line_of_json_says_what_a_flight_recorder_has_kept(tmp_path):
    done = run_three_calls(tmp_path, "--flight-recorder", "1MB", "--exporter", "jsonl")
    told = json.loads(done.stderr.splitlines()[-1])
    assert (told["exported"], told["flight_recorder"]["discarded"]) == (0, 3)


def test_it_is_so_where_a_trace_is_required(tmp_path):
    done = run_three_calls(tmp_path, "--tail", "errors", "--require-trace", "--exporter", "none")
    assert done.stderr.splitlines()[-1] == f"codetracer-otel: ERR_TRACE_MISSING {BY_TAIL}"


def test_it_is_so_beside_a_flight_recorder(tmp_path):
    words = ("--tail", "errors", "--flight-recorder", "1MB", "--exporter", "jsonl=spans.jsonl")
    done = run_three_calls(tmp_path, *words)
    assert done.stderr.splitlines()[-1] == f"codetracer-otel: {BY_TAIL}"


def test_it_is_so_in_the_log_of_a_session_of_the_program(tmp_path):
    log = tmp_path / "log"
    options = {"tail": "errors", "policy": {"log_file": str(log)}}
    with configure(only(__file__), InMemoryExporter(), **options):
        work()
        work()
    assert "no span: the tail kept none of 2 traces" in log.read_text("utf-8")


def test_a_trace_that_is_not_decided_yet_is_the_reason():
    with (
        configure(only(__file__), InMemoryExporter(), tail="errors") as session,
        trace.get_tracer("a library's").start_as_current_span("GET /"),
    ):
        work()
        assert session.flush()
        assert session.why_nothing() == "no span: the tail has not decided yet about 1 trace"


def test_a_flight_recorder_that_nobody_dumped_is_the_reason():
    with configure(only(__file__), InMemoryExporter(), flight_recorder="1MB") as session:
        work()
        assert session.flush()
        told = session.why_nothing()
    assert told == "no span: no dump of the flight recorder was asked for, which had 1 span"
    assert session.why_nothing() == told


def test_what_was_lost_is_the_reason():
    with configure(only(__file__), InMemoryExporter(), tail="errors") as session:
        session._pipeline.hold.given_up = 3
        assert session.why_nothing() == "no span: 3 spans lost (3 tail_memory)"
