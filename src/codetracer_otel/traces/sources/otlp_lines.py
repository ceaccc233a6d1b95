"""Turns the spans of an OTLP/JSON line, as the Collector's file exporter writes it, into ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.files.line_writer import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

Line = dict[str, Any]

_ERROR_CODES: Final = (2, "STATUS_CODE_ERROR")
_NS_PER_MS: Final = 1e6


def spans_of(line: Line) -> Iterator[Line]:
    """Yield the spans of a line with ``resourceSpans`` in the form of our own lines.

    Raises:
        KeyError, ValueError, TypeError, AttributeError: it is not of OTLP.
    """
    for resource in line["resourceSpans"]:
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield _span(span)


def _span(span: Line) -> Line:
    start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    status = span.get("status") or {}
    return {
        "schema": "span/1",
        "start_ns": start,
        "duration_ms": (end - start) / _NS_PER_MS,
        "name": span["name"],
        "trace_id": span["traceId"].lower(),
        "span_id": span["spanId"].lower(),
        "parent_span_id": (span.get("parentSpanId") or "").lower() or None,
        "status": {
            "code": "ERROR" if status.get("code") in _ERROR_CODES else "UNSET",
            "message": status.get("message"),
        },
        "attributes": _attributes(span),
        "events": [_event(event) for event in span.get("events", ())],
        "links": [
            {"trace_id": link.get("traceId"), "span_id": link.get("spanId")}
            for link in span.get("links", ())
        ],
    }


def _event(event: Line) -> Line:
    at = int(event.get("timeUnixNano", 0))
    return {
        "name": event.get("name", ""),
        "timestamp": rfc3339(at),
        "attributes": _attributes(event),
    }


def _attributes(holder: Line) -> Line:
    return {pair["key"]: _value(pair.get("value") or {}) for pair in holder.get("attributes", ())}


def _value(value: Line) -> Any:
    """Return an ``AnyValue`` as JSON's own types; an empty one is None."""
    for kind, inner in value.items():
        if kind == "intValue":
            return int(inner)  # a 64-bit number is text in JSON
        if kind == "arrayValue":
            return [_value(item) for item in inner.get("values", ())]
        if kind == "kvlistValue":
            pairs = inner.get("values", ())
            return {pair["key"]: _value(pair.get("value") or {}) for pair in pairs}
        return inner
    return None
