"""Output that passes Python's streams belongs to the call that is open, native or not."""

import json

import pytest
from tests.traced_run import run_traced, spans_in

PROGRAM = """
import os, time

def inner(number):
    os.write(1, b"from inner %d\\n" % number)
    time.sleep(0.3)  # the other thread reads meanwhile

def outer():
    for number in range(3):
        inner(number)

outer()
"""


@pytest.mark.parametrize("core", ["c", "python"])
def test_what_a_call_writes_by_descriptor_is_its_event(tmp_path, core):
    script, spans = tmp_path / "app.py", tmp_path / "spans.jsonl"
    script.write_text(PROGRAM)
    done = run_traced(
        "--exporter", f"jsonl={spans}", "--capture-io", "proxies+fd", script,
        cwd=tmp_path, CODETRACER_OTEL_CORE=core,
    )  # fmt: skip
    assert "from inner 2" in done.stdout

    written = {}
    for span in spans_in(spans):
        written[span["name"]] = written.get(span["name"], "") + json.dumps(span["events"])
    assert [f"from inner {n}" in written["__main__.inner"] for n in range(3)] == [True] * 3
    assert "from inner" not in written["__main__.outer"]
