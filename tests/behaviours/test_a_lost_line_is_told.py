"""A line of the log or of a topic that cannot be written is counted and told, and never half there.

Each way in which a write fails is one of the system's: no space, no quota, a disk that is broken or
became read-only, a pipe that nobody reads any more.
"""

from __future__ import annotations

import errno
import json
import os

import pytest
from tests.traced_run import run_python, run_traced

ERRORS = ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EPIPE")

# The file takes 10 more bytes, then nothing, then everything again; standard error always does.
PROGRAM = """
import errno, os, sys
from codetracer_otel import bindings

write, room = bindings.Os.write, None

def full(descriptor, data):
    global room
    there = os.fstat(descriptor)
    if room is None or not os.path.samestat(there, os.stat(sys.argv[1])):
        return write(descriptor, data)
    if not room:
        raise OSError(errno.{error}, os.strerror(errno.{error}))
    written = write(descriptor, data[:room])
    room -= written
    return written

bindings.Os.write = full
import codetracer_otel as ct

session = ct.configure(exporter="jsonl=spans.jsonl", {options})

def say():
    {say}

say()
room = 10
for _ in range(4):
    say()
room = None
say()
ct.shutdown()
stats = session.stats()
print(stats["log"]["lost"], stats.get("topics", {{}}).get("lost"))
"""
LOG = {
    "options": "policy={'log_file': sys.argv[1]}",
    "say": "session._hooks.notify('filter_notice', 'warn', message='x')",
}
TOPICS = {"options": "trace='app'", "say": "ct.span('load').__enter__().__exit__(None, None, None)"}


def run(tmp_path, kind, error):
    (tmp_path / "program.py").write_text(PROGRAM.format(error=error, **kind))
    own = tmp_path / "own.jsonl"
    own.touch(0o600)
    output = {"CODETRACER_TRACE_OUTPUT": f"file:{own}"} if kind is TOPICS else {}
    done = run_python("program.py", own, cwd=tmp_path, **output)
    assert done.returncode == 0, done.stderr
    return done, own.read_text().splitlines()


def halves(lines):
    return [line for line in lines if not line.endswith("}")]


@pytest.mark.parametrize("error", ERRORS)
def test_of_the_log(tmp_path, error):
    done, lines = run(tmp_path, LOG, error)

    assert done.stdout == "4 None\n"
    (told,) = map(json.loads, done.stderr.splitlines())
    reason = os.strerror(getattr(errno, error))
    assert (told["level"], told["error_code"]) == ("ERROR", "ERR_IO")
    assert told["message"] == (
        f"log file {tmp_path / 'own.jsonl'}: {reason}; lines are lost as long as this lasts"
    )
    (half,) = halves(lines)
    assert len(half) == 10
    first, missing, last = (json.loads(line) for line in lines if line != half)
    assert first["message"] == last["message"] == "x"
    assert missing["message"] == f"4 lines before this one could not be written: {reason}"


@pytest.mark.parametrize("error", ERRORS)
def test_of_topics(tmp_path, error):
    done, lines = run(tmp_path, TOPICS, error)

    assert done.stdout == "0 4\n"
    (told,) = map(json.loads, done.stderr.splitlines())
    reason = os.strerror(getattr(errno, error))
    assert told["error_code"] == "ERR_IO"
    assert told["message"].endswith(f": {reason}; lines of topics are lost as long as this lasts")
    (half,) = halves(lines)
    first, missing, last = (json.loads(line) for line in lines if line != half)
    assert (first["span"], last["span"]) == ("load", "load")
    assert (missing["event"], missing["lines"], missing["reason"]) == ("lines_lost", 4, reason)


def test_a_summary_and_show_say_what_was_lost(tmp_path):
    (tmp_path / "app.py").write_text(
        "def work(): pass\nimport resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        "from codetracer_otel.sdk.session.configure import active_session\n"
        "active_session().tell('a', 'b')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "work()\n"
    )
    options = ("--log-file", "own.log", "--exporter", "jsonl=spans.jsonl")
    done = run_traced(*options, "app.py", cwd=tmp_path)
    assert "; 1 line of the log could not be written" in done.stderr
    shown = run_python("-m", "codetracer_otel", "show", "spans.jsonl", cwd=tmp_path)
    assert shown.stdout.startswith("!! spans.jsonl: lines could not be written: 1 of its log\n")


def test_a_log_on_standard_error_that_is_closed_is_counted(tmp_path):
    (tmp_path / "app.py").write_text(
        "import os, codetracer_otel as ct\n"
        "reader, writer = os.pipe()\n"
        "os.dup2(writer, 2)\n"
        "session = ct.configure(exporter='none')\n"
        "os.close(reader)\n"
        "session.tell('a', 'b')\n"
        "ct.shutdown()\n"
        "print(session.stats()['log'])\n"
    )
    done = run_python("app.py", cwd=tmp_path)
    assert done.stdout == "{'lines': 0, 'lost': 1}\n"
