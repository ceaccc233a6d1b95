"""More calls than any queue holds: files have every one, as has what the program waits for."""

from __future__ import annotations

import json
import threading
from collections import Counter

import pytest
from tests.conftest import HEADER, rule
from tests.exporters.collector import hang, running_collector
from tests.traced_run import run_python, spans_in

import codetracer_otel as ct
from codetracer_otel.filters import filter_from_text
from codetracer_otel.testing import InMemoryExporter

CALLS = 40_000  # twenty times what the small queue holds
MANY_CALLS = 140_000  # twice what the queue holds by default
PROGRAM = """
import json, os, sys, time
import codetracer_otel as ct

def tiny(number):
    return number

exporter, calls, when_full = sys.argv[1], int(sys.argv[2]), sys.argv[3]
bounds = json.loads(sys.argv[4])
exporter = exporter.split()
session = ct.configure(exporter=exporter, buffer=ct.Buffer(when_full=when_full, **bounds))
for number in range(calls):
    tiny(number)
if os.environ.get("FORKS"):
    pid = os.fork()
    if not pid:
        for number in range(calls):
            tiny(number)
        session.flush(100)
        os._exit(0)
    os.waitpid(pid, 0)
complete = session.flush(100)
session.shutdown()
stats = session.stats()
print(json.dumps([complete, stats["recorded"], stats["exported"], stats["dropped"]]))
"""
SMALL = {"records": 2000, "batch_records": 500}
ROOM, MANY = 20, 400


def run(tmp_path, exporter, calls=CALLS, when_full="auto", bounds=SMALL, **env):
    script = tmp_path / "app.py"
    script.write_text(PROGRAM)
    words = (exporter, calls, when_full, json.dumps(bounds))
    done = run_python(script, *words, cwd=tmp_path, CODETRACER_LOG_LEVEL="error", **env)
    assert (done.stderr, done.returncode) == ("", 0)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("calls", "bounds"), [(CALLS, SMALL), (MANY_CALLS, {})], ids=["small", "default"]
)
def test_json_lines_have_every_call(tmp_path, calls, bounds):
    outcome = run(tmp_path, "jsonl=spans.jsonl", calls, bounds=bounds)
    assert outcome == [True, calls, calls, {}]
    assert len(spans_in(tmp_path / "spans.jsonl")) == calls


def test_a_chrome_trace_has_every_call(tmp_path):
    assert run(tmp_path, "chrome=trace.json") == [True, CALLS, CALLS, {}]
    events = json.loads((tmp_path / "trace.json").read_text())
    events = events["traceEvents"] if isinstance(events, dict) else events
    assert sum(event["ph"] == "X" for event in events) == CALLS


def test_a_native_recording_has_every_call(tmp_path):
    run(tmp_path, "native=recording")
    text = (tmp_path / "recording" / "trace.json").read_text()
    assert text.count('{"Call":') >= CALLS


def test_a_collector_gets_every_call_where_the_program_waits(tmp_path):
    with running_collector() as collector:
        outcome = run(tmp_path, f"otlp={collector.url}", when_full="block")
    assert outcome == [True, CALLS, CALLS, {}]
    assert len(collector.names()) == CALLS


def test_a_collector_is_not_waited_for_and_the_file_beside_it_says_what_it_lacks(tmp_path):
    with running_collector() as collector:
        collector.script = [hang] * 1000
        bounds = {"records": 2000, "export_timeout_ms": 200}
        run(tmp_path, f"jsonl=spans.jsonl otlp={collector.url}", 20_000, bounds=bounds)
    *lines, last = (tmp_path / "spans.jsonl").read_text().splitlines()
    loss = json.loads(last)
    assert (len(lines) - 1, loss["recorded"], loss["dropped"]) == (20_000, 20_000, {})
    assert loss["exporters"]["jsonl"] == {"exported": 20_000, "dropped": {}}
    otlp = loss["exporters"]["otlp"]
    assert otlp["exported"] + sum(otlp["dropped"].values()) == 20_000
    assert otlp["dropped"]["queue_full"]


def test_where_nothing_waits_what_is_lost_is_counted_in_the_file(tmp_path):
    _, recorded, exported, dropped = run(tmp_path, "jsonl=spans.jsonl", when_full="drop_newest")
    *lines, last = (tmp_path / "spans.jsonl").read_text().splitlines()
    loss = json.loads(last)
    assert dropped
    assert len(lines) - 1 == exported == loss["exporters"]["jsonl"]["exported"]
    lost = Counter(loss["dropped"]) + Counter(loss["exporters"]["jsonl"]["dropped"])
    assert lost == dropped
    assert exported + lost.total() == CALLS
    assert recorded == loss["recorded"]


def test_a_collector_that_hangs_lets_the_program_end_and_the_loss_is_counted(tmp_path):
    with running_collector() as collector:
        collector.script = [hang] * 1000
        bounds = SMALL | {"export_timeout_ms": 60_000}
        outcome = run(
            tmp_path,
            f"otlp={collector.url}",
            20_000,
            "block",
            bounds,
            OTEL_EXPORTER_OTLP_TIMEOUT="8",
        )
    _, _, exported, dropped = outcome
    assert exported + sum(dropped.values()) == 20_000


ENDS_LATE = """
import json
import codetracer_otel as ct

def deeper(level):
    return deeper(level + 1)

def tiny(number):
    return number

def items():
    yield 1
    yield 2

session = ct.configure(
    exporter="jsonl=spans.jsonl", buffer=ct.Buffer(records=100, batch_records=50)
)
for _ in range(5):
    try:
        deeper(0)
    except RecursionError:
        pass
for number in range(300):
    generator = items()
    next(generator)
    circle = [generator]
    circle.append(circle)
    for again in range(20):
        tiny(again)
session.flush(100)
session.shutdown()
print(json.dumps(session.stats()["dropped"]))
"""


def test_what_is_finished_by_who_takes_it_needs_no_room(tmp_path):
    """Those are calls that ended where no stack was left, and generators that nobody closed."""
    script = tmp_path / "app.py"
    script.write_text(ENDS_LATE)
    done = run_python(script, cwd=tmp_path, CODETRACER_LOG_LEVEL="error")
    assert (done.stdout, done.stderr) == ("{}\n", "")
    counts = Counter(span["name"].rpartition(".")[2] for span in spans_in(tmp_path / "spans.jsonl"))
    assert counts["tiny"] == 6000
    assert counts["items"] == 300


def items():
    yield 1
    yield 2


def tiny():
    """Do nothing."""


TRACED = filter_from_text(HEADER + rule(f"obj:{__name__}.tiny") + rule(f"obj:{__name__}.items"))


class ClosesOnItsThread(InMemoryExporter):
    """Closes a generator of the program on a thread of ours, when the buffer is full."""

    session = close = None

    def export(self, batch):
        close, self.close = self.close, None
        if close is not None:
            while self.session.stats()["recorder"]["queue_depth"] < ROOM:
                threading.Event().wait(0.001)
            close()
        return super().export(batch)


def test_a_call_that_ends_on_a_thread_of_ours_needs_no_room():
    """A garbage collection closes generators on any thread."""
    exporter, generator = ClosesOnItsThread(), items()
    bounds = ct.Buffer(records=ROOM, batch_records=5, when_full="block")
    with ct.configure(TRACED, exporter, buffer=bounds) as exporter.session:
        next(generator)
        exporter.close = generator.close
        for _ in range(MANY):
            tiny()
        assert exporter.session.flush(100)
        dropped = exporter.session.stats()["dropped"]
    counts = Counter(span.name.rpartition(".")[2] for span in exporter.spans)
    assert dropped == {}
    assert counts == {"tiny": MANY, "items": 1}


def test_a_forked_child_waits_for_its_own_exporter(tmp_path):
    outcome = run(tmp_path, "jsonl=spans.jsonl", 20_000, FORKS="1")
    assert outcome == [True, 20_000, 20_000, {}]
    assert len(spans_in(*tmp_path.glob("spans*"))) == 40_000
