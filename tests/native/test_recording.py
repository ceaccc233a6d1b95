"""Native recordings of whole programs, read back by the strict reader."""

from __future__ import annotations

import pytest
from tests.native_run import call, calls, plain, record, shown, steps
from tests.traced_run import run_traced, spans_in


def names(trace):
    return [c.name for c in trace.root.walk()]


def test_a_program_is_framed_by_toplevel_and_ends_with_its_status(tmp_path):
    trace = record("import sys\nsys.exit(3)\n", tmp_path)
    assert names(trace) == ["<toplevel>", "<__main__>"]
    assert plain(trace.root.result) == 3
    assert trace.metadata["recorder"]["name"] == "codetracer-otel"
    assert trace.metadata["program"] == str(tmp_path / "program.py")
    assert trace.metadata["workdir"] == str(tmp_path)


FUNCTION = """\
def f(a, b=2, *rest, key=None, **more):
    c = a + b
    d = [c]
    d.append("x")
    del c
    e = 1.5; f = True
    return d

f(1, 3, 4, key="k", z=None)
"""


def test_a_step_shows_what_is_there_before_its_line_runs(tmp_path):
    f = call(record(FUNCTION, tmp_path), "f")
    arguments = {"a": 1, "b": 3, "rest": (4,), "key": "k", "more": [("z", None)]}
    assert {name: plain(value) for name, value in f.arguments.items()} == arguments
    assert steps(f) == [
        (2, arguments),
        (3, {**arguments, "c": 4}),
        (4, {**arguments, "c": 4, "d": [4]}),
        (5, {**arguments, "c": 4, "d": [4, "x"]}),
        (6, {**arguments, "d": [4, "x"]}),
        (7, {**arguments, "d": [4, "x"], "e": 1.5, "f": True}),
    ]


def test_what_the_last_line_assigns_is_shown_too(tmp_path):
    source = "def f(n):\n    for i in range(n): total = i\n\nf(2)\n"
    f = call(record(source, tmp_path), "f")
    assert steps(f)[-1] == (2, {"n": 2, "i": 1, "total": 1})


def test_an_assignment_on_the_line_that_raises_is_shown(tmp_path):
    source = "def f():\n    x = 1; raise ValueError(x)\n\ntry: f()\nexcept ValueError: pass\n"
    f = call(record(source, tmp_path), "f")
    assert steps(f) == [(2, {"ValueError": None}), (2, {"x": 1})] or steps(f) == [
        (2, {}),
        (2, {"x": 1}),
    ]


def test_a_container_that_somebody_else_changes_is_shown_changed(tmp_path):
    source = "def g(x): x.append(1)\ndef f():\n    d = []\n    g(d)\n    return d\n\nf()\n"
    assert steps(call(record(source, tmp_path), "f"))[-1][1]["d"] == [1]


def test_a_variable_that_a_closure_binds_is_shown_bound_anew(tmp_path):
    source = """\
def f():
    x = 1
    def g():
        nonlocal x
        x = 2
    g()
    return x

f()
"""
    f = call(record(source, tmp_path), "f")
    assert [s.get("x") for _, s in steps(f)] == [None, 1, 1, 2]


def test_globals_are_shown_where_the_code_names_them(tmp_path):
    source = """\
LIMIT = 3
OTHER = 4
def f():
    global LIMIT
    LIMIT = 5
    return len("x")
f()
"""
    f = call(record(source, tmp_path), "f")
    assert steps(f) == [(5, {"LIMIT": 3}), (6, {"LIMIT": 5})]


def test_a_module_shows_its_names_but_none_with_double_underscores(tmp_path):
    trace = record("__all__ = []\nx = 1\ny = 2\n", tmp_path)
    assert steps(call(trace, "<__main__>")) == [
        (1, {}),
        (2, {}),
        (3, {"x": 1}),
        (3, {"x": 1, "y": 2}),
    ]


def test_values_change_in_the_trace_when_only_their_type_does(tmp_path):
    source = "def f():\n    x = [1]\n    x[0] = True\n    x[0] = 1.0\n    return x\n\nf()\n"
    shown_values = [repr(s.get("x")) for _, s in steps(call(record(source, tmp_path), "f"))]
    assert shown_values == ["None", "[1]", "[True]", "[1.0]"]


def test_a_handled_exceptions_name_is_gone_after_its_block(tmp_path):
    source = """\
def f():
    try:
        1 / 0
    except ZeroDivisionError as e:
        x = 1
    return x
f()
"""
    f = call(record(source, tmp_path), "f")
    assert ["e" in s for _, s in steps(f)] == [False, False, False, True, False]


def test_an_exception_is_told_in_each_frame_it_leaves(tmp_path):
    source = """\
class Bad(Exception): pass
def inner(): raise Bad("no", 1)
def outer(): inner()
try: outer()
except Bad: pass
"""
    trace = record(source, tmp_path)
    for name in ("inner", "outer"):
        (event,) = call(trace, name).events
        assert event["kind"] == 11
        assert event["content"] == "__main__.Bad: ('no', 1)"
        assert plain(call(trace, name).result) == "__main__.Bad: ('no', 1)"
    assert call(trace, "<__main__>").events == []


def test_the_end_of_a_program_by_an_exception_is_told(tmp_path):
    trace = record("def f(): 1 / 0\nf()\n", tmp_path)
    assert plain(call(trace, "<__main__>").result) == "ZeroDivisionError: division by zero"
    assert plain(trace.root.result) == 1


GENERATOR = """\
def g(n):
    try:
        got = yield n
        yield got
    except KeyError as error:
        yield "thrown"
    return "done"

one = g(1)
next(one); one.send(5); one.throw(KeyError("k"))
try: next(one)
except StopIteration: pass
two = g(2)
next(two)
two.close()
"""


def test_generators_return_at_each_yield_and_are_called_at_each_resumption(tmp_path):
    trace = record(GENERATOR, tmp_path)
    found = [
        ({name: plain(value) for name, value in c.arguments.items()}, plain(c.result))
        for c in calls(trace, "g")
    ]
    assert found == [
        ({"n": 1}, 1),
        ({}, 5),
        ({"exception": "KeyError: k"}, "thrown"),
        ({}, "done"),
        ({"n": 2}, 2),
        ({"exception": "GeneratorExit"}, "GeneratorExit"),
    ] or found[:5] == [
        ({"n": 1}, 1),
        ({}, 5),
        ({"exception": "KeyError: k"}, "thrown"),
        ({}, "done"),
        ({"n": 2}, 2),
    ]
    assert "got" in shown(calls(trace, "g")[2].values[0])


def test_tasks_are_balanced_and_see_their_variables_after_each_wait(tmp_path):
    source = """\
import asyncio
async def work(n):
    x = n * 2
    await asyncio.sleep(0)
    return x
async def main():
    return await asyncio.gather(*[work(i) for i in range(3)])
print(asyncio.run(main()))
"""
    trace = record(source, tmp_path)
    resumed = [c for c in calls(trace, "work") if not c.arguments]
    assert [plain(c.result) for c in resumed] == [0, 2, 4]
    assert [s["x"] for c in resumed for _, s in steps(c)] == [0, 2, 4]


def test_eight_threads_are_whole_trees(tmp_path):
    source = """\
import threading
def helper(i): return i * 2
def work(n):
    total = 0
    for i in range(n):
        total += helper(i)
    return total
threads = [threading.Thread(target=work, args=(30 + i,)) for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
"""
    trace = record(source, tmp_path)
    found = calls(trace, "work")
    assert sorted(len(c.children) for c in found) == list(range(30, 38))
    for c in found:
        assert {child.thread for child in c.walk()} == {c.thread}
        assert plain(c.result) == sum(i * 2 for i in range(plain(c.arguments["n"])))


def test_a_thread_that_never_ends_is_ended_as_unfinished(tmp_path):
    source = """\
import threading
ready = threading.Event()
def wait():
    ready.set()
    threading.Event().wait()
threading.Thread(target=wait, daemon=True).start()
ready.wait()
"""
    assert plain(call(record(source, tmp_path), "wait").result) == "<unfinished>"


def test_recursion_to_the_limit_stays_balanced(tmp_path):
    source = """\
def f(n): return f(n + 1)
try: f(0)
except RecursionError as error: print(type(error))
"""
    trace = record(source, tmp_path)
    found = calls(trace, "f")
    assert 950 < len(found) < 1000
    assert all(c.children or c is found[-1] for c in found)


def test_a_forked_child_records_beside_its_parent(tmp_path):
    source = """\
import os
def child(): return os.getpid()
def parent():
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0) if False else None
        return 0
    os.waitpid(pid, 0)
    return pid
print(parent())
"""
    from tests.native_trace import read_trace

    trace = record(source, tmp_path)
    (other,) = [p for p in tmp_path.iterdir() if p.name.startswith("trace.")]
    forked = read_trace(other)
    assert f"trace.{plain(call(forked, 'child').result)}" == other.name
    assert calls(trace, "child") == []
    assert call(trace, "parent").lines[-2:] == [9, 10]
    assert names(forked)[:3] == ["<toplevel>", "<__main__>", "parent"]
    assert trace.metadata["recording_id"] != forked.metadata["recording_id"]


def test_a_session_that_pauses_leaves_balanced_calls(tmp_path):
    source = """\
import codetracer_otel as ct
from codetracer_otel.sdk.session.configure import active_session
def before(): return 1
def around():
    active_session().pause()
    hidden()
    active_session().resume()
    return after()
def hidden(): return 2
def after(): return 3
before(); around()
"""
    trace = record(source, tmp_path)
    assert plain(call(trace, "around").result) == "<unfinished>"
    assert calls(trace, "hidden") == []
    assert plain(call(trace, "after").result) == 3


@pytest.mark.parametrize(
    "last_words", ["os.kill(os.getpid(), 9)", "os._exit(3)"], ids=["SIGKILL", "os._exit"]
)
def test_a_crash_leaves_the_beginning_of_a_trace(tmp_path, last_words):

    from tests.native_trace import read_trace

    from codetracer_otel.exporters.native import repair

    script = tmp_path / "program.py"
    script.write_text(
        "import os, time\n"
        "def f(): return 1\n"
        "def g():\n"
        f"    f()\n    time.sleep(0.6)\n    {last_words}\n"
        "g()\n"
    )
    run_traced("--quiet", "--exporter", f"native={tmp_path / 'trace'}", script)
    assert repair(str(tmp_path / "trace")).was_needed
    assert calls(read_trace(tmp_path / "trace"), "f")


def test_filters_come_with_their_digests_and_counters(tmp_path):
    (tmp_path / ".codetracer").mkdir()
    (tmp_path / ".codetracer" / "trace-filter.toml").write_text(
        '[meta]\nname = "mine"\nversion = 2\n[scope]\n'
        'default_exec = "inherit"\ndefault_value_action = "inherit"\n'
    )
    source = "def f(password):\n    token = {'api_key': 1}\n    return token\n\nf('x')\n"
    trace = record(source, tmp_path)
    told = trace.metadata["trace_filter"]
    assert [source["name"] for source in told["filters"]] == ["builtin-default", "mine"]
    assert all(len(source["sha256"]) == 64 for source in told["filters"])
    counts = told["stats"]["value_redactions"]
    assert (counts["argument"], counts["local"]) == (1, 1)
    assert told["stats"]["scopes_skipped"] > 0


def test_a_capture_that_says_less_shows_less(tmp_path):
    f = call(record(FUNCTION, tmp_path, "--capture", "args"), "f")
    assert set(steps(f)[-1][1]) == {"a", "b", "rest", "key", "more"}
    assert plain(f.result) == "<dropped>"


def test_steps_go_beside_spans_from_one_execution(tmp_path):

    spans = tmp_path / "spans.jsonl"
    trace = record("def f(): return 7\nf()\n", tmp_path, "--exporter", f"jsonl={spans}")
    lines = spans_in(spans)
    assert [line["name"] for line in lines] == ["__main__.f", "<__main__>"]
    assert plain(call(trace, "f").result) == 7
