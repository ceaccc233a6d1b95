"""Standard streams are covered, what passes is noted once it arrived, and all is put back."""

from __future__ import annotations

import io
import sys

import pytest

from codetracer_otel.instrumentation.io.streams import IoCapture, StreamProxy


class Notes(list):
    def __call__(self, stream, text, /):
        self.append((stream, text))


@pytest.fixture
def begin(monkeypatch):
    """Return what puts streams over bytes in memory into `sys`; pytest does so before each test."""
    return lambda: put_in_place(monkeypatch)


def put_in_place(monkeypatch):
    made = {
        name: io.TextIOWrapper(io.BytesIO(b"one\ntwo\n" if name == "stdin" else b""), "utf-8")
        for name in ("stdin", "stdout", "stderr")
    }
    for name, stream in made.items():
        monkeypatch.setattr(sys, name, stream)
    return made


def test_a_stream_stays_itself_and_its_writes_are_noted(begin):
    streams = begin()
    notes = Notes()
    undo = IoCapture(notes).install()
    assert sys.stdout is streams["stdout"]
    print("a", "b", file=sys.stdout)
    sys.stderr.write("c")
    undo()
    print("unnoted")
    assert "".join(text for stream, text in notes if stream == "stdout") == "a b\n"
    assert ("stderr", "c") in notes
    streams["stdout"].flush()
    assert streams["stdout"].buffer.getvalue() == b"a b\nunnoted\n"
    assert "write" not in vars(streams["stdout"])


def test_what_is_read_is_noted_however_it_is_read(begin):
    streams = begin()
    notes = Notes()
    undo = IoCapture(notes).install()
    assert isinstance(sys.stdin, io.TextIOWrapper)
    assert sys.stdin.readline() == "one\n"
    assert list(sys.stdin) == ["two\n"]
    assert sys.stdin.read() == ""
    undo()
    assert sys.stdin is streams["stdin"]
    assert notes == [("stdin", "one\n"), ("stdin", "two\n")]


def test_a_write_that_fails_is_not_noted_and_fails_as_it_would(begin):
    streams = begin()
    notes = Notes()
    undo = IoCapture(notes).install()
    with pytest.raises(TypeError):
        sys.stdout.write(b"bytes")
    streams["stderr"].close()
    with pytest.raises(ValueError, match="closed file"):
        sys.stderr.write("late")
    undo()
    assert notes == []


def test_a_stream_that_takes_no_attribute_gets_a_proxy(monkeypatch):
    class Slotted:
        __slots__ = ("texts",)

        def __init__(self):
            self.texts = []

        def write(self, text):
            self.texts.append(text)
            return len(text)

    stream, notes = Slotted(), Notes()
    monkeypatch.setattr(sys, "stdout", stream)
    undo = IoCapture(notes, ["stdout"]).install()
    assert type(sys.stdout) is StreamProxy
    assert isinstance(sys.stdout, Slotted)
    assert sys.stdout.write("x") == 1
    sys.stdout.writelines(["y", "z"])
    held = sys.stdout
    undo()
    assert sys.stdout is stream
    held.write("by who kept it")
    assert stream.texts == ["x", "y", "z", "by who kept it"]
    assert notes == [("stdout", "x"), ("stdout", "y"), ("stdout", "z")]


def test_a_stream_that_somebody_replaced_meanwhile_stays_replaced(begin, monkeypatch):
    streams = begin()
    undo = IoCapture(Notes()).install()
    other = io.StringIO()
    monkeypatch.setattr(sys, "stdin", other)
    covered = sys.stdout.write
    sys.stdout.write = lambda text: covered(text.upper())
    undo()
    assert sys.stdin is other
    sys.stdout.write("loud")
    streams["stdout"].flush()
    assert streams["stdout"].buffer.getvalue() == b"LOUD"


def test_streams_that_are_missing_or_not_asked_for_are_left_alone(begin, monkeypatch):
    begin()
    monkeypatch.setattr(sys, "stderr", None)
    notes = Notes()
    undo = IoCapture(notes, ["stderr"]).install()
    print("x")
    undo()
    assert sys.stderr is None
    assert notes == []


def test_a_text_is_announced_before_it_is_written_and_noted_after(begin):
    streams = begin()
    order = []
    undo = IoCapture(
        lambda _stream, text: order.append(("noted", text, streams["stdout"].tell())),
        ["stdout"],
        lambda _stream, text: order.append(("announced", text, streams["stdout"].tell())),
    ).install()
    sys.stdout.write("ab")
    undo()
    assert order == [("announced", "ab", 0), ("noted", "ab", 2)]
