"""Events that C code sends for code objects of its own (CPython 3.13) leave every span true."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig

import pytest
from tests.traced_run import run_traced, spans_in

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="CPython 3.12 has no C API for such events"
)

MODULE = """
# cython: profile=True
def double(a):
    return a * 2

def outer(a):
    return double(a + 1)

def fails(a):
    raise ValueError(a)

def numbers(n):
    for i in range(n):
        yield double(i)
"""
PROGRAM = """
import compiled

def call(function, a):
    return function(a)

def main():
    for _ in range(2):
        print(call(compiled.double, 5), call(compiled.outer, 5), list(compiled.numbers(3)))
        try:
            call(compiled.fails, 1)
        except ValueError as error:
            print(error)

main()
"""
FILTER = """
[meta]
name = "everything"
version = 2
[scope]
default_exec = "trace"
default_value_action = "allow"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if shutil.which("gcc") is None:
        pytest.skip("no compiler on this platform")
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "compiled.pyx").write_text(MODULE)
    (folder / "program.py").write_text(PROGRAM)
    (folder / "filter.toml").write_text(FILTER)
    include, suffix = sysconfig.get_path("include"), sysconfig.get_config_var("EXT_SUFFIX")
    run = [sys.executable, "-m", "cython", "-3", "compiled.pyx"]
    subprocess.run(run, cwd=folder, check=True, timeout=120)
    build = ["gcc", "-shared", "-fPIC", "-O0", f"-I{include}", "compiled.c", "-o"]
    subprocess.run([*build, f"compiled{suffix}"], cwd=folder, check=True, timeout=120)
    return folder


def test_spans_of_python_code_have_each_other_as_parents(folder):
    options = ("--quiet", "--trace-filter", "filter.toml", "--exporter", "jsonl=spans.jsonl")
    done = run_traced(*options, "program.py", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "10 12 [0, 2, 4]\n1\n" * 2
    spans = spans_in(folder / "spans.jsonl")
    names = {span["span_id"]: span["name"].rpartition(".")[2] for span in spans}
    parents = {"call": "main", "main": "<__main__>"}
    ours = [span for span in spans if names[span["span_id"]] in parents]
    assert len(ours) == 7
    for span in ours:
        assert names[span["parent_span_id"]].endswith(parents[names[span["span_id"]]])
    assert not {"double", "outer", "fails", "numbers", "PyInit_compiled"} & set(names.values())


def test_steps_of_python_code_are_balanced(folder):
    options = ("--quiet", "--trace-filter", "filter.toml", "--exporter", "native=trace")
    done = run_traced(*options, "program.py", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "10 12 [0, 2, 4]\n1\n" * 2


DRIVEN = """
import ctypes

class State(ctypes.Structure):
    _fields_ = [("active", ctypes.c_uint8), ("opaque", ctypes.c_uint8)]

api = ctypes.pythonapi
states, version = (State * 1)(), ctypes.c_uint64(0)
START = (ctypes.c_uint8 * 1)(0)  # PY_MONITORING_EVENT_PY_START

def foreign(secret):
    pass

def caller(a):
    enter = api.PyMonitoring_EnterScope
    enter(states, ctypes.byref(version), START, ctypes.c_ssize_t(1))
    if states[0].active:
        fire = api._PyMonitoring_FirePyStartEvent
        fire(ctypes.byref(states[0]), ctypes.py_object(foreign.__code__), 0)
    return states[0].active

print(sum(caller(n) > 0 for n in range(3)) > 0 or "disabled at once")
"""


def test_a_start_that_c_code_sends_is_asked_about_once_and_records_nothing(tmp_path):
    (tmp_path / "filter.toml").write_text(FILTER)
    (tmp_path / "program.py").write_text(DRIVEN)
    options = ("--quiet", "--trace-filter", "filter.toml", "--exporter", "jsonl=spans.jsonl")
    done = run_traced(*options, "program.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "spans.jsonl").read_text()
    assert text.count(".caller") >= 3
    assert "foreign" not in text
