"""The plugin that hands a session to workers of pytest-xdist; see cli/run/test_frameworks.py."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from codetracer_otel.sdk.entry_points import pytest_plugin

NAME = pytest_plugin.__name__


@pytest.mark.parametrize(
    ("before", "offered"), [({}, NAME), ({"PYTEST_PLUGINS": "a,b"}, f"{NAME},a,b")]
)
def test_the_environment_is_the_programs_own_again_once_pytest_has_read_it(
    monkeypatch, before, offered
):
    environ = dict(before)
    pytest_plugin.offer(environ)
    assert environ == {"PYTEST_PLUGINS": offered}

    monkeypatch.setattr("os.environ", environ)
    pytest_plugin.pytest_addoption()
    assert environ == before


def workers_of(hook):
    registered = []
    config = SimpleNamespace(hook=hook, pluginmanager=SimpleNamespace(register=registered.append))
    pytest_plugin.pytest_configure(config)
    return registered


def test_without_xdist_there_is_nothing_to_watch():
    assert workers_of(SimpleNamespace()) == []


class Node:
    """A worker that cannot begin a session."""

    def __init__(self, popen=True):
        self.asked = 0
        self.gateway = SimpleNamespace(spec=SimpleNamespace(popen=popen), remote_exec=self.refuse)

    def refuse(self, source):
        self.asked += 1
        raise OSError("cannot send\n\nNo module named 'codetracer_otel'")


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(pytest_plugin, "for_child", lambda: b"stated")
    (found,) = workers_of(SimpleNamespace(pytest_configure_node=None))
    return found


def test_a_worker_without_this_package_runs_untraced_which_is_said_once(workers, capsys):
    nodes = [Node(), Node()]
    for node in nodes:
        workers.pytest_configure_node(node)

    assert [node.asked for node in nodes] == [1, 1]
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "codetracer-otel: no session in children that are spawned: "
        "No module named 'codetracer_otel'; they run untraced"
    )


def test_a_worker_on_another_machine_is_left_alone(workers):
    node = Node(popen=False)
    workers.pytest_configure_node(node)
    assert node.asked == 0
