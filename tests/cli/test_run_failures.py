"""What a failure of ours does to a program under ``run``: output, one line, trailer, status."""

from __future__ import annotations

import json

import pytest
from tests.traced_run import run_python, run_traced

LAUNCHER = """
import sys
from codetracer_otel.cli import main
from codetracer_otel.sdk.diagnostics.failure_injection import FailurePoint, failing
point = FailurePoint(sys.argv.pop(1))
with failing(point):
    sys.exit(main(["run", *sys.argv[1:]]))
"""
PROGRAM = "def work(n):\n    return n\nprint(work(1))\n"


@pytest.fixture
def failing_run(tmp_path):
    launcher, program = tmp_path / "launcher.py", tmp_path / "program.py"
    launcher.write_text(LAUNCHER)
    program.write_text(PROGRAM)

    def run(point, on_error):
        return run_python(
            launcher, point, "--quiet", "--json-errors", "--on-recorder-error", on_error,
            "--exporter", f"jsonl={tmp_path / 'spans.jsonl'}", program, cwd=tmp_path,
        )  # fmt: skip

    return run


def json_lines(process):
    lines = [line for line in process.stderr.splitlines() if line.startswith("{")]
    found = [json.loads(line) for line in lines]
    failures = [x for x in found if "ts_micros" in x and "error_code" in x]
    return failures, [x for x in found if "ts_micros" not in x]


@pytest.mark.parametrize("point", ["start", "return", "drain", "finish", "export"])
def test_disable_changes_neither_output_nor_status(failing_run, point):
    process = failing_run(point, "disable")

    assert (process.stdout, process.returncode) == ("1\n", 0)
    log, trailers = json_lines(process)
    assert (len(log), len(trailers)) == (1, 1)
    assert log[0]["error_code"] == trailers[0]["error_code"]


@pytest.mark.parametrize("point", ["start", "return"])
def test_an_abort_ends_the_program_with_the_status_of_a_defect(failing_run, point):
    process = failing_run(point, "abort")

    assert process.returncode == 70
    log, trailers = json_lines(process)
    assert (len(log), len(trailers)) == (1, 1)
    assert "InternalError: [ERR_UNKNOWN] recorder failed" in process.stderr


@pytest.mark.parametrize("point", ["drain", "finish"])
def test_an_abort_after_the_program_is_its_exit_status(failing_run, point):
    process = failing_run(point, "abort")

    assert (process.stdout, process.returncode) == ("1\n", 70)
    log, trailers = json_lines(process)
    assert (len(log), len(trailers)) == (1, 1)
    assert len(process.stderr.splitlines()) == 2


def test_a_collector_is_no_reason_to_abort(failing_run):
    process = failing_run("export", "abort")

    assert (process.stdout, process.returncode) == ("1\n", 0)


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
