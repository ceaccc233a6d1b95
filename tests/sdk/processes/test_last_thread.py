"""A session in a process that a thread forked ends with the program's last thread."""

from __future__ import annotations

import _thread
import sys
import threading

import pytest

from codetracer_otel.sdk.processes import last_thread
from codetracer_otel.sdk.processes.last_thread import LastThread


@pytest.fixture
def ended(monkeypatch):
    """Whether the thread that came out of the fork has ended, for the test to say."""
    answer = threading.Event()
    monkeypatch.setattr(last_thread, "_first_thread_has_ended", answer.is_set)
    return answer


def await_end(own_threads):
    """Return what is awaited; it is set when the session would end."""
    shut_down = threading.Event()
    awaited = LastThread(own_threads, lambda: own_threads.add(threading.get_ident()), shut_down.set)
    awaited.wait_for_it()
    awaited.wait_for_it()
    return shut_down


def test_it_waits_for_the_first_thread_and_for_every_other_one_of_the_program(ended):
    other = threading.Event()
    own_threads = set(sys._current_frames())  # those of who runs the tests among them
    late = threading.Thread(target=other.wait)
    late.start()
    shut_down = await_end(own_threads)
    assert not shut_down.wait(0.05)  # both are there
    ended.set()
    assert not shut_down.wait(0.05)  # the other one still is
    other.set()
    assert shut_down.wait(60)
    late.join()


def test_one_thread_waits_however_often_it_is_asked_to(ended):
    before = _thread._count()
    own_threads = set(sys._current_frames())
    known = len(own_threads)
    shut_down = await_end(own_threads)
    assert _thread._count() <= before + 1
    ended.set()
    assert shut_down.wait(60)
    assert len(own_threads) == known + 1


def test_the_first_thread_of_a_process_that_has_not_ended_is_seen_alive():
    assert not last_thread._first_thread_has_ended()
