"""What happens to a session while its process forks."""

from __future__ import annotations

import os
import threading
import warnings

import pytest

from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.configure import configure
from codetracer_otel.testing import InMemoryExporter

EVERYTHING = """
[meta]
name = "everything"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
"""


def fork():
    """Fork and wait for the child, which ends at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads
        child = os.fork()
    if not child:
        os._exit(0)
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
    isfile, before_fork = os.path.isfile, session.before_fork
    is_forking = []

    def before():
        is_forking.append(1)
        before_fork()

    monkeypatch.setattr(session, "before_fork", before)
    monkeypatch.setattr(session, "after_fork_in_parent", is_forking.clear)
    monkeypatch.setattr(
        os.path, "isfile", lambda path: asked.extend([path] * len(is_forking)) or isfile(path)
    )
    fork_in_thread()
    monkeypatch.undo()
    session.after_fork_in_parent()

    assert asked == []


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


def test_a_session_can_be_ended_by_any_thread(session, capfd):
    ends = []
    thread = threading.Thread(target=lambda: ends.append(session.shutdown()))
    thread.start()
    thread.join()

    assert ends == [True]
    assert "finish failed" not in capfd.readouterr().err
