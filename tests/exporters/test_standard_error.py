from __future__ import annotations

import io
import os
import sys

import pytest
from tests.traced_run import run_python

from codetracer_otel.exporters.files.line_writer import LineWriter
from codetracer_otel.exporters.standard_error import (
    StandardError,
    hold_standard_error,
    standard_error,
)


def test_a_line_goes_in_one_write_to_the_object_that_was_there(monkeypatch):
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text):
            writes.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stderr", Stream())
    writer = LineWriter(StandardError(sys.stderr))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert writer.write({"a": 1})
    assert writes == ['{"a":1}\n']


def closed_stream():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed_stream(), object()])
def test_an_unusable_one_is_counted_and_never_raises(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    writer = LineWriter(StandardError(sys.stderr))
    assert not writer.write({"a": 1})
    assert (writer.lines, writer.failures) == (0, 1)


def test_what_is_held_is_everybodys_until_it_is_released(monkeypatch):
    monkeypatch.setattr(sys, "stderr", first := io.StringIO())
    release = hold_standard_error()
    monkeypatch.setattr(sys, "stderr", second := io.StringIO())
    standard_error().write("held")
    release()
    release()
    standard_error().write("now")
    assert (first.getvalue(), second.getvalue()) == ("held", "now")


PROGRAM = """
import os, sys
from codetracer_otel.exporters.standard_error import StandardError
error = StandardError(sys.stderr)
{body}
"""


def errors_of(body, **options):
    done = run_python("-c", PROGRAM.format(body=body), **options)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_redirected_descriptor_gets_nothing(tmp_path):
    body = f"""
own = os.open({str(tmp_path / "own")!r}, os.O_RDWR | os.O_CREAT)
os.dup2(own, 2)
error.write("ours")
os.write(2, b"its")
"""
    assert errors_of(body) == "ours"
    assert (tmp_path / "own").read_text() == "its"


def test_a_program_that_closes_every_descriptor_but_the_standard_ones_is_told_of(tmp_path):
    body = f"""
os.closerange(3, 64)
own = [os.open({str(tmp_path / "own")!r}, os.O_RDWR | os.O_CREAT) for _ in range(9)]
error.write("ours")
os.dup2(own[0], 2)
try:
    error.write("lost")
except OSError:
    os.write(2, b"its")
"""
    assert errors_of(body) == "ours"
    assert (tmp_path / "own").read_text() == "its"


def test_a_text_keeps_the_encoding_of_the_stream():
    assert errors_of('error.write("\\u2514 \\ud800")') == "\u2514 \\ud800"


def test_a_forked_child_keeps_no_duplicate_that_outlives_its_own_streams(tmp_path):
    body = f"""
if os.fork():
    os.wait()
else:
    error.reopen_after_fork()
    error.write("child ")
    own = os.open({str(tmp_path / "own")!r}, os.O_RDWR | os.O_CREAT)
    os.dup2(own, 2)
    try:
        error.write("lost")
    except OSError:
        os.write(2, b"its")
    links = [os.readlink(f"/proc/self/fd/{{n}}") for n in os.listdir("/proc/self/fd") if int(n) > 2
             and os.path.exists(f"/proc/self/fd/{{n}}")]
    assert not any("pipe" in link for link in links), links
    os._exit(0)
error.write("parent")
"""
    assert errors_of(body) == "child parent"
    assert (tmp_path / "own").read_text() == "its"
    assert os.path.exists(tmp_path / "own")
