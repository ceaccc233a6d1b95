"""After a fork parent and child each deliver their own spans, once, in one trace."""

import json
import os

from tests.conftest import HEADER, rule
from tests.traced_run import run_python

PROGRAM = """
import os, sys
import codetracer_otel as ct

def before(): return 1
def in_child(n): return n
def in_parent(n): return n
def steps():
    yield before()
    yield before()

def parent():
    before()
    generator = steps()
    next(generator)
    child = os.fork()
    if not child:
        in_child(1)
        next(generator)
        in_child(2)
        session.flush(30)
        os._exit(0)
    in_parent(1)
    next(generator)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tools = [sys.monitoring.get_tool(number) for number in range(6)]
    assert tools.count("codetracer-otel") == 1
    in_parent(2)

session = ct.configure(sys.argv[1], "jsonl=" + sys.argv[2])
parent()
session.shutdown()
"""


def spans_of(folder):
    lines = [line for path in folder.glob("spans*") for line in path.read_text().splitlines()]
    return [span for line in lines if "name" in (span := json.loads(line))]


def test_each_process_delivers_its_own_spans_once(tmp_path):
    program, filters = tmp_path / "program.py", tmp_path / "all.toml"
    program.write_text(PROGRAM)
    filters.write_text(HEADER + rule("pkg:__main__"))
    done = run_python(program, filters, tmp_path / "spans.jsonl")
    assert done.returncode == 0, done.stderr
    spans = spans_of(tmp_path)
    names = sorted(span["name"].rpartition(".")[2] for span in spans)
    assert names == ["before"] * 4 + ["in_child"] * 2 + ["in_parent"] * 2 + ["parent", "steps"]
    ids = {span["span_id"]: span for span in spans}
    assert len(ids) == len(spans)
    assert len({span["trace_id"] for span in spans}) == 1
    (root,) = [span for span in spans if not span.get("parent_span_id")]
    assert root["name"].endswith(".parent")
    for span in spans:
        if span["name"].endswith((".in_child", ".in_parent")):
            assert span["parent_span_id"] == root["span_id"]
    assert os.path.exists(tmp_path / "spans.jsonl")


SPANS_OF_LIBRARIES = """
import json, os, time
import codetracer_otel as ct
from codetracer_otel.testing import InMemoryExporter
from opentelemetry import trace

exporter = InMemoryExporter()
session = ct.configure(None, exporter, functions=False)
tracer = trace.get_tracer("a library's")
span, manual = tracer.start_span("parent's"), ct.span("parent's, too")
with manual:
    child = os.fork()
    if not child:
        span.end()
        by_hand = trace.get_current_span()
        by_hand.set_status(trace.StatusCode.ERROR)  # makes another span of it, with its ids
        by_hand.end()
        tracer.start_span("waited since before", start_time=time.time_ns() - 10**9).end()
        with tracer.start_as_current_span("child's"), ct.span("by hand"):
            pass
span.end()
session.flush(30)
names = [span.name for span in exporter.spans]
if child:
    os.waitpid(child, 0)
print(json.dumps(sorted(names)), flush=True)
os._exit(0)
"""


def test_a_span_that_begins_with_a_time_before_the_fork_is_the_childs(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SPANS_OF_LIBRARIES)
    done = run_python(program)
    assert done.returncode == 0, done.stderr
    in_child, in_parent = map(json.loads, done.stdout.splitlines())
    assert in_child == ["by hand", "child's", "waited since before"]
    assert in_parent == ["parent's", "parent's, too"]
