"""A process that leaves by `os._exit` or `os.exec` delivers first, where that is asked for."""

from __future__ import annotations

import os

import pytest
from tests.traced_run import run_traced, spans_in

from codetracer_otel.sdk.processes.os_exit import deliver_before_os_exit
from codetracer_otel.sdk.session.configure import configure

WORKERS = """
import os, sys

def job(number):
    return number

def worker(number):
    job(number)
    os._exit(number)

for number in (3, 4):
    child = os.fork()
    if not child:
        worker(number)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
if not os.fork():
    os._exit(127)      # as where a program to be executed is not there
os.wait()
lost = open(sys.argv[1], "w")
lost.write("what the program has not written stays unwritten")
worker(5)
"""

LEAVES_IN_A_THREAD = """
import os, threading

def job():
    return 1

def worker():
    job()
    os._exit(7)

thread = threading.Thread(target=worker)
thread.start()
thread.join()
"""

STARTS_ANEW = """
import os, sys

def job(number):
    return number

def execute(call, *arguments):
    try:
        call(*arguments)
    except OSError as problem:
        print(type(problem).__name__, flush=True)

def main():
    execute(os.execv, "not there", ["not there"])
    execute(os.execvp, "not in any directory", ["it"])
    if not os.fork():
        job(1)
        os.execlp("true", "true")
    os.wait()
    job(2)
    code = "import os; print('anew', os.environ.get('GIVEN'))"
    os.execvpe(sys.executable, [sys.executable, "-c", code], os.environ | {"GIVEN": "this"})

main()
"""

SLOW_INTERVAL = ("--buffer-interval-ms", "60000")  # nothing is delivered meanwhile


@pytest.fixture
def program(tmp_path):
    def write(text):
        path = tmp_path / "leaves.py"
        path.write_text(text)
        return path

    return write


def jobs_in(folder):
    found = spans_in(*folder.glob("spans.jsonl*"))
    return sorted(
        span["attributes"]["codetracer.return"] for span in found if span["name"].endswith(".job")
    )


def leave(status):
    raise SystemExit(status)


@pytest.fixture
def left(monkeypatch):
    monkeypatch.setattr(os, "_exit", leave)
    return leave


def test_forked_workers_and_the_first_process_deliver_before_they_leave(program, tmp_path):
    file = tmp_path / "spans.jsonl"

    answer = run_traced(
        "--deliver-at-os-exit", *SLOW_INTERVAL, "--exporter", f"jsonl={file}",
        program(WORKERS), tmp_path / "lost",
    )  # fmt: skip

    assert (answer.returncode, answer.stdout) == (5, "3\n4\n")
    assert jobs_in(tmp_path) == [3, 4, 5]
    assert (tmp_path / "lost").read_text() == ""
    assert answer.stderr.count(" recorded, ") == 1


def test_without_the_option_the_program_leaves_by_its_own_function(program, tmp_path):
    file = tmp_path / "spans.jsonl"

    answer = run_traced(
        *SLOW_INTERVAL, "--exporter", f"jsonl={file}", program(WORKERS), tmp_path / "lost"
    )

    assert (answer.returncode, answer.stdout) == (5, "3\n4\n")
    assert jobs_in(tmp_path) == []


def test_another_thread_may_leave(program, tmp_path):
    file = tmp_path / "spans.jsonl"

    answer = run_traced(
        "--deliver-at-os-exit", *SLOW_INTERVAL, "--exporter", f"jsonl={file}",
        program(LEAVES_IN_A_THREAD),
    )  # fmt: skip

    assert answer.returncode == 7
    assert jobs_in(tmp_path) == [1]


def test_a_process_that_starts_itself_anew_delivers_what_it_did_until_then(program, tmp_path):
    file = tmp_path / "spans.jsonl"

    answer = run_traced(
        "--deliver-at-os-exit", *SLOW_INTERVAL, "--exporter", f"jsonl={file}", program(STARTS_ANEW)
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split("\n") == ["FileNotFoundError"] * 2 + ["anew this", ""]
    assert jobs_in(tmp_path) == [1, 2]
    assert "__main__.main" in [span["name"] for span in spans_in(file)]
    assert answer.stderr.count(" recorded, ") == 1


def test_executing_by_the_descriptor_of_a_file_ends_the_session_and_a_wrong_path_does_not(
    monkeypatch,
):
    executed, ended = [], []
    monkeypatch.setattr(os, "execve", lambda *given: executed.append(given))
    undo = deliver_before_os_exit(lambda: ended.append(1))
    for path in ("not there", "nul\0", None, os.curdir, __file__):
        os.execve(path, ["x"], {})
    assert (len(executed), ended) == (5, [])

    os.execve(0, ["x"], {"A": "1"})
    undo()

    assert (executed[-1], ended) == ((0, ["x"], {"A": "1"}), [1])


def test_a_failing_end_does_not_keep_the_process(left):
    def fails():
        raise RuntimeError("the disk is full")

    undo = deliver_before_os_exit(fails)
    with pytest.raises(SystemExit) as leaving:
        os._exit(3)
    undo()

    assert leaving.value.code == 3


def test_a_status_that_is_none_ends_nothing(left):
    ended = []
    undo = deliver_before_os_exit(lambda: ended.append(1))
    with pytest.raises(TypeError):
        os._exit("3")
    undo()

    assert ended == []


def test_a_function_that_the_program_has_put_there_since_stays(left, monkeypatch):
    undo = deliver_before_os_exit(lambda: None)
    monkeypatch.setattr(os, "_exit", print)
    undo()

    assert os._exit is print


def test_the_end_of_the_session_gives_the_function_back():
    before = os._exit
    with configure(exporter="none", policy={"deliver_at_os_exit": True}):
        assert os._exit is not before

    assert os._exit is before
