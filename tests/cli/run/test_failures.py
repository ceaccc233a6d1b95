"""What a failure of ours does to a program under ``run``: everything that anybody can see of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.traced_run import run_python, run_traced, spans_in

# The report is written last: after every exit handler, or by what ends the process at once.
LAUNCHER = """
import atexit, json, os, sys, threading
import opentelemetry.context as context_api
runtime = context_api._RUNTIME_CONTEXT
streams = sys.stdin, sys.stdout, sys.stderr
end = os._exit

def report():
    frames = sys._current_frames()
    seen = {
        "tools": [sys.monitoring.get_tool(number) for number in range(6)],
        "threads": len(frames),
        "streams": (sys.stdin, sys.stdout, sys.stderr) == streams,
        "context": context_api._RUNTIME_CONTEXT is runtime,
    }
    with open("report.json", "w") as file:
        json.dump(seen, file)

def report_and_end(status):
    report()
    end(status)

atexit.register(report)
os._exit = report_and_end
from codetracer_otel.cli import main
sys.path.append(sys.argv.pop(1))
from tests.failure_injection import FailurePoint, failing
point = FailurePoint(sys.argv.pop(1))
with failing(point):
    sys.exit(main(["run", *sys.argv[1:]]))
"""
PROGRAM = "def work(n):\n    return n\nprint(work(1))\nprint(work(2))\n"
CLEAN = {"tools": [None] * 6, "threads": 1, "streams": True, "context": True}
MESSAGES = {
    "start": "recorder failed",
    "line": "recorder failed",
    "return": "recorder failed",
    "drain": "drain failed",
    "finish": "finish failed",
    "export": "exporter raised",
}
# What was recorded before is delivered; the calls that were open end there.
DELIVERED = {
    "start": {"<__main__>"},
    "line": {"<__main__>"},
    "return": {"<__main__>", "__main__.work"},
    "drain": set(),
    "finish": {"<__main__>", "__main__.work"},
    "export": set(),
}
# Policy, point -> what the program prints, the status; the rest of its output is a traceback.
ENDINGS = {
    **{("disable", point): ("1\n2\n", 0) for point in MESSAGES},
    **{("abort", point): ("", 70) for point in ("start", "line", "return")},
    **{("abort", point): ("1\n2\n", 70) for point in ("drain", "finish")},
    ("abort", "export"): ("1\n2\n", 0),  # a collector is no reason to end a program
}


@pytest.fixture
def failing_run(tmp_path):
    launcher, program = tmp_path / "launcher.py", tmp_path / "program.py"
    launcher.write_text(LAUNCHER)
    program.write_text(PROGRAM)

    def run(point, on_error, keeps):
        process = run_python(
            launcher, Path(__file__).parents[3], point,
            "--quiet", "--json-errors", "--on-recorder-error", on_error,
            "--keep-partial-trace" if keeps else "--no-keep-partial-trace",
            "--exporter", f"jsonl={tmp_path / 'spans.jsonl'}",
            "--exporter", f"native={tmp_path / 'trace'}", program, cwd=tmp_path,
        )  # fmt: skip
        log, trailers = json_lines(process)
        spans = spans_in(tmp_path / "spans.jsonl")
        return SimpleNamespace(
            process=process,
            log=log,
            trailers=trailers,
            left=json.loads((tmp_path / "report.json").read_text()),
            spans={span["name"] for span in spans},
            trace=tmp_path / "trace" / "trace.json",
        )

    return run


def json_lines(process):
    lines = [line for line in process.stderr.splitlines() if line.startswith("{")]
    found = [json.loads(line) for line in lines]
    failures = [x for x in found if "ts_micros" in x and "error_code" in x]
    return failures, [x for x in found if "ts_micros" not in x]


@pytest.mark.parametrize("keeps", [True, False], ids=["keep", "delete"])
@pytest.mark.parametrize(("on_error", "point"), ENDINGS)
def test_everything_that_a_failure_leaves(failing_run, on_error, point, keeps):
    seen = failing_run(point, on_error, keeps)

    assert ENDINGS[on_error, point] == (seen.process.stdout, seen.process.returncode)
    assert [line["message"] for line in seen.log] == [MESSAGES[point]]
    (trailer,) = seen.trailers
    assert (trailer["error_code"], trailer["run_id"]) == (
        seen.log[0]["error_code"],
        seen.log[0]["run_id"],
    )
    is_raised = on_error == "abort" and point in ("start", "line", "return")
    assert seen.process.stderr.count("InternalError: ERR_UNKNOWN recorder failed") == is_raised
    assert ("Traceback" in seen.process.stderr) == is_raised
    assert seen.left == CLEAN
    assert seen.trace.exists() == (keeps or point == "export")
    if seen.trace.exists():
        events = json.loads(seen.trace.read_text())
        assert [next(iter(event)) for event in events[:3]] == ["Path", "Function", "Call"]
    # with `abort` the first recorder's error is raised before the second one sees the call
    is_seen = (on_error, point) != ("abort", "start")
    assert seen.spans == (DELIVERED[point] if is_seen else set())


@pytest.mark.parametrize(
    ("flags", "variables", "expected"),
    [
        (("--json-errors",), {}, 1),
        ((), {"CODETRACER_JSON_ERRORS": "1"}, 1),
        (("--no-json-errors",), {"CODETRACER_JSON_ERRORS": "1"}, 0),
        ((), {}, 0),
    ],
)
def test_an_error_before_any_session_has_a_trailer_where_asked(flags, variables, expected):
    process = run_traced(*flags, "--exporter", "jsnol", "-c", "pass", **variables)

    _, trailers = json_lines(process)
    assert process.returncode == 2
    assert len(trailers) == expected
    assert process.stderr.splitlines()[0].startswith("codetracer-otel: ERR_UNSUPPORTED_FORMAT")
