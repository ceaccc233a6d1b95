"""A forked child may leave by `os._exit`: what it has flushed is delivered, the rest is its loss.

``os._exit`` is how a program says that nothing more is to be done, and nothing is: no hook of ours
stands in its way. The parent and its files do not suffer.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.exporters.collector import running_collector
from tests.native_trace import read_trace
from tests.traced_run import run_python

from codetracer_otel.exporters.native.read.repair import end_trace

PROGRAM = """
import os, sys
import codetracer_otel as ct
session = ct.configure(exporter=sys.argv[1])
def parent(): pass
def flushed(): pass
def lost(): pass
parent()
child = os.fork()
if not child:
    for _ in range(20):
        flushed()
    assert session.flush(30)
    lost()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
parent()
ct.shutdown()
"""


def of_jsonl(folder):
    lines = [line for file in folder.glob("out*") for line in file.read_text().splitlines()]
    return [json.loads(line).get("name", "") for line in lines]


def of_chrome(folder):
    lines = [line for file in folder.glob("out*") for line in file.read_text().splitlines()]
    events = [json.loads(line.rstrip(",")) for line in lines if line.startswith('{"ph"')]
    return [event["name"] for event in events if event["ph"] == "X"]


def of_native(folder):
    for file in folder.rglob("trace.json"):
        end_trace(str(file.parent), 0)  # as `show` does
    roots = [read_trace(str(file.parent)).root for file in folder.rglob("trace.json")]
    return [f"__main__.{call.name}" for root in roots for call in root.walk()]


READERS = {"jsonl": of_jsonl, "chrome": of_chrome, "native": of_native}


@pytest.mark.parametrize("exporter", READERS)
def test_files_hold_what_was_flushed(tmp_path, exporter):
    names = Counter(READERS[exporter](run(tmp_path, f"{exporter}={tmp_path / 'out'}")))
    assert_right(names)


def test_a_collector_gets_what_was_flushed(tmp_path):
    with running_collector() as collector:
        run(tmp_path, f"otlp={collector.url}")
    assert_right(Counter(collector.names()))


def run(folder, exporter):
    (folder / "app.py").write_text(PROGRAM)
    done = run_python(folder / "app.py", exporter, cwd=folder)
    assert (done.stdout, done.stderr, done.returncode) == ("7\n", "", 0)
    return folder


def assert_right(names):
    assert names["__main__.parent"] == 2
    assert names["__main__.flushed"] == 20
    assert names["__main__.lost"] <= 1
