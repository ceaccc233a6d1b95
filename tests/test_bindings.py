"""What recording and delivery call stays the C function, whatever the program replaces."""

import _thread
import ast
import json
import os
import threading
import time
import types
from pathlib import Path
from unittest import mock

import pytest
from tests.traced_run import run_python

import codetracer_otel
from codetracer_otel import bindings
from codetracer_otel.bindings import Event, Files, Json, Os, Threads, Time


def functions_of(namespace):
    return {name: value for name, value in vars(namespace).items() if not name.startswith("_")}


def test_nothing_waits_longer_than_a_lock_can(monkeypatch):
    monkeypatch.setattr(bindings, "LONGEST_WAIT_S", 0.001)  # with Windows it is 49 days
    assert not Event().wait(1e18)


@pytest.mark.parametrize("namespace", [Os, Time, Threads], ids=lambda kind: kind.__name__)
def test_a_namespace_holds_c_functions_and_types_alone(namespace):
    kinds = {name: type(value) for name, value in functions_of(namespace).items()}
    assert kinds
    assert set(kinds.values()) <= {types.BuiltinFunctionType, type}


def test_names_of_the_c_modules_themselves_may_be_replaced():
    with mock.patch.object(_thread, "allocate_lock") as lock, mock.patch("posix.write") as write:
        Threads.allocate_lock().acquire()
        reader, writer = Os.pipe()
        Os.write(writer, b"here")
        assert Os.read(reader, 9) == b"here"
        Os.close(reader)
        Os.close(writer)
    assert not lock.called
    assert not write.called


@pytest.mark.parametrize(
    "before",
    [
        "import eventlet; eventlet.monkey_patch()",
        "import gevent.monkey; gevent.monkey.patch_all()",
        "import os, time, threading; os.write = time.monotonic = threading.Event = None",
    ],
)
def test_a_program_may_have_replaced_them_before_the_import(before):
    program = f"""
{before}
import types
from codetracer_otel.bindings import Os, Time, Threads
for namespace in (Os, Time, Threads):
    for name, value in vars(namespace).items():
        if not name.startswith("_"):
            assert type(value) in (types.BuiltinFunctionType, type), (name, value)
            assert "event" not in str(getattr(value, "__module__", "")), (name, value)
print("genuine")
"""
    done = run_python("-W", "ignore", "-c", program)
    assert (done.stdout, done.stderr) == ("genuine\n", "")


def test_an_event_lets_every_waiting_thread_go():
    event, gone = Event(), []
    waiting = [threading.Thread(target=lambda: gone.append(event.wait(30))) for _ in range(5)]
    for thread in waiting:
        thread.start()
    event.set()
    for thread in waiting:
        thread.join(30)
    assert gone == [True] * 5
    assert event.is_set()
    assert event.wait(0)


def test_an_event_that_nobody_sets_is_waited_for_as_long_as_was_said():
    event = Event()
    assert not event.wait(0.01)
    event.set()
    event.clear()
    assert not event.wait(0)


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, "text \u2603", [1, [2, {}]], {"a": {"b": []}, "c": ""}, (1, 2)]
)
def test_json_is_what_the_standard_encoder_writes(value):
    assert Json.dumps(value) == json.dumps(value, separators=(",", ":"))
    assert Json.loads(Json.dumps(value)) == json.loads(json.dumps(value))


def test_json_is_strict():
    circle = []
    circle.append(circle)
    for value in (float("nan"), circle):
        with pytest.raises(ValueError):
            Json.dumps(value)
    with pytest.raises(TypeError, match="object has no form"):
        Json.dumps(object())


def test_a_replaced_json_is_not_asked():
    with (
        mock.patch("json.encoder.c_make_encoder", None),
        mock.patch.object(json.JSONEncoder, "iterencode") as encode,
        mock.patch("json.dumps") as dumps,
    ):
        assert Json.dumps({"a": [1]}) == '{"a":[1]}'
    assert not encode.called
    assert not dumps.called


def test_a_replaced_open_is_not_asked(tmp_path):
    (tmp_path / "file").write_text("here")
    with mock.patch("builtins.open") as opened, Files.open(tmp_path / "file") as file:
        assert file.read() == "here"
    assert not opened.called
    assert os.path.exists(tmp_path / "file")
    assert time.monotonic() <= Time.monotonic()


SOURCES = Path(codetracer_otel.__file__).parent
REPLACED = {
    "os": {*functions_of(Os), "path"},
    "time": {*functions_of(Time), "perf_counter", "perf_counter_ns"},
    "threading": {"Event", "Lock", "RLock", "Condition", "Thread", "Timer", "local", "get_ident"},
    "json": {"dumps", "loads", "dump", "load", "JSONEncoder"},
    "random": {"Random", "random", "uniform", "getrandbits"},
    "uuid": {"uuid4"},
    "queue": {"Queue", "SimpleQueue"},
}
# What people run on files that are there, and a process of its own.
NOT_BESIDE_A_PROGRAM = {"reader.py", "validation.py", "outline.py", "forwarder.py"}
# Adapters of exporters that are not ours and look names up themselves.
NOT_OURS = {"otel_spans.py", "grpc.py"}
DELIVERY = [
    *(SOURCES / "exporters").rglob("*.py"),
    *(SOURCES / "model").rglob("*.py"),
    SOURCES / "filters/code/module_names.py",
    SOURCES / "sdk/otel/resource.py",
    *(SOURCES / "instrumentation").rglob("*.py"),
    *(SOURCES / "sdk/diagnostics").glob("*.py"),
    *(SOURCES / "sdk/delivery").glob("*.py"),
    *(SOURCES / "sdk/parts").glob("*.py"),
    *(SOURCES / "sdk/processes").glob("*.py"),
    SOURCES / "sdk/session/session.py",
    SOURCES / "_core/span_recorder.py",
]


def late_look_ups(path):
    functions = [f for f in ast.walk(ast.parse(path.read_text())) if isinstance(f, ast.FunctionDef)]
    for node in (node for function in functions for node in ast.walk(function)):
        is_look_up = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if is_look_up and node.attr in REPLACED.get(node.value.id, ()):
            yield f"{path.name}:{node.lineno} {node.value.id}.{node.attr}"


def test_no_module_of_recording_or_delivery_looks_a_replaceable_name_up():
    paths = [path for path in DELIVERY if path.name not in NOT_BESIDE_A_PROGRAM | NOT_OURS]
    assert len(paths) > 100
    assert "\n".join(found for path in paths for found in late_look_ups(path)) == ""
