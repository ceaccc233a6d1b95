"""Sessions that make nothing but a native trace: they record steps, and no spans."""

from __future__ import annotations

import json
import os

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span
from tests.native_run import call, calls, plain, record, shown, steps
from tests.native_trace import read_trace
from tests.traced_run import run_traced

import codetracer_otel
from codetracer_otel.errors import TargetError
from codetracer_otel.exporters.native.directory import lock_directory
from codetracer_otel.filters import filter_from_text

EVERYTHING = filter_from_text("""\
[meta]
name = "everything"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
""")
PROGRAMS = {
    "namespaces": """\
class Namespace:
    def __init__(self): self.values = {}
    def __getitem__(self, name): return self.values[name]
    def __setitem__(self, name, value): self.values[name] = value
    def get(self, *_): raise SystemExit(9)
class Meta(type):
    @classmethod
    def __prepare__(cls, name, bases): return Namespace()
    def __new__(cls, name, bases, namespace):
        return super().__new__(cls, name, bases, {**namespace.values})
class Made(metaclass=Meta):
    size = 1
    password = "hush"
    def method(self): return self.size
print(Made().method())
""",
    "calls": """\
def add(a, b=2, *rest, key=None, **more):
    total = a + b
    return [total, rest, key, more]
def main(password):
    token = "eyJhbGciOi" + password
    return [add(i, key=token) for i in range(3)]
main("hush")
try: add("x")
except TypeError as error: print(error)
""",
    "generators": """\
import contextlib
@contextlib.contextmanager
def block(n):
    try: yield n
    except KeyError: print("key")
def numbers(n):
    for i in range(n):
        got = yield i
    return "done"
def both():
    yield from numbers(2)
with block(1):
    for value in both(): print(value)
with block(2): raise KeyError(2)
""",
    "output": """\
import sys
def talk(name):
    print("hello", name, end="")
    print("!", file=sys.stderr)
    sys.stdout.write("\\n")
talk("ada")
talk(input())
""",
    "classes": """\
import dataclasses, enum
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Box:
    color: Color
    secret: str = "s"
    def show(self): return self.color
print(Box(Color.RED).show())
""",
}


def recorded(folder, source, *options):
    folder.mkdir()
    script = folder.parent / "program.py"
    script.write_text(source)
    done = run_traced(
        *("--exporter", f"native={folder / 'trace'}", "--capture-io", "proxies"),
        *options,
        script,
        stdin="eve\n",
    )
    assert done.returncode == 0
    trace = read_trace(folder / "trace")
    return [told(c) for c in trace.root.walk()], done


def told(traced):
    """Return what a trace tells of a call; the numbers in it depend on the batches."""
    contents = [(event["kind"], event["content"]) for event in traced.events]
    return traced.name, shown(traced.arguments), steps(traced), plain(traced.result), contents


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_trace_alone_is_the_trace_beside_spans(tmp_path, name):
    alone, _ = recorded(tmp_path / "alone", PROGRAMS[name])
    beside, _ = recorded(
        tmp_path / "beside", PROGRAMS[name], "--exporter", f"jsonl={tmp_path / 'spans'}"
    )
    assert alone == beside


def test_the_summary_counts_calls_and_what_was_redacted(tmp_path):
    _, done = recorded(tmp_path / "alone", PROGRAMS["calls"])
    last = done.stderr.splitlines()[-1]
    assert last.startswith("codetracer-otel: 6 calls recorded, 0 dropped, ")
    assert last.endswith(f" values redacted; to native={tmp_path / 'alone' / 'trace'}")
    assert ", 0 values" not in last


def test_a_session_without_a_call_says_why(tmp_path):
    done = run_traced("--exporter", f"native={tmp_path / 't'}", "-m", "this")
    assert done.stderr.splitlines()[0] == (
        f"codetracer-otel: 0 calls recorded, 0 dropped, 0 values redacted; to native={tmp_path}/t"
    )
    assert done.stderr.splitlines()[1].startswith("codetracer-otel: no call: ")


def traced():
    return get_current_span().get_span_context().is_valid


def begin(target, **options):
    return codetracer_otel.configure(EVERYTHING, exporter=f"native={target}", **options)


def test_no_function_span_is_current_where_nothing_takes_it(tmp_path):
    session = begin(tmp_path / "t")
    is_valid = traced()
    session.shutdown()
    assert not is_valid
    assert session.stats()["native"]["calls"] == 1
    assert session.stats()["recorder"] == {}
    assert [plain(c.result) for c in calls(read_trace(tmp_path / "t"), "traced")] == [False]


@pytest.mark.parametrize(
    "options",
    [{"tracer_provider": TracerProvider()}, {"trace": "session"}],
    ids=["a host's provider", "topics"],
)
def test_function_spans_stay_where_somebody_sees_their_ids(tmp_path, options):
    session = begin(tmp_path / "t", **options)
    is_valid = traced()
    session.shutdown()
    assert is_valid
    assert session.stats()["recorder"]
    assert len(calls(read_trace(tmp_path / "t"), "traced")) == 1


def test_calls_are_enough_for_who_requires_a_trace(tmp_path):
    session = begin(tmp_path / "t", policy={"require_trace": True})
    traced()
    assert session.is_recording
    assert session.shutdown()


def test_who_requires_a_trace_is_told_why_there_is_none(tmp_path):
    session = begin(tmp_path / "t", policy={"require_trace": True})
    with pytest.raises(TargetError, match="no call: "):
        session.shutdown()
    assert not session.is_recording


def test_a_pause_is_one(tmp_path):
    session = begin(tmp_path / "t")
    traced()
    session.pause()
    assert not session.is_recording
    traced()
    session.resume()
    traced()
    session.shutdown()
    assert session.stats()["native"]["calls"] == 2


def test_a_defect_of_the_worker_reaches_the_program_that_asked_for_it(tmp_path, monkeypatch):
    session = begin(tmp_path / "t", policy={"on_recorder_error": "abort"})

    def fail(_take, *, is_last):
        raise RuntimeError(is_last)

    monkeypatch.setattr(session._leading.recorder, "drain", fail)
    traced()
    assert not session.flush()
    with pytest.raises(codetracer_otel.InternalError):
        traced()
    assert not session.is_recording
    session.shutdown()


def test_a_fork_that_runs_no_hooks_is_noticed_at_the_next_outermost_call(tmp_path):
    session = begin(tmp_path / "t")
    traced()
    session.flush()
    session.before_fork()  # no thread of ours is in a child
    session._process = session._process - 1
    for _ in range(3):
        traced()
    assert session.shutdown()
    child = read_trace(tmp_path / f"t.{os.getpid()}")
    assert len(calls(child, "traced")) == 3


def test_output_of_untraced_code_belongs_to_its_traced_caller(tmp_path):
    source = "import pprint\ndef f():\n    pprint.pprint({1: 2})\nf()\n"
    trace = record(source, tmp_path, "--capture-io", "proxies")
    (event,) = call(trace, "f").events
    assert event["content"] == "{1: 2}\n"
    assert json.loads(event["metadata"])["line"] == 3


def test_a_directory_in_which_another_process_records_is_told_with_the_one_that_is_used(tmp_path):
    target = tmp_path / "trace"
    target.mkdir()
    held = lock_directory(str(target))
    done = run_traced("--quiet", "--exporter", f"native={target}", "-c", "def f(): ...\nf()\n")
    os.close(held)
    (written,) = tmp_path.glob("trace.*")
    line = json.loads(done.stderr)
    assert line["message"] == "native directory in use"
    assert line["fields"] == {"directory": str(target), "written": str(written)}
    assert list(target.iterdir()) == []
