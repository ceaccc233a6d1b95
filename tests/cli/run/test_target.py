"""Programs under `codetracer-otel run`, from the command line to the exit status."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from tests.traced_run import TRACER, environment, run_python, run_traced, spans_in

SUMMARY = re.compile(r"codetracer-otel: (\d+) spans? recorded, (\d+) exported, ")


@pytest.fixture
def program(tmp_path):
    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def traced(*arguments, **options):
    return run_traced("--exporter", "none", *arguments, **options)


def test_a_missing_script_exits_with_2_and_one_line(tmp_path):
    process = traced("missing.py", cwd=tmp_path)

    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr == (
        f"codetracer-otel: ERR_IO can't open file '{tmp_path}/missing.py': "
        "[Errno 2] No such file or directory\n"
    )


def test_no_program_exits_with_2_and_one_line():
    process = traced()

    assert process.returncode == 2
    assert process.stderr == (
        "codetracer-otel: no program to run; expected a script, -m or -c, "
        "as in codetracer-otel run app.py\n"
    )


def test_all_bad_options_are_told_at_once(program):
    process = run_traced(
        "--exporter", "jsnol", "--capture", "argz", "--on-recorder-error", "explode",
        "--log-level", "loud", "--capture-io", "all", program("print('never')"),
    )  # fmt: skip

    assert process.returncode == 2
    assert process.stdout == ""
    lines = process.stderr.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("codetracer-otel: ERR_") for line in lines)


def test_bad_variables_are_told_and_the_program_runs(program):
    process = traced(
        "--quiet", program("print('here')"),
        CODETRACER_JSON_ERRORS="perhaps", CODETRACER_CAPTURE_IO="all",
    )  # fmt: skip

    assert (process.returncode, process.stdout) == (0, "here\n")
    told = process.stderr.splitlines()
    assert len(told) == 2
    assert all("ERR_INVALID_POLICY_VALUE" in line for line in told)


def test_an_unknown_option_exits_with_2(program):
    process = traced("--no-such-option", program("print('never')"))

    assert process.returncode == 2
    assert "unrecognized arguments: --no-such-option" in process.stderr


def test_help_shows_examples():
    process = run_python("-m", "codetracer_otel", "run", "--help")

    assert process.returncode == 0
    assert "codetracer-otel run -m shop.server" in process.stdout


def test_the_commands_are_listed():
    process = run_python("-m", "codetracer_otel", "--help")

    assert process.returncode == 0
    assert "run a program under tracing" in process.stdout


def test_the_summary_closes_the_run(program, tmp_path):
    exporter = f"jsonl={tmp_path / 'spans.jsonl'}"

    process = run_traced("--exporter", exporter, program("def f(): pass\nf()\nprint('out')"))

    assert process.stdout == "out\n"
    assert process.stderr.endswith(f"; to {exporter}\n")
    recorded, exported = map(int, SUMMARY.match(process.stderr.splitlines()[-1]).groups())
    assert recorded == exported > 0


def test_the_summary_counts_redacted_values(program):
    process = traced(program("def login(user, password): pass\nlogin('a', 'b')"))

    assert ", 1 value redacted; " in process.stderr


def test_json_lines_stay_json_lines_to_the_end(program):
    process = run_traced("--exporter", "jsonl", program("def f(): pass\nf()"))

    lines = [json.loads(line) for line in process.stderr.splitlines()]
    assert lines[-1]["kind"] == "stats"
    assert lines[-1]["recorded"] == lines[-1]["exported"] == len(lines) - 1 > 0


def test_what_atexit_and_late_threads_do_is_recorded(program, tmp_path):
    spans = tmp_path / "spans.jsonl"
    text = """
import atexit, threading
def in_atexit(): pass
def in_thread(): threading.main_thread().join()
atexit.register(in_atexit)
threading.Thread(target=in_thread).start()
"""

    run_traced("--quiet", "--exporter", f"jsonl={spans}", program(text))

    names = {span["name"] for span in spans_in(spans)}
    assert {"in_atexit", "in_thread"} <= {name.rpartition(".")[2] for name in names}


def test_the_exit_status_need_not_be_the_programs(program):
    for text in ("raise SystemExit('shown')", "raise ValueError", "raise KeyboardInterrupt"):
        process = traced("--quiet", "--no-propagate-script-exit", program(text))

        assert process.returncode == 0, text
        assert process.stderr != "", text


def test_a_missing_trace_fails_a_program_that_went_well(program, tmp_path):
    nothing = tmp_path / "nothing.toml"
    nothing.write_text(
        '[meta]\nname = "n"\nversion = 1\n'
        '[scope]\ndefault_exec = "skip"\ndefault_value_action = "allow"\n'
    )
    options = ("--quiet", "--require-trace", "--trace-filter", nothing)

    well = traced(*options, program("print('out')"))
    ill = traced(*options, program("raise SystemExit(3)"))

    assert (well.returncode, well.stdout) == (20, "out\n")
    assert "ERR_TRACE_MISSING" in well.stderr
    assert ill.returncode == 3


def test_no_path_entry_of_ours_stays(program):
    text = "import sys; print(len(sys.path), sys.path[0])"
    path = program(text)

    assert run_python(path).stdout == traced("--quiet", path).stdout


def test_files_beside_the_program_do_not_shadow_what_we_import(program, tmp_path):
    for name in ("json", "opentelemetry", "tomli", "logging", "queue", "requests", "regex"):
        program("raise RuntimeError('shadowed')", f"{name}.py")

    process = traced("--quiet", program("print('out')"), cwd=tmp_path)

    assert (process.stdout, process.stderr, process.returncode) == ("out\n", "", 0)


def test_an_interrupt_before_the_program_begins_shows_nothing(tmp_path):
    interrupted = f"""
import os, signal, sys
from codetracer_otel.cli import main
from codetracer_otel.sdk.session import configure
configure.begin_session = lambda *_: signal.raise_signal(signal.SIGINT)
sys.exit(main(["run", {str(tmp_path / "app.py")!r}]))
"""
    (tmp_path / "app.py").write_text("")
    done = run_python("-c", interrupted)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", -signal.SIGINT)


def test_interrupting_from_outside_ends_by_sigint(program):
    # Short sleeps: a signal just before a long one is seen after it, in plain Python, too.
    path = program("import time\nprint('up', flush=True)\nfor _ in range(1200): time.sleep(0.05)")
    process = subprocess.Popen(
        [sys.executable, *TRACER, "--quiet", "--exporter", "none", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert process.stdout.readline() == "up\n"

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == -signal.SIGINT
    assert stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert "codetracer_otel" not in stderr


def test_pytest_runs_with_its_own_arguments(program, tmp_path):
    tests = program("def test_one(): pass\ndef test_two(): assert 0\n", "test_it.py")

    process = traced("--quiet", "--pytest", "-q", "-p", "no:cacheprovider", tests, cwd=tmp_path)

    assert process.returncode == 1
    assert "1 failed, 1 passed" in process.stdout


def test_unittest_runs_with_its_own_arguments(program, tmp_path):
    program("import unittest\nclass T(unittest.TestCase):\n    def test_it(self): pass\n", "t.py")

    process = traced("--quiet", "--unittest", "-v", "t", cwd=tmp_path)

    assert process.returncode == 0
    assert "test_it (t.T.test_it) ... ok" in process.stderr


def test_a_closed_stdout_of_another_command_is_no_traceback():
    read, write = os.pipe()
    os.close(read)

    process = subprocess.run(
        [sys.executable, "-m", "codetracer_otel", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=environment(PYTHONUNBUFFERED="1"),
        text=True,
        check=False,
    )
    os.close(write)

    assert "Traceback" not in process.stderr


def test_a_program_may_end_without_our_code(program):
    process = traced(program("import os; os._exit(4)"))

    assert process.returncode == 4


def test_an_activation_path_bounds_what_is_recorded(tmp_path):
    (tmp_path / "entered.py").write_text("import others\nothers.within()\ndef again(): pass\n")
    (tmp_path / "others.py").write_text("def before(): pass\ndef within(): pass\n")
    (tmp_path / "main.py").write_text(
        "import others\nothers.before()\nimport entered\nothers.within()\nentered.again()\n"
    )
    spans = tmp_path / "spans.jsonl"

    process = run_traced(
        "--activation-path", "entered.py", "--exporter", f"jsonl={spans}", "main.py", cwd=tmp_path
    )

    assert process.returncode == 0, process.stderr
    found = {span["name"]: span for span in spans_in(spans)}
    assert set(found) == {"<entered>", "others.within"}
    assert found["others.within"]["parent_span_id"] == found["<entered>"]["span_id"]


def test_a_path_that_is_never_entered_is_told(tmp_path):
    process = run_traced(
        "--activation-path", "never.py", "--exporter", "none", "-c", "print(1)", cwd=tmp_path
    )

    assert process.stdout == "1\n"
    assert "never.py was never entered (activation path)" in process.stderr


@pytest.mark.parametrize("way", ["-c", "-"])
def test_a_program_given_as_text_is_traced(tmp_path, way):
    source, spans = "def f(n): return n\nf(2)\n", tmp_path / "spans.jsonl"
    words, stdin = (("-c", source), "") if way == "-c" else (("-",), source)
    process = run_traced("--quiet", "--exporter", f"jsonl={spans}", *words, stdin=stdin)
    assert (process.stderr, process.returncode) == ("", 0)
    assert [span["name"] for span in spans_in(spans)] == ["__main__.f", "<__main__>"]
