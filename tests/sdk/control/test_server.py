"""The control socket: one line in, one line out, and nobody can hold it for long."""

import os
import socket
import threading
import time

import pytest

from codetracer_otel.bindings import Json, Time
from codetracer_otel.sdk.control import messages, server
from codetracer_otel.sdk.control.messages import NotAMessage, receive, send
from codetracer_otel.sdk.control.server import ControlServer

LATER_S = 20.0


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Give a function that opens a control server in a folder of the test's own."""
    folder = tmp_path / "control"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(server, "make_folder", lambda *_given: str(folder))
    opened = []

    def begin(answer=lambda request: {"ok": True, "echo": request}, **more):
        made = ControlServer(answer, **more)
        made.start()
        opened.append(made)
        return made

    yield begin
    for each in opened:
        each.close()


def ask(path, request):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        send(connection, request, time.monotonic() + LATER_S)
        return receive(connection, time.monotonic() + LATER_S)


def test_a_command_is_answered(serve):
    assert ask(serve().path, {"command": "status"}) == {"ok": True, "echo": {"command": "status"}}


def test_the_socket_is_for_its_user_alone(serve):
    assert os.stat(serve().path).st_mode & 0o777 == 0o600


def test_a_socket_that_can_be_found_can_be_connected_to(serve, monkeypatch):
    found, chmod = [], os.chmod

    def look(path, mode):
        found.append([name for name in os.listdir(os.path.dirname(path)) if name[-5:] == ".sock"])
        chmod(path, mode)

    monkeypatch.setattr(server.Os, "chmod", look)  # between being bound and listening
    made = serve()
    assert found == [[]]
    assert os.listdir(os.path.dirname(made.path)) == [os.path.basename(made.path)]


def test_another_user_is_turned_away(serve, monkeypatch):
    made = serve()
    monkeypatch.setattr(server, "user_behind", lambda _connection: os.geteuid() + 1)
    with pytest.raises((NotAMessage, OSError)):
        ask(made.path, {"command": "status"})


def test_closing_ends_the_thread_and_removes_the_socket(serve):
    made = serve()
    made.close()
    assert made._thread.join(LATER_S)
    assert not os.path.exists(made.path)
    assert made._socket.fileno() < 0


def test_a_command_may_close_the_socket_and_is_answered_all_the_same(serve):
    held = []

    def answer(_request):
        held[0].close()
        return {"ok": True}

    held.append(serve(answer))
    assert ask(held[0].path, {"command": "detach"}) == {"ok": True}


def test_who_sends_nothing_is_waited_for_no_longer_than_the_deadline(serve, monkeypatch):
    monkeypatch.setattr(server, "_PATIENCE_S", 0.05)
    made = serve()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(made.path)
        assert ask(made.path, {"a": 1})["ok"]


@pytest.mark.parametrize("sent", [b"", b"\n", b"[]\n", b"{\n", b"\xff\xfe\n", b"1" * 100, b"nul\n"])
def test_what_is_no_message_is_not_answered_and_harms_nobody(serve, sent):
    made = serve()
    with socket.socket(socket.AF_UNIX) as odd:
        odd.connect(made.path)
        odd.sendall(sent)
        odd.shutdown(socket.SHUT_WR)
        assert odd.recv(100) == b""
    assert ask(made.path, {"a": 1})["ok"]


def test_a_message_that_is_too_long_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(messages, "MAX_BYTES", 1000)
    here, there = socket.socketpair()
    with here, there:
        here.sendall(b"x" * 2000)
        with pytest.raises(NotAMessage):
            receive(there, time.monotonic() + LATER_S)


def test_a_peer_that_drips_does_not_prolong_the_deadline():
    here, there = socket.socketpair()
    with here, there:
        here.sendall(b"{")
        with pytest.raises(TimeoutError):
            receive(there, time.monotonic() + 0.02)


def test_a_deadline_is_kept_without_anybody_asking(serve):
    deadline = [Time.monotonic() + 0.02]
    reached = threading.Event()

    def on_deadline():
        deadline[0] = None
        reached.set()

    serve(deadline=lambda: deadline[0], on_deadline=on_deadline)
    assert reached.wait(LATER_S)


def test_a_descriptor_that_the_program_has_taken_is_left_alone(serve):
    made = serve()
    number = made._socket.fileno()
    reader, writer = os.pipe()
    os.dup2(reader, number)
    os.write(writer, b"the program's")
    made.close()
    assert made._thread.join(LATER_S)
    assert os.read(number, 20) == b"the program's"
    for descriptor in (reader, writer, number):
        os.close(descriptor)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_a_socket_of_its_own_and_the_parent_keeps_its(serve):
    made = serve()
    reader, writer = os.pipe()
    made.before_fork()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            made.after_fork_in_child()
            os.write(writer, Json.dumps(ask(made.path, {"from": "child"})).encode())
            made.close()
            status = 0
        finally:
            os._exit(status)
    made.after_fork_in_parent()
    assert ask(made.path, {"from": "parent"})["ok"]
    os.close(writer)
    with open(reader, "rb") as answers:
        assert b'"child"' in answers.read()
    assert os.waitpid(child, 0)[1] == 0
    assert os.path.basename(made.path) == f"{os.getpid()}.sock"
