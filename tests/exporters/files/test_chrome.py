from __future__ import annotations

import json
import math
import os
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples
from tests.exporters.made import TRACE_ID, batch, plan, record, segment, view

from codetracer_otel.errors import UsageError
from codetracer_otel.exporters.files.chrome import ChromeExporter, build
from codetracer_otel.exporters.files.chrome_events import Occupied
from codetracer_otel.model.protocols import Exporter, ExportResult
from codetracer_otel.model.record import Event, SpanDetails, StatusCode
from codetracer_otel.model.value import REDACTED_NODE


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "trace.json")


@pytest.fixture
def exporter(path):
    made = ChromeExporter(path)
    yield made
    made.shutdown(1.0)


def events(path, *kinds):
    with open(path, encoding="ascii") as file:
        found = json.load(file)["traceEvents"]
    return [event for event in found if event["ph"] in kinds] if kinds else found


def call(name, start, end, **fields):
    made = plan() if "of" not in fields else fields.pop("of")
    made = plan(name=name, function_name=name) if made.name == "shop.tax" else made
    return record(of=made, start=start, end=end, span_id=start + 1, **fields)


def test_the_exporter_offers_what_the_pipeline_needs(exporter):
    assert isinstance(exporter, Exporter)


def test_a_function_span_is_a_complete_event_with_its_values(exporter, path):
    made = record(
        (3,),
        of=plan("net", "card", redacted=("card",), rule="app.toml:7"),
        result=REDACTED_NODE,
    )
    assert exporter.export(batch(made)) is ExportResult.SUCCESS
    [found] = events(path, "X")
    assert found == {
        "ph": "X",
        "name": "shop.tax",
        "cat": "codetracer_otel",
        "pid": 7,
        "tid": 1,
        "ts": found["ts"],
        "dur": 3500.0,
        "args": {
            "arguments": {"net": 3, "card": "<redacted>"},
            "return": "<redacted>",
            "attributes": {
                "code.function.name": "shop.tax",
                "code.file.path": "/app/shop.py",
                "code.line.number": 12,
            },
            "rule": "app.toml:7",
            "trace_id": f"{TRACE_ID:032x}",
            "span_id": "0100000000000000",
        },
    }


def test_times_are_exact_to_the_nanosecond(exporter, path):
    exporter.export(batch(call("a", 1, 10_000_000_001), call("b", 2, 9_999_999_999)))
    first, second = events(path, "X")
    assert round((second["ts"] - first["ts"]) * 1000) == 1
    assert round((first["ts"] + first["dur"] - second["ts"] - second["dur"]) * 1000) == 2


def test_processes_and_threads_have_their_names_once(exporter, path):
    worker = segment(thread_id=140_000_000_000_000, thread_name="pool_0")
    for start in (1, 3):
        exporter.export(batch(call("a", start, start + 1), call("b", start, start + 1, on=worker)))
    assert [(e["name"], e["pid"], e["tid"], e["args"]["name"]) for e in events(path, "M")] == [
        ("process_name", 7, 1, "shop"),
        ("thread_name", 7, 1, "MainThread"),
        ("thread_name", 7, 2, "pool_0"),
    ]
    assert [(e["name"], e["tid"]) for e in events(path, "X")] == [("a", 1), ("b", 2)] * 2


def test_a_thread_that_got_the_identifier_of_an_ended_one_keeps_its_own_name(exporter, path):
    first, second = (segment(thread_id=140_000, thread_name=f"pool_{n}") for n in range(2))
    exporter.export(batch(call("a", 1, 2, on=first), call("b", 3, 4, on=second)))
    assert [(e["tid"], e["args"]["name"]) for e in events(path, "M")[1:]] == [
        (2, "pool_0"),
        (3, "pool_1"),
    ]
    assert [(e["name"], e["tid"]) for e in events(path, "X")] == [("a", 2), ("b", 3)]


def test_an_error_is_marked_and_its_event_stands_at_its_time(exporter, path):
    failed = view(
        status=StatusCode.ERROR,
        status_message="ValueError",
        events=[Event("exception", 1_700_000_000_000_500_000, {"exception.message": "</script>"})],
    )
    exporter.export(batch(spans=(failed,)))
    [span], [instant] = events(path, "X"), events(path, "i")
    assert (span["cname"], span["args"]["status"]) == ("terrible", "ValueError")
    assert instant["args"] == {"exception.message": "</script>"}
    assert round((instant["ts"] - span["ts"]) * 1000) == 500_000


def test_a_suspended_span_is_async_so_that_it_bends_no_stack(exporter, path):
    suspended = SpanDetails()
    suspended.suspensions, suspended.busy_ns = 2, 5
    exporter.export(batch(call("task", 10, 50, extras=suspended), call("other", 20, 60)))
    assert [e["name"] for e in events(path, "X")] == ["other"]
    begin, end = events(path, "b", "e")
    assert (begin["name"], begin["id"], end["id"]) == ("task", "0b00000000000000", begin["id"])
    assert round((end["ts"] - begin["ts"]) * 1000) == 40


def test_a_span_across_another_one_is_async(exporter, path):
    exporter.export(batch(call("a", 10, 50)))
    exporter.export(batch(call("b", 20, 60), call("c", 60, 70), call("d", 5, 80)))
    assert [e["name"] for e in events(path, "X")] == ["a", "d", "c"]
    assert [e["name"] for e in events(path, "b")] == ["b"]


def test_values_json_has_no_form_for_become_text(exporter, path):
    odd = {"nan": math.nan, "lone": "\ud800", "bytes": b"\x00", "long": "x" * 200_000}
    exporter.export(batch(spans=(view(attributes=odd),)))
    [span] = events(path, "X")
    found = span["args"]["attributes"]
    assert (found["nan"], found["lone"], found["bytes"]) == ("nan", "\\ud800", "b'\\x00'")
    assert found["long"].endswith("... [200000 in all]")


def test_a_span_that_ends_before_it_began_takes_no_time(exporter, path):
    exporter.export(batch(call("a", 10, 5)))
    assert [e["dur"] for e in events(path, "X")] == [0.0]


def test_an_empty_trace_is_valid(exporter, path):
    assert exporter.export(batch()) is ExportResult.SUCCESS
    assert events(path) == []


def test_a_file_that_cannot_be_written_is_a_failure_and_not_an_exception(exporter, path):
    exporter.export(batch(call("a", 1, 2)))
    os.close(exporter._file._file.use())
    os.rename(path, path + ".moved")
    assert exporter.export(batch(call("b", 3, 4))) is ExportResult.FAILURE
    assert exporter.stats() == {"spans": 1, "failures": 1}


def test_a_file_that_takes_no_more_is_told_once(path):
    told = []
    exporter = ChromeExporter(path, lambda event, _, **facts: told.append((event, facts)))
    exporter.export(batch(call("a", 1, 2)))
    os.close(exporter._file._file.use())
    os.rename(path, path + ".moved")
    for _ in range(2):
        exporter.export(batch(call("b", 3, 4)))
    facts = {"reason": "No such file or directory", "exporter": "chrome"}
    assert told == [("exporter_failing", facts)]


def test_a_forked_child_goes_on_in_a_file_of_its_own(exporter, path):
    exporter.export(batch(call("a", 1, 2)))
    exporter.reopen_after_fork()
    exporter.export(batch(call("b", 3, 4), **{"process.pid": 8}))
    own = f"{path}.{os.getpid()}"
    assert [e["name"] for e in events(path, "X")] == ["a"]
    assert [(e["pid"], e["args"]["name"]) for e in events(own, "M")] == [
        (8, "python"),
        (8, "MainThread"),
    ]
    assert stat.S_IMODE(os.stat(own).st_mode) == 0o600
    assert exporter.stats() == {"spans": 1, "failures": 0}


KILLED = """
import os, signal, sys, time

def call(n):
    return n

size, before = 0, -1
while size < 100_000:
    call(1)
    size = os.path.getsize(sys.argv[1])
while size != before:  # a batch that is being written would be cut
    time.sleep(1)
    size, before = os.path.getsize(sys.argv[1]), size
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_file_of_a_killed_program_is_whole_up_to_its_last_batch(tmp_path, path):
    (tmp_path / "app.py").write_text(KILLED)
    command = [sys.executable, "-m", "codetracer_otel", "run", "--exporter", f"chrome={path}"]
    done = subprocess.run([*command, str(tmp_path / "app.py"), path], check=False)
    assert done.returncode == -signal.SIGKILL
    slices = events(path, "X")
    assert len(slices) > 100
    assert {event["name"] for event in slices} == {"__main__.call"}


def test_the_name_needs_a_file():
    with pytest.raises(UsageError, match="chrome=FILE"):
        build(None, None)


# A call tree as a list of (name, children), given times by a walk through it.
trees = st.recursive(
    st.just([]), lambda below: st.lists(st.tuples(st.sampled_from("abc"), below), max_size=4)
)


def timed(tree, clock=None):
    """Return (start, end, name, children) for each call."""
    clock = clock or [0]
    calls = []
    for name, below in tree:
        clock[0] += 1
        start = clock[0]
        children = timed(below, clock)
        clock[0] += 1
        calls.append((start, clock[0], name, children))
    return calls


def as_tree(node):
    return [(child.fullname, as_tree(child)) for child in node.children]


def flat(calls):
    for start, end, name, children in calls:
        yield from flat(children)
        yield call(name, start, end)


NO_WHEELS = "it has no wheels for this interpreter"


@settings(max_examples=examples(60))
@given(trees, st.integers(1, 5))
def test_viztracer_reads_the_same_slices_in_the_same_tree(tmp_path_factory, tree, size):
    functree = pytest.importorskip("viztracer.functree", reason=NO_WHEELS)
    path = str(tmp_path_factory.mktemp("chrome") / "trace.json")
    exporter = ChromeExporter(path)
    records = list(flat(timed(tree)))
    for index in range(0, len(records), size):
        exporter.export(batch(*records[index : index + size]))
    exporter.shutdown(1.0)
    read = functree.FuncTree(1, 1)
    slices = events(path, "X")
    for event in slices:
        read.add_event(event)
    assert len(slices) == len(records)
    assert as_tree(read.root) == tree


times = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=30)


@settings(max_examples=examples(200))
@given(times)
def test_times_that_were_taken_in_the_order_of_their_ends_nest(lengths):
    occupied = Occupied()
    taken = []
    for start, end in sorted(((s, s + n) for s, n in lengths), key=lambda t: (t[1], -t[0])):
        if occupied.take(start, end):
            taken.append((start, end))
    for start, end in taken:
        assert not any(s < start < e < end for s, e in taken)
