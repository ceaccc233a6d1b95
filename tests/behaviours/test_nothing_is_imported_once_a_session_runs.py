"""A program may forbid imports from some moment on; it meets none of ours then."""

from __future__ import annotations

import pytest
from tests.traced_run import run_python, run_traced

PROGRAM = """
import asyncio, builtins, greenlet, io, multiprocessing, os, subprocess, sys, threading, time
import concurrent.futures.thread, json, logging, traceback, warnings
import codetracer_otel as ct

def leaf(value, *rest, key=None, **more):
    inner = [value, rest, key]
    def closure():
        return inner
    return closure()

def reads_its_namespace(value):
    return sorted(locals())

def many_locals(a):
    b = c = d = e = f = g = h = a
    return [b, c, d, e, f, g, h]

def counting(n):
    for number in range(n):
        yield number

async def waiting(n):
    await asyncio.sleep(0)
    return n

async def streaming():
    yield 1

async def main():
    await asyncio.gather(*[asyncio.create_task(waiting(n)) for n in range(3)])
    async for _ in streaming():
        pass

def fails():
    raise ValueError("text")

class Thing:
    def __init__(self, value):
        self.value = value

def everything():
    leaf(1, 2, key=3, other=b"bytes")
    leaf(Thing({{"a": [1, {{2.5, None}}], "when": time.gmtime()}}))
    reads_its_namespace("x" * 5000)
    many_locals(1)
    list(counting(3))
    unfinished = counting(3)
    next(unfinished)
    unfinished.close()
    del unfinished
    loop.run_until_complete(main())
    for _ in range(2):
        try:
            fails()
        except ValueError as error:
            caught = error
    thread = threading.Thread(target=leaf, args=("in a thread",))
    thread.start()
    thread.join()
    greenlet.greenlet(leaf).switch(4)
    print("printed")
    with ct.span("by hand", user="eve"):
        ct.event("happened", n=1)
    instrumented(1)

@ct.instrument
def instrumented(a):
    return a

met = []

def forbid(name, globals=None, locals=None, fromlist=(), level=0):
    asked_by = (globals or {{}}).get("__name__", "")
    top = name if level == 0 else asked_by
    if level == 0 and name not in sys.modules:
        met.append((name, asked_by, places()))
        raise ImportError(f"no more imports: {{name}}")
    return real_import(name, globals, locals, fromlist, level)

def frames():
    frame = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back

def places():
    return [f"{{frame.f_code.co_filename}}:{{frame.f_lineno}}" for frame in frames()]

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        met.append((name, "finder", places()))
        raise ImportError(f"no more imports: {{name}}")

loop = asyncio.new_event_loop()
loop.run_until_complete(asyncio.sleep(0))
os.fsencode("x").decode("utf-8")
session = ct.configure({rules!r}, {exporter!r}, {options})
real_import = builtins.__import__
builtins.__import__ = forbid
sys.meta_path.insert(0, Finder)
everything()
pid = os.fork()
if not pid:
    everything()
    ct.shutdown()
    os._exit(9 if [m for m in met if any("codetracer_otel" in line for line in m[2])] else 0)
child = os.waitpid(pid, 0)[1]
session.flush(1)
everything()
ct.shutdown(2)
sys.meta_path.remove(Finder)
builtins.__import__ = real_import
ours = [m for m in met if any("codetracer_otel" in line for line in m[2])]
print(ours, file=sys.stderr)
assert not ours and not child, child
"""
RULES = """
[meta]
name = "program"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = 'file:glob:**program.py'
exec = "trace"
"""
SESSIONS = {
    "jsonl": ("jsonl=out.jsonl", ""),
    "stderr": ("jsonl", ""),
    "native": ("native=out", ""),
    "chrome": ("chrome=out.json", ""),
    "console": ("console", ""),
    "otlp": ("otlp=http://127.0.0.1:9", ""),
    "otlp-grpc": ("otlp-grpc=http://127.0.0.1:9", ""),
    "log": ("jsonl=/dev/full", "policy={'log_file': 'own.log', 'log_level': 'trace'}"),
    "topics": ("none", "trace='app=trace,export,filter'"),
    "locals": ("jsonl=out.jsonl", "capture=('args', 'return', 'locals', 'globals')"),
    "io": ("jsonl=out.jsonl", "policy={'capture_io': 'proxies'}"),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_by_a_session_with(tmp_path, name):
    exporter, options = SESSIONS[name]
    (tmp_path / "filter.toml").write_text(RULES)
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(rules="filter.toml", exporter=exporter, options=options))
    done = run_python("-W", "ignore", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("exporter", ["none", "console", "jsonl=out.jsonl", "native=out", "otlp"])
@pytest.mark.parametrize("body", ["def f(a): pass\nf('x')\n", ""], ids=["calls", "no call"])
def test_run_ends_without_an_import(tmp_path, exporter, body):
    """As where no descriptor is left to read a module with."""
    program = tmp_path / "program.py"
    program.write_text(f"import sys\nsys.meta_path.clear()\n{body}")
    done = run_traced("--exporter", exporter, program, cwd=tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "recorded, " in done.stderr
