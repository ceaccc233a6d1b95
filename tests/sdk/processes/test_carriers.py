"""Baggage comes from the environment, and children get the current span in theirs."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from opentelemetry import baggage
from tests.traced_run import run_traced

PRINT = "import os; print(*(os.environ.get(n) for n in ('TRACEPARENT', 'BAGGAGE', 'OWN')))"
COMMAND = (sys.executable, "-S", "-E", "-c", PRINT)


def printed(**options):
    done = subprocess.run(COMMAND, stdout=subprocess.PIPE, text=True, check=True, **options)
    return done.stdout.split()


def told_of(spans, name):
    """Return the traceparent of a function's last span."""
    found = [span for span in spans if span.name.endswith(f".{name}")][-1]
    return f"00-{found.trace_id}-{found.span_id}-{found.trace_flags:02x}"


async def start_in_a_loop():
    child = await asyncio.create_subprocess_exec(*COMMAND, stdout=subprocess.PIPE)
    out, _ = await child.communicate()
    return out.decode().split()


@pytest.mark.parametrize("env", [None, {"OWN": "1"}, {b"OWN": b"1"}])
def test_a_child_gets_the_current_span(record, env):
    with record(propagate_subprocess=True) as spans:
        given, _, own = printed(env=env)
    assert given == told_of(spans, "printed")
    assert own == ("1" if env else "None")


def test_a_child_of_an_event_loop_gets_it_too(record):
    with record(propagate_subprocess=True) as spans:
        given, *_ = asyncio.run(start_in_a_loop())
    assert given == told_of(spans, "start_in_a_loop")


def test_what_the_program_has_chosen_stays(record, monkeypatch):
    inherited = f"00-{'a' * 32}-{'b' * 16}-01"
    chosen = f"00-{'c' * 32}-{'d' * 16}-01"
    monkeypatch.setenv("TRACEPARENT", inherited)
    with record(propagate_subprocess=True) as spans:
        assert printed(env={"TRACEPARENT": chosen})[0] == chosen
        given, *_ = printed(env={"TRACEPARENT": inherited})
    assert given == told_of(spans, "printed") != inherited


def test_without_the_option_and_after_the_session_children_get_nothing(record):
    before = subprocess.Popen.__init__
    with record():
        assert printed()[0] == "None"
    with record(propagate_subprocess=True):
        assert subprocess.Popen.__init__ is not before
    assert subprocess.Popen.__init__ is before


def test_what_cannot_be_started_raises_as_it_would(record):
    with record(propagate_subprocess=True):
        with pytest.raises(TypeError, match="args"):
            subprocess.Popen()
        with pytest.raises(FileNotFoundError):
            subprocess.Popen(["/no/such/program"])


def read_baggage():
    return dict(baggage.get_all()), printed()[1]


def test_baggage_of_the_environment_is_the_programs_and_its_childrens(record, monkeypatch):
    monkeypatch.setenv("BAGGAGE", "tenant=a%20b,user=7")
    with record(propagate_subprocess=True) as spans:
        assert read_baggage() == ({"tenant": "a b", "user": "7"}, "tenant=a+b,user=7")
    assert baggage.get_all() == {}
    assert len({span.trace_id for span in spans}) == 1


def test_baggage_is_left_alone_where_the_propagators_leave_it_out(record, monkeypatch):
    monkeypatch.setenv("BAGGAGE", "tenant=a")
    monkeypatch.setenv("OTEL_PROPAGATORS", "tracecontext")
    with record():
        assert read_baggage()[0] == {}


def test_run_has_a_flag_for_it(tmp_path):
    (tmp_path / "program.py").write_text(
        f"import subprocess, sys\ndef main():\n    subprocess.run({list(COMMAND)!r})\nmain()\n"
    )
    options = ("--propagate-subprocess", "--exporter", "none", "--quiet")
    ended = run_traced(*options, "program.py", cwd=tmp_path, BAGGAGE="a=1")
    assert ended.stderr == ""
    assert ended.stdout.startswith("00-")
    assert ended.stdout.split()[1] == "a=1"
