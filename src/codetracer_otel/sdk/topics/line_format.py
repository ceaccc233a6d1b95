"""The fields of one topic line, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.files.line_writer import rfc3339
from codetracer_otel.instrumentation.topics import Level
from codetracer_otel.model.value import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codetracer_otel.instrumentation.manual.backend import (
        ClosedSpan,
        HappenedEvent,
        TopicEntry,
    )
    from codetracer_otel.sdk.settings.topic_directives import BadDirective

# A field of the program's that has one of these names is written as ``field.<name>``.
RESERVED: Final = frozenset(
    {
        "timestamp", "level", "kind", "span", "trace_id", "span_id", "parent_span_id",
        "session_id", "topic", "duration_ms", "busy_ms", "idle_ms", "error", "return", "pid",
        "tid", "truncated",
    }
)  # fmt: skip
_RESERVED_IN_EVENTS: Final = RESERVED | {"event"}
_NS_PER_MS: Final = 1_000_000


def span_line(closed: ClosedSpan) -> dict[str, Any]:
    """Return the line of a span that has ended."""
    line = _beginning(closed, "span", closed.level)
    line["topic"] = closed.topic
    _add_fields(line, closed.fields.items(), RESERVED)
    line["duration_ms"] = closed.duration_ns / _NS_PER_MS
    if closed.busy_ns is not None:
        line["busy_ms"] = closed.busy_ns / _NS_PER_MS
        line["idle_ms"] = (closed.duration_ns - closed.busy_ns) / _NS_PER_MS
    if closed.error is not None:
        line["error"] = {"type": closed.error[0], "message": closed.error[1]}
    if closed.result is not None:
        line["return"] = plain_value(closed.result[0])
    return line


def event_line(event: HappenedEvent) -> dict[str, Any]:
    """Return the line of an event."""
    line = _beginning(event, "event", event.level)
    line["topic"] = event.topic
    line["event"] = event.name
    _add_fields(line, event.fields.items(), _RESERVED_IN_EVENTS)
    return line


def redaction_line(closed: ClosedSpan) -> dict[str, Any]:
    """Return the line that says which fields of a span were withheld; never their values."""
    line = _beginning(closed, "event", Level.DEBUG)
    line["topic"] = "redact"
    line["event"] = "redacted"
    line["names"] = list(closed.redacted)
    return line


def own_line(
    topic: str,
    event: str,
    facts: Mapping[str, object],
    *,
    level: Level,
    kind: str,
    time_ns: int,
) -> dict[str, Any]:
    """Return a line about this package's own work; ``facts`` hold no value of the program."""
    line = _head(time_ns, kind, level)
    line["topic"] = topic
    line["event"] = event
    _add_fields(line, ((name, _plain_fact(value)) for name, value in facts.items()), RESERVED)
    return line


def bad_directive_line(bad: BadDirective, time_ns: int) -> dict[str, Any]:
    """Return the line about a directive that is not in force."""
    facts = {
        "directive": bad.directive,
        "reason": bad.reason,
        "suggestion": bad.suggestion or None,
    }
    return own_line(
        "config", "invalid_directive", facts, level=Level.WARN, kind="config", time_ns=time_ns
    )


def _head(time_ns: int, kind: str, level: Level) -> dict[str, Any]:
    return {"timestamp": rfc3339(time_ns), "level": level.name, "kind": kind}


def _beginning(entry: TopicEntry, kind: str, level: Level) -> dict[str, Any]:
    line = _head(entry.time_ns, kind, level)
    if entry.span is not None:
        line["span"] = entry.span
    if entry.trace_id:
        line["trace_id"] = f"{entry.trace_id:032x}"
        line["span_id"] = f"{entry.span_id:016x}"
    if entry.parent_span_id:
        line["parent_span_id"] = f"{entry.parent_span_id:016x}"
    if entry.session_id is not None:
        line["session_id"] = entry.session_id
    return line


def _add_fields(
    line: dict[str, Any], fields: Iterable[tuple[str, Any]], reserved: frozenset[str]
) -> None:
    for name, value in fields:
        line[f"field.{name}" if name in reserved else name] = plain_value(value)


def _plain_fact(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): _plain_fact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_fact(item) for item in value]
    return str(value)
