"""The warning about a fork among threads is silenced where only our threads cause it."""

from __future__ import annotations

import _thread
import threading
import warnings

import pytest

from codetracer_otel.sdk.delivery import fork_warning

TEXT = "This process (pid=1) is multi-threaded, use of fork() may lead to deadlocks in the child."


@pytest.fixture(autouse=True)
def _without_threads_of_other_tests(monkeypatch):
    every, me = threading.enumerate, threading.current_thread()
    others = [thread for thread in every() if thread is not me]
    monkeypatch.setattr(
        threading, "enumerate", lambda: [thread for thread in every() if thread not in others]
    )


def shown(text=TEXT):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fork_warning.silence()
        warnings.warn(text, DeprecationWarning, stacklevel=1)
        fork_warning.restore()
    return [str(warning.message) for warning in caught]


def test_it_is_silenced_and_nothing_else_is():
    assert shown() == []
    assert shown("something else") == ["something else"]


def test_a_program_with_threads_of_its_own_is_warned():
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait, args=(10,))
    thread.start()
    assert shown() == [TEXT]
    go_on.set()
    thread.join()


def test_it_is_deserved_where_the_program_has_another_thread():
    seen, stand_ins = [], []

    def look():
        seen.append(fork_warning.is_deserved())
        _thread.start_new_thread(look_unknown, ())
        done.wait(60)

    def look_unknown():
        stand_ins.append(threading.current_thread().ident)  # nobody takes it away on 3.12
        seen.append(fork_warning.is_deserved())
        done.set()

    done = threading.Event()
    assert not fork_warning.is_deserved()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [True, True]
    assert not fork_warning.is_deserved()
    threading._active.pop(*stand_ins, None)


def test_the_filters_are_as_before_and_restoring_twice_is_harmless():
    before = list(warnings.filters)
    fork_warning.silence()
    fork_warning.silence()
    assert len(warnings.filters) == len(before) + 1
    fork_warning.restore()
    fork_warning.restore()
    assert warnings.filters == before
