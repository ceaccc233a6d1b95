"""Every recording of a whole program passes the strict reader, also where the program broke off."""

from __future__ import annotations

import json

import pytest
from tests.native_run import call, calls, plain, record
from tests.native_trace import read_trace
from tests.traced_run import PROJECT, run_python, run_traced, spans_in

from codetracer_otel.exporters.native import repair

EXAMPLES = sorted(
    path
    for path in (PROJECT / "examples").rglob("*.py")
    if "__main__" in path.read_text(encoding="utf-8") or path.name == "main.py"
)
SHORT = ("--quiet", "--exporter")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_leaves_a_valid_trace(tmp_path, path):
    target = tmp_path / "trace"
    run_traced(*SHORT, f"native={target}", path, cwd=tmp_path)
    trace = read_trace(target)
    assert calls(trace, "<__main__>")
    assert trace.metadata["program"] == str(path)


BEHAVIOUR = """\
import asyncio, contextlib, sys, threading
class Own(Exception): pass
def fails(depth):
    if depth: fails(depth - 1)
    raise Own("deep") from KeyError("cause")
def numbers():
    try:
        yield from range(3)
    finally:
        yield "last"
@contextlib.contextmanager
def managed():
    yield 1
async def agen():
    for i in range(2):
        yield i
        await asyncio.sleep(0)
async def task(n):
    async for i in agen():
        if i == n: raise Own(n)
    return n
async def main():
    async with asyncio.timeout(5):
        return await asyncio.gather(*[task(i) for i in range(4)], return_exceptions=True)
def down(n): return down(n + 1)
def work(n):
    with contextlib.suppress(Own): fails(n)
    g = numbers(); next(g); g.close if n % 2 else list(g)
    with managed(): pass
    asyncio.run(main())
    with contextlib.suppress(RecursionError): down(0)
work(1)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
try: fails(3)
except Own: pass
"""


def test_exceptions_generators_tasks_recursion_and_eight_threads_at_once(tmp_path):
    trace = record(BEHAVIOUR, tmp_path)
    found = calls(trace, "work")
    assert len(found) == 9
    assert len({c.thread for c in found}) == 9
    for c in found:
        assert {below.thread for below in c.walk()} == {c.thread}
        outermost = next(below for below in c.walk() if below.name == "fails")
        assert plain(outermost.result) == "__main__.Own: deep"


FULL = """\
import resource, sys
# the recording has its files already: what is written beyond this size fails, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
def f(i):
    text = "x" * 50
    return i
for i in range(3000): f(i)
print("the program goes on")
"""


@pytest.mark.parametrize("limit", [6_000, 300_000])
def test_a_file_that_may_not_grow_ends_the_recording_not_the_program(tmp_path, limit):
    script = tmp_path / "program.py"
    script.write_text(FULL.format(limit=limit))
    target = tmp_path / "trace"
    done = run_traced("--exporter", f"native={target}", script)
    assert (done.returncode, done.stdout) == (0, "the program goes on\n")
    assert "native_trace_failed" in done.stderr or "File too large" in done.stderr
    assert (target / "trace.json").stat().st_size <= limit
    trace = read_trace(target)
    assert len(trace.events) > limit / 200


def test_a_trace_that_failed_is_deleted_where_the_policy_says_so(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(FULL.format(limit=50_000))
    target = tmp_path / "trace"
    options = ("--no-keep-partial-trace", "--exporter", f"native={target}")
    done = run_traced(*options, script)
    assert (done.returncode, done.stdout) == (0, "the program goes on\n")
    assert not list(target.glob("trace*"))


LAST_WORDS = """\
import os, threading, time
def busy(n):
    total = 0
    while True:
        total += one(n)
def one(n): return n
for n in range(3): threading.Thread(target=busy, args=(n,), daemon=True).start()
time.sleep(0.7)
{end}
"""


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(3)"], ids=["kill", "_exit"])
def test_threads_that_a_crash_cuts_off_leave_a_trace_that_can_be_saved(tmp_path, end):
    script = tmp_path / "program.py"
    script.write_text(LAST_WORDS.format(end=end))
    target = tmp_path / "trace"
    run_traced(*SHORT, f"native={target}", script)
    assert repair(str(target)).was_needed
    assert calls(read_trace(target), "<__main__>")


CHILDREN = """\
import multiprocessing, os
def child(n): return n * 2
def start():
    context = multiprocessing.get_context("fork")
    pool = context.Pool(2)
    found = pool.map(child, range(4))
    pool.close()
    pool.join()
    return found
if __name__ == "__main__":
    assert start() == [0, 2, 4, 6]
    pid = os.fork()
    if not pid:
        grandchild = os.fork()
        if not grandchild: child(10)
        else: os.waitpid(grandchild, 0)
    else: os.waitpid(pid, 0)
"""


def test_every_forked_child_has_a_directory_of_its_own(tmp_path):
    trace = record(CHILDREN, tmp_path)
    assert calls(trace, "child") == []
    others = [path for path in tmp_path.iterdir() if path.name.startswith("trace.")]
    assert len(others) == 4  # two of the pool, one forked, and one forked by that
    found = {}
    for path in others:
        if repair(str(path)).was_needed:
            assert not calls(read_trace(path), "nothing")
        found[path.name] = [plain(c.arguments["n"]) for c in calls(read_trace(path), "child")]
    assert sorted(n for numbers in found.values() for n in numbers) == [0, 1, 2, 3, 10]


LINES = """\
def f(n, password):
    total = 0
    for i in range(n):
        total += i
    print("written")
    return total
def g(): return 1
f(2, "hunter2"); g()
"""
RULE = """\
[meta]
name = "lines"
version = 2
[scope]
default_exec = "inherit"
default_value_action = "inherit"
[[scope.rules]]
selector = "obj:__main__.f"
[scope.rules.events]
lines = true
"""


def traced_lines(tmp_path, *options):
    (tmp_path / ".codetracer").mkdir()
    (tmp_path / ".codetracer" / "trace-filter.toml").write_text(RULE)
    script = tmp_path / "program.py"
    script.write_text(LINES)
    spans = tmp_path / "spans.jsonl"
    run_traced("--quiet", "--exporter", f"jsonl={spans}", *options, script, cwd=tmp_path)
    return {span["name"]: span for span in spans_in(spans)}


def test_a_rule_puts_lines_and_what_changed_on_spans(tmp_path):
    found = traced_lines(tmp_path)
    events = found["__main__.f"]["events"]
    assert {event["name"] for event in events} == {"codetracer.line"}
    assert [event["attributes"]["code.line.number"] for event in events] == [2, 3, 4, 3, 4, 3, 5, 6]
    changed = [
        {name.rpartition(".")[2]: value for name, value in event["attributes"].items()}
        for event in events
    ]
    assert changed[1]["total"] == 0
    assert [change["i"] for change in changed if "i" in change] == [0, 1]
    assert found["__main__.g"]["events"] == []
    assert "hunter2" not in json.dumps(found)


def test_lines_of_spans_go_beside_a_recording(tmp_path):
    found = traced_lines(tmp_path, "--exporter", f"native={tmp_path / 'trace'}")
    trace = read_trace(tmp_path / "trace")
    lines = [event["attributes"]["code.line.number"] for event in found["__main__.f"]["events"]]
    assert call(trace, "f").lines == lines


def test_a_recording_does_not_need_run(tmp_path):
    source = f"""\
import codetracer_otel as ct
def f(x): return x + 1
with ct.configure(exporter=r"native={tmp_path / "trace"}"):
    f(1)
"""
    script = tmp_path / "program.py"
    script.write_text(source)
    done = run_python(script)
    assert done.stderr == ""
    assert plain(call(read_trace(tmp_path / "trace"), "f").result) == 2
