"""A program whose tests replace names of the standard library: same results, every span."""

from __future__ import annotations

import re

import pytest
from tests.traced_run import run_python, run_traced, spans_in

PROGRAM = """
import sys, threading, time
from unittest import mock

def price(n):
    return n * 2

def basket(n):
    return sum(price(item) for item in range(n))

def work():
    total = 0
    for n in range(100):
        total += basket(3)
    return total

{before}
print(work())
{tool}:
    print(work())
    {while_it_is_there}
print(work())
print("end")
"""
FILTER = """
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
CALLS = 3 * (1 + 100 * (1 + 3 + 1)) + 1  # the generator expression, and the module

MOCKS = [
    "os.write", "os.open", "os.replace", "os.fstat", "os.getpid", "os.urandom", "os.unlink",
    "builtins.open", "io.open", "json.dumps", "json.JSONEncoder.iterencode", "json.loads",
    "threading.Event", "threading.Thread", "threading.Lock", "threading.RLock",
    "threading.Condition", "queue.SimpleQueue", "time.time", "time.time_ns", "time.monotonic",
    "time.perf_counter", "time.sleep", "time.gmtime", "random.Random", "random.getrandbits",
    "uuid.uuid4", "logging.getLogger", "select.select",
]  # fmt: skip
TOOLS = {
    **{name: ("", f"with mock.patch({name!r}) as it", "assert not it.called") for name in MOCKS},
    "stderr": ("import io", "with mock.patch('sys.stderr', io.StringIO()) as it",
               "assert not it.getvalue()"),
    "repr": ("", "with mock.patch('builtins.repr', side_effect=ZeroDivisionError)", ""),
    "modules": ("", "with mock.patch.dict(sys.modules, {'json': None, 'os': None})", ""),
    "record factory": ("import logging", "if logging.setLogRecordFactory(None) is None", ""),
    "dictConfig": ("import logging.config",
                   "if logging.config.dictConfig({'version': 1}) is None", ""),
    "pyfakefs": ("from pyfakefs.fake_filesystem_unittest import Patcher", "with Patcher()", ""),
    "freezegun": ("from freezegun import freeze_time", "with freeze_time('2001-01-01')", ""),
    "time-machine": ("import time_machine", "with time_machine.travel(0, tick=False)", ""),
    "blockbuster": ("from blockbuster import blockbuster_ctx", "with blockbuster_ctx()", ""),
    "eventlet": ("import eventlet; eventlet.monkey_patch()", "if True", "eventlet.sleep(0)"),
    "gevent": ("import gevent.monkey; gevent.monkey.patch_all()", "if True", "gevent.sleep(0)"),
}  # fmt: skip
OUTPUTS = ["jsonl=out.jsonl", "native=out", "chrome=out.json", "console"]
SUMMARY = re.compile(r"(\d+) spans? recorded, (\d+) exported(?: by \d+ exporters)?, (\d+) dropped")


@pytest.mark.parametrize("tool", TOOLS)
def test_results_are_those_without_us_and_every_span_is_there(tmp_path, tool):
    before, block, during = TOOLS[tool]
    script = tmp_path / "program.py"
    program = PROGRAM.format(before=before, tool=block, while_it_is_there=during or "pass")
    script.write_text(program)
    (tmp_path / "filter.toml").write_text(FILTER)
    plain = run_python("-W", "ignore", script, cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    outputs = [word for output in OUTPUTS[:3] for word in ("--exporter", output)]
    done = run_traced(
        "--trace-filter", "filter.toml", *outputs, script, cwd=tmp_path, PYTHONWARNINGS="ignore"
    )
    assert (done.returncode, done.stdout) == (0, plain.stdout), done.stderr
    (line,) = done.stderr.splitlines()
    recorded, exported, dropped = map(int, SUMMARY.search(line).groups())
    assert recorded == CALLS
    assert (exported, dropped) == (2 * CALLS, 0)
    assert len(spans_in(tmp_path / "out.jsonl")) == CALLS


def test_a_console_tree_goes_where_standard_error_went(tmp_path):
    before, block, during = TOOLS["stderr"]
    (tmp_path / "program.py").write_text(
        PROGRAM.format(before=before, tool=block, while_it_is_there=during)
    )
    (tmp_path / "filter.toml").write_text(FILTER)
    done = run_traced(
        "--trace-filter", "filter.toml", "--exporter", "console", "program.py", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("__main__.work() ") == 3
