"""JSON lines made by hand."""

from __future__ import annotations

import json

TRACE = "0af7651916cd43dd8448eb211c80319c"
ORIGIN_NS = 1_700_000_000_000_000_000
NOT_GIVEN = object()


def span_id(number: int) -> str:
    return f"{number:016x}"


def line(number, start_us=0, length_us=1.0, parent=None, name="app.work", **fields):
    """Return a span; times in microseconds since a fixed one."""
    seconds, fraction = divmod(start_us, 1_000_000)
    attributes = {
        "code.function.name": name,
        "code.file.path": f"/app/{name.split('.')[0]}.py",
        "code.line.number": 7,
    }
    thread = fields.pop("thread", None)
    if thread is not None:
        attributes |= {"thread.id": 140_000_000_000_000 + thread, "thread.name": f"worker_{thread}"}
    attributes |= fields.pop("attributes", {})
    error = fields.pop("error", None)
    made = {
        "timestamp": f"2023-11-14T22:13:{20 + seconds:02d}.{fraction:06d}Z",
        "name": name,
        "trace_id": TRACE,
        "span_id": span_id(number),
        "parent_span_id": None if parent is None else span_id(parent),
        "duration_ms": length_us / 1000,
        "status": {"code": "ERROR" if error else "UNSET", "message": error},
        "attributes": attributes,
        "events": [],
        "links": [],
        "schema": "span/1",
    }
    return made | fields


def write(path, *lines):
    """Write spans, or texts as they are; return the path."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return str(path)
