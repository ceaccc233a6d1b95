"""A pattern that never ends costs a few time-outs, hides what it cannot judge, loses nothing."""

from __future__ import annotations

import json
import re

import pytest
from tests.filters.decisions.test_classifier import SLOW
from tests.traced_run import run_traced, spans_in

from codetracer_otel.model.value import REDACTED

FILTER = """\
[meta]
name = "slow"
version = 2
[scope]
default_exec = "trace"
default_value_action = "allow"
[[scope.rules]]
selector = "pkg:**"
[[scope.rules.value_patterns]]
selector = '{}:regex:{}'
action = "redact"
"""
PROGRAM = """\
from opentelemetry import trace
def f(text):
    trace.get_current_span().set_attribute(text, 1)
for n in range(314):
    f(str(n) + "ab" * 10_000)  # of what is kept of it, the first 30 letters take seconds
"""


@pytest.mark.parametrize("kind", ["value", "attr"])
def test_every_span_arrives_and_the_sums_add_up(tmp_path, kind):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    rules = tmp_path / "slow.toml"
    rules.write_text(FILTER.format(kind, SLOW))
    options = ("--trace-filter", rules, "--exporter", f"jsonl={tmp_path / 'x.jsonl'}")
    done = run_traced(*options, script, cwd=tmp_path)
    assert done.returncode == 0
    lines = spans_in(tmp_path / "x.jsonl")
    recorded, exported, dropped = map(
        int,
        re.search(r"(\d+) spans? recorded, (\d+) exported, (\d+) dropped", done.stderr).groups(),
    )
    assert (recorded, exported, dropped) == (315, 315, 0)
    assert len(lines) == 315
    assert done.stderr.count("pattern given up") == 1
    shown = [line["attributes"] for line in lines if "codetracer.arg.text" in line["attributes"]]
    if kind == "value":
        assert {attributes["codetracer.arg.text"] for attributes in shown} == {REDACTED}
    else:
        assert REDACTED in json.dumps(shown)
