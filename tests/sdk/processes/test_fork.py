"""What happens to a session while its process forks."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings

import pytest
from tests.traced_run import run_python, run_traced

from codetracer_otel.filters import filter_from_text
from codetracer_otel.filters.code import module_names
from codetracer_otel.sdk.delivery import fork_warning
from codetracer_otel.sdk.session import configure as composition
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

EVERYTHING = """
[meta]
name = "everything"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
"""

FORKS_TWICE = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")

def forks():
    if os.fork():
        os.wait()
        return
    if not os.fork():
        os._exit(0)
    os.wait()
    print(len(os.listdir("/proc/self/task")), flush=True)
    os._exit(0)

if sys.argv[1] == "another thread":
    thread = threading.Thread(target=forks)
    thread.start()
    thread.join()
else:
    forks()
print(0)
"""


FLUSHES_BEFORE_FORKS = """
import os, warnings
import codetracer_otel as ct

warnings.simplefilter("ignore")
os.register_at_fork(before=lambda: print(session.flush(60), flush=True))
session = ct.configure(exporter="jsonl=/dev/null")
if not os.fork():
    os._exit(0)
print(os.wait()[1])
"""

RECORDS_BEFORE_FORKS = """
import os
import codetracer_otel as ct

def get_ready():
    return os.listdir("/proc/self/task")

def before():
    get_ready()
    threads.append(len(get_ready()))

threads = []
os.register_at_fork(before=before)
session = ct.configure(exporter="jsonl=/dev/null")
get_ready()
session.flush(60)
if not os.fork():
    os._exit(0)
print(os.wait()[1], threads)
"""


def work():
    pass


def fork(in_child=lambda: True):
    """Fork and wait for the child, which only says whether what it does came true."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads
        child = os.fork()
    if not child:
        has_failed = True
        try:
            has_failed = not in_child()
        finally:
            os._exit(has_failed)
    assert os.waitpid(child, 0)[1] == 0


def fork_in_thread():
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()


@pytest.fixture
def session():
    return configure(filter_from_text(EVERYTHING), InMemoryExporter())


def test_no_name_is_looked_up_on_disk_by_what_runs_before_a_fork(session, monkeypatch):
    asked = []
    is_file, before_fork = module_names.Paths.is_file, session.before_fork
    after_fork = session.after_fork_in_parent
    is_forking = []

    def before():
        is_forking.append(1)
        before_fork()

    def after():
        is_forking.clear()
        after_fork()

    monkeypatch.setattr(session, "before_fork", before)
    monkeypatch.setattr(session, "after_fork_in_parent", after)
    monkeypatch.setattr(
        module_names.Paths,
        "is_file",
        lambda path: asked.extend([path] * len(is_forking)) or is_file(path),
    )
    fork_in_thread()

    assert asked == []


def break_hooks_off(session, monkeypatch, times):
    """Let a handler of the program raise while a session goes on after a fork."""
    goes_on, errors = session.after_fork_in_parent, iter([KeyboardInterrupt] * times)

    def interrupted():
        for error in errors:
            raise error
        goes_on()

    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # as CPython treats hooks
    monkeypatch.setattr(session, "after_fork_in_parent", interrupted)


@pytest.mark.parametrize("among_threads", [False, True])
def test_a_session_goes_on_although_an_interrupt_broke_the_hook_behind_a_fork_off(
    monkeypatch, among_threads
):
    exporter, has_come = InMemoryExporter(), threading.Event()
    export = exporter.export
    exporter.export = lambda batch: (export(batch), has_come.set())[0]
    session = configure(filter_from_text(EVERYTHING), exporter)
    monkeypatch.setattr(fork_warning, "is_deserved", lambda: among_threads)
    break_hooks_off(session, monkeypatch, 1)
    fork()
    has_come.clear()
    work()
    assert has_come.wait(60)
    assert session.shutdown(60)


@pytest.mark.parametrize("among_threads", [False, True])
def test_a_flush_goes_on_where_no_hook_did(monkeypatch, among_threads):
    exporter = InMemoryExporter()
    session = configure(filter_from_text(EVERYTHING), exporter)
    monkeypatch.setattr(fork_warning, "is_deserved", lambda: among_threads)
    break_hooks_off(session, monkeypatch, 2)
    fork()
    work()
    assert session.flush(60)
    assert exporter.named(f"{__name__}.work")
    assert session.shutdown(60)


def test_a_hook_of_the_program_may_ask_for_a_flush_before_a_fork():
    done = run_python("-c", FLUSHES_BEFORE_FORKS)
    assert done.stdout.split() == ["True", "0"]


@pytest.mark.parametrize("core", ["c", "python"])
def test_a_hook_of_the_program_that_is_recorded_before_a_fork_starts_no_thread(core, tmp_path):
    program = tmp_path / "forks.py"
    program.write_text(RECORDS_BEFORE_FORKS)
    done = run_python(program, CODETRACER_OTEL_CORE=core)
    assert done.stdout == "0 [1]\n"


def test_a_session_that_another_thread_ends_meanwhile_is_let_go(session, monkeypatch):
    before_fork = session.before_fork
    ends = []

    def before():
        before_fork()
        ends.append(threading.Thread(target=lambda: ends.append(session.shutdown(20))))
        ends[0].start()
        while session.is_running:
            pass

    monkeypatch.setattr(session, "before_fork", before)
    fork_in_thread()
    ends[0].join(30)

    assert ends[1:] == [True]


def test_a_child_can_begin_a_session_while_a_thread_of_the_parent_begins_one(session):
    is_held, is_forked = threading.Event(), threading.Event()

    def begin():
        with composition._Active.lock:
            is_held.set()
            is_forked.wait(30)

    thread = threading.Thread(target=begin)
    thread.start()
    assert is_held.wait(30)

    def begin_another():
        signal.alarm(20)  # ends a child that waits for ever
        return configure(filter_from_text(EVERYTHING), "none").is_running

    fork(begin_another)
    is_forked.set()
    thread.join()


@pytest.mark.parametrize("by", ["the first thread", "another thread"])
def test_no_thread_looks_at_descriptors_in_a_child_that_forks_itself(by, tmp_path):
    program = tmp_path / "forks.py"
    program.write_text(FORKS_TWICE)

    arguments = ("--exporter", "none", "--capture-io", "proxies+fd", "--quiet")
    answer = run_traced(*arguments, program, by)

    assert (answer.stdout, answer.stderr) == ("1\n0\n", "")


def test_a_session_can_be_ended_by_any_thread(session, capfd):
    ends = []
    thread = threading.Thread(target=lambda: ends.append(session.shutdown()))
    thread.start()
    thread.join()

    assert ends == [True]
    assert "finish failed" not in capfd.readouterr().err


def test_no_function_that_a_program_puts_over_the_disk_is_asked(monkeypatch):
    def blocks(*_arguments):
        raise RuntimeError("blocking call")

    monkeypatch.setattr(os, "stat", blocks)
    monkeypatch.setattr(os.path, "isfile", blocks)
    monkeypatch.setattr(os.path, "abspath", blocks)
    name = module_names.path_name("/nowhere/./program.py", ())
    monkeypatch.undo()

    assert name == "program"
