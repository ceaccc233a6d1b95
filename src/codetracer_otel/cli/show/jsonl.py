"""Reads a JSON-lines file for `show`: its spans as trees, in the order of their beginnings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.cli.show.tree import Shown
from codetracer_otel.errors import ErrorCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARGUMENT: Final = "codetracer.arg."
_RETURN: Final = "codetracer.return"
_MAX_VALUE: Final = 60

Span = dict[str, Any]


def read_spans(path: str, *, with_values: bool = True) -> Iterator[Shown]:
    """Return the spans of a file; lines that are something else are passed over.

    Args:
        path: of the file.
        with_values: whether arguments and return values are wanted.

    Raises:
        UsageError: none of its lines is a span.
        OSError: it cannot be read.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        spans = [span for line in file if (span := _span(line)) is not None]
    if not spans:
        raise UsageError(
            f"show: {path} holds no span; expected JSON lines as --exporter jsonl=FILE writes them",
            ErrorCode.UNSUPPORTED_FORMAT,
        )
    return (_shown(span, level, with_values=with_values) for span, level in _in_order(spans))


def _span(line: str) -> Span | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None  # the last line of a program that was killed, or somebody else's
    is_span = isinstance(fields, dict) and isinstance(fields.get("span_id"), str)
    return fields if is_span and isinstance(fields.get("name"), str) else None


def _in_order(spans: list[Span]) -> Iterator[tuple[Span, int]]:
    children: dict[tuple[Any, Any], list[Span]] = {}
    known = {(span.get("trace_id"), span["span_id"]) for span in spans}
    for span in spans:
        parent = (span.get("trace_id"), span.get("parent_span_id"))
        children.setdefault(parent if parent in known else (None, None), []).append(span)
    pending = [(span, 0) for span in _latest_first(children.get((None, None), []))]
    while pending:
        span, level = pending.pop()
        yield span, level
        below = children.pop((span.get("trace_id"), span["span_id"]), [])
        pending += [(child, level + 1) for child in _latest_first(below)]


def _latest_first(spans: list[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: str(span.get("timestamp", "")), reverse=True)


def _shown(span: Span, level: int, *, with_values: bool) -> Shown:
    attributes = span.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    duration = span.get("duration_ms")
    values = attributes if with_values else {}
    result = values.get(_RETURN)
    return Shown(
        span["name"],
        level,
        [
            (key.removeprefix(_ARGUMENT), _text(value))
            for key, value in values.items()
            if key.startswith(_ARGUMENT)
        ],
        None if result is None else _text(result),
        duration_ms=float(duration) if isinstance(duration, int | float) else 0.0,
        error=_error(span),
        thread=str(attributes.get("thread.name", "")),
    )


def _error(span: Span) -> str:
    status = span.get("status")
    if not isinstance(status, dict) or status.get("code") != "ERROR":
        return ""
    for event in span.get("events") or ():
        if isinstance(event, dict) and event.get("name") == "exception":
            facts = event.get("attributes") or {}
            return f"{facts.get('exception.type', '')}: {facts.get('exception.message', '')}"
    return str(status.get("message") or "error")


def _text(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 3] + "..."
