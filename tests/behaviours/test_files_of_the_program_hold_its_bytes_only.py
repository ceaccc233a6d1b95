"""A program that closes every descriptor and opens files of its own finds its own bytes in them."""

from __future__ import annotations

import json
import os
import time

import pytest
from tests.native_trace import read_trace
from tests.traced_run import run_python, spans_in

OUTPUTS = {
    "jsonl": {"exporter": "jsonl=spans.jsonl"},
    "native": {"exporter": "native=trace"},
    "chrome": {"exporter": "chrome=spans.json"},
    "console": {"exporter": "console"},
    "log": {"exporter": "none", "policy": {"log_file": "own.log", "log_level": "trace"}},
    "topic": {"exporter": "none", "trace": "app", "trace_output": "file:topics.jsonl"},
    "otlp": {"exporter": "otlp=http://127.0.0.1:9"},
}

PROGRAM = """
import os, sys, time
import codetracer_otel as ct

def job(n):
    with ct.span("by hand", topic="app"):
        return n

session = ct.configure(**{options!r})
job(0)
session.flush(2)
{becomes_daemon}
os.closerange({first}, 64)
own = [open(f"own{{n}}.txt", "w+") for n in range(12)]
for file in own:
    file.write("its ")
    file.flush()
for n in range(20):
    job(n)
session.flush(2)
ct.shutdown()
for file in own:
    file.write("bytes")
    file.close()
open("done", "w").close()
"""

DAEMON = """
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
"""


def run(tmp_path, options, becomes_daemon="", first=3):
    options = dict(options)
    output = options.pop("trace_output", None)
    environment = {} if output is None else {"CODETRACER_TRACE_OUTPUT": output}
    program = PROGRAM.format(options=options, becomes_daemon=becomes_daemon, first=first)
    script = tmp_path / "program.py"
    script.write_text(program)
    done = run_python(script, cwd=tmp_path, **environment)
    limit = time.monotonic() + (20 if becomes_daemon else 0)
    while not (tmp_path / "done").exists() and time.monotonic() < limit:
        time.sleep(0.02)
    assert (tmp_path / "done").exists(), done.stderr
    return done


def own_bytes(tmp_path):
    return {(tmp_path / f"own{n}.txt").read_text() for n in range(12)}


@pytest.mark.parametrize("name", OUTPUTS)
def test_when_it_closes_every_descriptor(tmp_path, name):
    done = run(tmp_path, OUTPUTS[name])
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert own_bytes(tmp_path) == {"its bytes"}


@pytest.mark.parametrize("name", OUTPUTS)
def test_when_it_becomes_a_daemon(tmp_path, name):
    run(tmp_path, OUTPUTS[name], DAEMON, first=0)
    assert own_bytes(tmp_path) == {"its bytes"}


def test_what_is_recorded_after_that_is_there(tmp_path):
    for name in ("jsonl", "chrome", "native", "topic"):
        folder = tmp_path / name
        folder.mkdir()
        run(folder, OUTPUTS[name])
    spans = spans_in(tmp_path / "jsonl/spans.jsonl")
    assert sum(span["name"].endswith("job") for span in spans) == 21
    events = json.loads((tmp_path / "chrome/spans.json").read_text())["traceEvents"]
    assert sum(event["name"].endswith("job") for event in events) == 21
    calls = read_trace(str(tmp_path / "native/trace")).root.walk()
    assert sum(call.name == "job" for call in calls) == 21
    topics = [
        json.loads(line) for line in (tmp_path / "topic/topics.jsonl").read_text().splitlines()
    ]
    assert sum(line.get("span") == "by hand" for line in topics) == 21


def test_a_log_goes_on_in_its_own_file(tmp_path):
    program = """
import os
import codetracer_otel as ct
ct.configure(exporter="jsonl=/dev/full", policy={"log_file": "own.log"})
def job(): pass
os.closerange(3, 64)
os.chdir("/")
job()
ct.shutdown()
"""
    script = tmp_path / "program.py"
    script.write_text(program)
    done = run_python(script, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "exporter failing" in (tmp_path / "own.log").read_text()
    assert not os.path.exists("/own.log")


CAPTURED = """
import os
print("before", flush=True)
os.closerange({first}, 64)
own = [open(f"own{{n}}.txt", "w+") for n in range(12)]
for file in own:
    file.write("its bytes")
    file.flush()
"""


@pytest.mark.parametrize("first", [0, 3])
def test_when_what_it_prints_is_captured(tmp_path, first):
    script = tmp_path / "program.py"
    script.write_text(CAPTURED.format(first=first))
    options = ["--capture-io", "proxies+fd", "--exporter", "jsonl=spans.jsonl"]
    done = run_python("-m", "codetracer_otel", "run", *options, script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "before\n"
    assert "Traceback" not in done.stderr
    assert own_bytes(tmp_path) == {"its bytes"}
