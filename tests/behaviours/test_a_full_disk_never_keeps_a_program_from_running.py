"""Outputs that take not one byte, from the beginning or from some moment on: the program runs."""

from __future__ import annotations

import ast
import json
import re

import pytest
from tests.native_trace import read_trace
from tests.traced_run import run_python

PROGRAM = """
import resource
import codetracer_otel as ct

def work(n):
    return n

def limit(size):
    # as a quota does it: CPython ignores SIGXFSZ, and writes fail with EFBIG
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

if {from_the_beginning}:
    limit(0)
session = ct.configure(exporter={exporter!r}, policy={{"log_level": "error", **{policy!r}}})
work(0)
session.flush(5)
if not {from_the_beginning}:
    limit(3000)
for n in range(500):
    work("x" * 100)
print(session.flush(5) or "not delivered")
ct.shutdown()
stats = session.stats()
print(stats["dropped"], stats.get("native"))
"""
OUTPUTS = {
    "jsonl": ("jsonl=out", {}),
    "native": ("native=out", {}),
    "chrome": ("chrome=out", {}),
    "log": ("none", {"log_file": "own.log"}),
}


@pytest.mark.parametrize("from_the_beginning", [True, False], ids=["at once", "later"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_by_the_output(tmp_path, name, from_the_beginning):
    exporter, policy = OUTPUTS[name]
    script = tmp_path / "program.py"
    script.write_text(
        PROGRAM.format(exporter=exporter, policy=policy, from_the_beginning=from_the_beginning)
    )
    done = run_python(script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    told = [json.loads(line) for line in done.stderr.splitlines()]
    if name == "native":
        assert [line["error_code"] for line in told] == ["ERR_TRACE_INCOMPLETE"]
        assert "'lost_calls': 5" in done.stdout or not from_the_beginning
        if not from_the_beginning:
            stats = ast.literal_eval(re.findall(r"{'native_.*}", done.stdout)[0])
            kept = list(read_trace(str(tmp_path / "out")).root.walk())[1:]  # without the program
            assert stats["calls"] == len(kept)
            assert stats["calls"] + stats["lost_calls"] == 500 + 2  # work, and limit
    elif name in ("jsonl", "chrome"):
        assert "'export_failed': 50" in done.stdout or not from_the_beginning
        assert "export_failed" in done.stdout
