"""A child that a thread forked ends when it would have ended, and has delivered everything."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.conftest import HEADER, rule
from tests.faults.collectors import arrived_once, collecting
from tests.traced_run import run_python, spans_in

# The program of CPython's test_3_join_in_forked_from_thread, with calls to record.
JOINED = """
import os, sys, threading
import codetracer_otel as ct

session = ct.configure(sys.argv[1], "jsonl=" + sys.argv[2])
main_thread = threading.current_thread()

def joins():
    main_thread.join()
    print("end of thread", flush=True)

def forks():
    child = os.fork()
    if child:
        is_forked.set()  # CPython 3.12 forks no sound child while the interpreter ends
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print("end of child", status, flush=True)
        return
    joiner = threading.Thread(target=joins)
    joiner.start()
    joiner.join()

is_forked = threading.Event()
threading.Thread(target=forks).start()
is_forked.wait()
"""

STORM = """
import os, random, signal, sys, threading
import codetracer_otel as ct

THREADS, FORKS, CALLS = 4, 5, 8
session = ct.configure(sys.argv[1], sys.argv[2], buffer=ct.Buffer(interval_ms=20))
failed = []

def in_parent(n): return n
def in_child(n): return n
def in_thread_of_child(n): return n

def calls(function):
    for number in range(CALLS):
        function(number)

def leave(way):
    calls(in_child)
    if way == 0:
        session.flush(30)
        os._exit(0)
    late = threading.Thread(target=calls, args=(in_thread_of_child,))
    late.start()
    if way == 1:
        late.join()
    sys.exit(0)  # of the thread, with which the process ends

def storm(number):
    ways = random.Random(number)
    for _ in range(FORKS):
        calls(in_parent)
        way = ways.randrange(3)
        child = os.fork()
        if not child:
            leave(way)
        calls(in_parent)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            failed.append((way, status))
        used.append(way)

used = []
threads = [threading.Thread(target=storm, args=(number,)) for number in range(THREADS)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(way != 0 for way in used), failed, session.shutdown(30))
"""
FORKS, CALLS = 20, 8


@pytest.fixture
def run(tmp_path):
    """Give what runs a program that traces these functions; its children may not hang."""
    program, filters = tmp_path / "program.py", tmp_path / "some.toml"

    def run_program(text, exporter, names="*"):
        program.write_text(text)
        filters.write_text(HEADER + rule(f"obj:glob:__main__.{names}"))
        return run_python("-W", "ignore", program, filters, exporter, timeout=60)

    return run_program


def lines_of(folder):
    files = folder.glob("spans*")
    return spans_in(*files)


def expected(children_with_threads):
    return {
        "__main__.in_parent": 2 * FORKS * CALLS,
        "__main__.in_child": FORKS * CALLS,
        "__main__.in_thread_of_child": children_with_threads * CALLS,
    }


def test_the_child_ends_with_its_last_thread_and_its_spans_are_there(run, tmp_path):
    done = run(JOINED, tmp_path / "spans.jsonl")
    assert (done.stdout, done.stderr, done.returncode) == (
        "end of thread\nend of child 0\n",
        "",
        0,
    )
    names = Counter(line["name"].rpartition(".")[2] for line in lines_of(tmp_path))
    assert (names["joins"], names["forks"]) == (1, 1)


def test_a_storm_of_forks_loses_no_line(run, tmp_path):
    done = run(STORM, f"jsonl={tmp_path / 'spans.jsonl'}", "in_*")
    children, failed = done.stdout.split(" ", 1)
    assert (failed, done.stderr) == ("[] True\n", "")
    spans = lines_of(tmp_path)
    assert Counter(span["name"] for span in spans) == expected(int(children))
    assert len({span["span_id"] for span in spans}) == len(spans)


def test_a_storm_of_forks_loses_nothing_on_its_way_to_a_collector(run):
    with collecting() as collector:
        done = run(STORM, f"otlp={collector.url}", "in_*")
        children, failed = done.stdout.split(" ", 1)
        assert (failed, done.stderr) == ("[] True\n", "")
        assert arrived_once(collector) == expected(int(children))
