"""More calls than any queue holds: files have every one, as has what the program waits for."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.exporters.collector import hang, running_collector
from tests.traced_run import run_python, spans_in

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


def test_a_forked_child_waits_for_its_own_exporter(tmp_path):
    outcome = run(tmp_path, "jsonl=spans.jsonl", 20_000, FORKS="1")
    assert outcome == [True, 20_000, 20_000, {}]
    assert len(spans_in(*tmp_path.glob("spans*"))) == 40_000
