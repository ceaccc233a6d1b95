"""A request to end reaches every process, also one that has hardly begun."""

from __future__ import annotations

import signal
import sys
import threading

import pytest
from tests.traced_run import run_traced

from codetracer_otel.sdk.signals import deliver_on_sigterm, hold_sigterm

FORKS = """
import os, select, signal

def end_of(child):
    with os.fdopen(os.pidfd_open(child)) as ended:
        if not select.select([ended], [], [], 10)[0]:
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

idle, _ = os.pipe()
ends = set()
for _ in range(25):
    child = os.fork()
    if not child:
        os.read(idle, 1)
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    ends.add(end_of(child))
print(sorted(ends))
"""


@pytest.fixture
def sigterm():
    """The program's own handler, put back at the end."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open")
def test_a_child_that_is_asked_to_end_as_soon_as_it_is_there_does_end(tmp_path):
    script = tmp_path / "forks.py"
    script.write_text(FORKS)

    answer = run_traced("--quiet", "--exporter", "none", script)

    assert (answer.stdout, answer.stderr) == (f"[{-signal.SIGTERM}]\n", "")


def test_sigterm_is_answered_where_no_python_code_can_begin(sigterm, monkeypatch):
    asked, told = [], []
    monkeypatch.setattr("os.kill", lambda _process, number: told.append(number))
    limit = sys.getrecursionlimit()
    undo = deliver_on_sigterm(lambda: told.append(levels(40)))

    def levels(left):
        return levels(left - 1) + 1 if left else 0

    def fall():
        try:
            fall()
        except RecursionError:
            asked.append(1)
            signal.raise_signal(signal.SIGTERM)

    try:
        fall()
    finally:
        sys.setrecursionlimit(limit)
        undo()

    assert told == [40, signal.SIGTERM]
    assert len(asked) == 1  # the first signal, at the limit itself


def test_a_handler_that_a_thread_could_not_take_away_makes_room_for_the_next_session(sigterm):
    undo = deliver_on_sigterm(lambda: None)
    left = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=undo)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is left

    undo_next = deliver_on_sigterm(lambda: None)
    assert signal.getsignal(signal.SIGTERM) is not left
    undo_next()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_sigterm_waits_where_it_is_held(sigterm, monkeypatch):
    told = []
    monkeypatch.setattr("os.kill", lambda _process, number: told.append(number))
    undo = deliver_on_sigterm(lambda: told.append("shutdown"))

    release = hold_sigterm()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    told.append("held")
    release()
    undo()

    assert told == ["held", "shutdown", signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_program_with_its_own_way_of_ending_is_not_made_to_wait(sigterm):
    release = hold_sigterm()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    release()

    assert signal.SIGTERM not in held


def test_a_program_that_holds_sigterm_itself_goes_on_holding_it(sigterm):
    undo = deliver_on_sigterm(lambda: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        hold_sigterm()()
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        undo()
