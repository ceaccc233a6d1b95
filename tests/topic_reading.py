"""Reads topic lines as a strict reader does, and checks what holds for each of them."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import datetime

import codetracer_otel as ct

FIRST = (
    "timestamp", "level", "kind", "span", "trace_id", "span_id", "parent_span_id", "session_id",
    "topic",
)  # fmt: skip
LAST = ("duration_ms", "busy_ms", "idle_ms", "error", "return", "pid", "tid", "truncated")
LEVELS = ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def read_lines(text):
    """Return the parsed lines of an output that holds nothing but topic lines."""
    lines = [parse(line) for line in text.splitlines()]
    by_id = {line["span_id"]: line for line in lines if line["kind"] == "span"}
    for line in lines:
        parent = by_id.get(line.get("parent_span_id"))
        assert parent is None or parent["timestamp"] <= line["timestamp"]
    return lines


def parse(text):
    assert len(text.encode()) < 64 * 1024
    assert text.isascii()
    pairs = json.loads(text, object_pairs_hook=list, parse_constant=refuse)
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys))
    line = json.loads(text, parse_constant=refuse)
    check_order(keys)
    check_types(line)
    return line


def check_order(keys):
    first = [key for key in keys if key in FIRST]
    last = [key for key in keys if key in LAST]
    assert keys[: len(first)] == first == [key for key in FIRST if key in first]
    assert keys[len(keys) - len(last) :] == last == [key for key in LAST if key in last]


def check_types(line):
    assert TIMESTAMP.match(line["timestamp"])
    datetime.fromisoformat(line["timestamp"])
    assert line["level"] in LEVELS
    assert line["kind"] in ("span", "event", "config", "stats")
    for key, length in (("trace_id", 32), ("span_id", 16), ("parent_span_id", 16)):
        assert key not in line or re.fullmatch(rf"[0-9a-f]{{{length}}}", line[key])
    if line["kind"] == "span":
        assert type(line["duration_ms"]) in (int, float)
        assert line["duration_ms"] >= 0
        assert {"span", "trace_id", "span_id", "topic"} <= set(line)
    if "error" in line:
        assert list(line["error"]) == ["type", "message"]


def named(lines, name):
    """Return the line of the span with this name, in full or by its last part."""
    (found,) = [line for line in lines if line.get("span") == name and line["kind"] == "span"]
    return found


@contextmanager
def topics(capsys, spec="app", **options):
    """Run a block in a session without function spans; yield the list that gets its lines."""
    options.setdefault("policy", {"on_recorder_error": "abort"})
    options.setdefault("exporter", [])
    options.setdefault("functions", False)
    capsys.readouterr()
    lines = []
    with ct.configure(trace=spec, **options):
        yield lines
    lines += read_lines(capsys.readouterr().err)
