"""Records, views and batches made by hand."""

from __future__ import annotations

from typing import Any

from codetracer_otel.model.record import (
    NOT_CAPTURED,
    Plan,
    Record,
    SpanDetails,
    TraceOnThread,
    Variable,
)
from codetracer_otel.model.span_view import Batch, SpanView

WALL_OFFSET = 1_700_000_000_000_000_000
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
RESOURCE = {"service.name": "shop", "process.pid": 7}


def plan(*names: str, redacted: tuple[str, ...] = (), **fields: Any) -> Plan:
    given = {
        "name": "shop.tax",
        "function_name": "shop.tax",
        "file": "/app/shop.py",
        "line": 12,
        "arguments": tuple(
            Variable(name, f"codetracer.arg.{name}", name in redacted) for name in names
        ),
        "argument_names": tuple(name for name in names if name not in redacted),
        "captures_return": True,
    }
    return Plan(**(given | fields))


def segment(**fields: Any) -> TraceOnThread:
    given = {"trace_id": TRACE_ID, "wall_offset_ns": WALL_OFFSET}
    return TraceOnThread(**(given | fields))


def record(
    arguments: tuple[Any, ...] = (),
    *,
    of: Plan | None = None,
    span_id: int = 1,
    parent_id: int = 0,
    on: TraceOnThread | None = None,
    start: int = 1_000,
    end: int = 3_501_000,
    result: Any = NOT_CAPTURED,
    extras: SpanDetails | None = None,
) -> Record:
    used = of or plan(*(f"a{n}" for n in range(len(arguments))))
    where = on or segment()
    return [
        None,
        used,
        span_id,
        where,
        None,
        parent_id,
        arguments,
        start,
        end,
        result,
        extras,
    ]


def view(name: str = "work", **fields: Any) -> SpanView:
    given = {
        "trace_id": f"{TRACE_ID:032x}",
        "span_id": "00000000000000aa",
        "parent_span_id": None,
        "start_ns": WALL_OFFSET,
        "end_ns": WALL_OFFSET + 1_500_000,
        "attributes": {},
    }
    return SpanView(name=name, **(given | fields))


def batch(*records: Record, spans: tuple[SpanView, ...] = (), **resource: Any) -> Batch:
    return Batch(records, spans, resource or RESOURCE)
