"""Encodes batches as OTLP requests in JSON, for collectors that take no protobuf.

The mapping is protobuf's, with OTLP's exceptions: ids are hexadecimal, enumerations are numbers.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Json
from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.attributes import plain, scope_of, unix_ns
from codetracer_otel.exporters.otlp.fields import flag_bits, kind_number
from codetracer_otel.model.record import StatusCode
from codetracer_otel.model.value_texts import encodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codetracer_otel.exporters.attributes import Scope
    from codetracer_otel.exporters.otlp.exception_logs import ExceptionLog
    from codetracer_otel.model.record import Event, Link
    from codetracer_otel.model.span_view import Batch, SpanView

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024 - 1

_SPANS: Final = ("resourceSpans", "scopeSpans", "spans")
_LOGS: Final = ("resourceLogs", "scopeLogs", "logRecords")


@dataclass(frozen=True, slots=True)
class JsonRequest:
    """A request that can still be divided.

    Attributes:
        names: of its three lists: resources, scopes, and what is of them.
        resource: with its schema.
        parts: each with the scope it is of.
    """

    names: tuple[str, str, str]
    resource: Mapping[str, Any]
    parts: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]

    def __len__(self) -> int:
        return len(self.parts)

    def body(self) -> bytes:
        """Return the text of the request."""
        resources, scopes, items = self.names
        grouped: dict[str, dict[str, Any]] = {}
        for scope, part in self.parts:
            group = grouped.setdefault(Json.dumps(scope), {**scope, items: []})
            group[items].append(part)
        whole = {resources: [{**self.resource, scopes: list(grouped.values())}]}
        return Json.dumps(whole).encode()

    def halves(self) -> tuple[JsonRequest, JsonRequest]:
        """Return two requests with half of the parts each."""
        middle = len(self.parts) // 2
        left, right = self.parts[:middle], self.parts[middle:]
        names, resource = self.names, self.resource
        return JsonRequest(names, resource, left), JsonRequest(names, resource, right)

    def within(self, max_bytes: int) -> Iterator[JsonRequest]:
        """Yield requests of at most ``max_bytes``; a larger part has a request of its own."""
        if not self.parts:
            return
        if len(self) == 1 or len(self.body()) <= max_bytes:
            yield self
            return
        for half in self.halves():
            yield from half.within(max_bytes)


class JsonEncoder:
    """Encodes batches.

    Attributes:
        unencodable: how many spans could not be encoded at all and were left out.
    """

    content_type = "application/json"

    def __init__(self, *, max_bytes: int = MAX_REQUEST_BYTES) -> None:
        self.unencodable = 0
        self._max_bytes = max_bytes

    def requests(self, batch: Batch) -> list[JsonRequest]:
        """Return requests that carry the batch, none larger than the limit."""
        parts = []
        for view in batch.views():
            try:
                parts.append((_scope(scope_of(view)), span_object(view)))
            except Exception:  # noqa: BLE001 - one span of whoever's making never loses a batch
                self.unencodable += 1
        return self._within(_SPANS, batch, parts)

    def log_requests(self, batch: Batch, logs: Sequence[ExceptionLog]) -> list[JsonRequest]:
        """Return requests that carry log records about spans of the batch."""
        parts = [(_scope(scope_of(log.view)), log_object(log)) for log in logs]
        return self._within(_LOGS, batch, parts)

    def rejected(self, body: bytes) -> int:
        """Return how many spans or records a collector's answer says it refused."""
        try:
            answer = Json.loads(body.decode())
            partial = answer["partialSuccess"]
            return max(int(partial.get("rejectedSpans") or partial["rejectedLogRecords"]), 0)
        except (ValueError, LookupError, TypeError, AttributeError):
            return 0

    def _within(
        self, names: tuple[str, str, str], batch: Batch, parts: Sequence[tuple[Any, Any]]
    ) -> list[JsonRequest]:
        resource: dict[str, Any] = {"resource": {"attributes": _attributes(batch.resource)}}
        if batch.resource_schema:
            resource["schemaUrl"] = batch.resource_schema
        return list(JsonRequest(names, resource, parts).within(self._max_bytes))


def _scope(scope: Scope) -> dict[str, Any]:
    named = {"name": encodable(scope.name), "version": encodable(scope.version)}
    found: dict[str, Any] = {"scope": {**named, "attributes": _attributes(scope.attributes)}}
    if scope.schema_url:
        found["schemaUrl"] = encodable(scope.schema_url)
    return found


def span_object(view: SpanView) -> dict[str, Any]:
    """Return a span as OTLP's JSON has it."""
    parent = view.parent_span_id
    is_remote = bool(parent and view.parent_is_remote)
    found = {
        "traceId": _hexadecimal(view.trace_id, 16),
        "spanId": _hexadecimal(view.span_id, 8),
        "traceState": encodable(view.trace_state),
        "parentSpanId": _hexadecimal(parent, 8) if parent else "",
        "flags": flag_bits(view.trace_flags, is_remote=is_remote),
        "name": encodable(view.name),
        "kind": kind_number(view.kind),
        "startTimeUnixNano": str(unix_ns(view.start_ns)),
        "endTimeUnixNano": str(unix_ns(view.end_ns)),
        "attributes": _attributes(view.attributes),
        "droppedAttributesCount": view.dropped_attributes,
        "events": [_event(event) for event in view.events],
        "droppedEventsCount": view.dropped_events,
        "links": [_link(link) for link in view.links],
        "droppedLinksCount": view.dropped_links,
        "status": _status(view),
    }
    return {name: value for name, value in found.items() if value or name == "status"}


def log_object(log: ExceptionLog) -> dict[str, Any]:
    """Return a log record as OTLP's JSON has it."""
    moment = str(unix_ns(log.event.time_ns))
    found = {
        "timeUnixNano": moment,
        "observedTimeUnixNano": moment,
        "severityNumber": log.severity_number,
        "severityText": log.severity_text,
        "attributes": _attributes(log.event.attributes),
        "droppedAttributesCount": log.event.dropped_attributes,
        "flags": log.view.trace_flags,
        "traceId": _hexadecimal(log.view.trace_id, 16),
        "spanId": _hexadecimal(log.view.span_id, 8),
        "eventName": encodable(log.event.name),
    }
    return {name: value for name, value in found.items() if value}


def _hexadecimal(text: str, length: int) -> str:
    if len(bytes.fromhex(text)) != length:
        raise ValueError
    return text


def _status(view: SpanView) -> dict[str, Any]:
    if view.status is StatusCode.UNSET:
        return {}
    is_told = view.status is StatusCode.ERROR and view.status_message
    message = {"message": encodable(view.status_message)} if is_told else {}  # type: ignore[arg-type]
    return {**message, "code": int(view.status)}


def _event(event: Event) -> dict[str, Any]:
    return {
        "timeUnixNano": str(unix_ns(event.time_ns)),
        "name": encodable(event.name),
        "attributes": _attributes(event.attributes),
        "droppedAttributesCount": event.dropped_attributes,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "traceId": f"{link.trace_id:032x}",
        "spanId": f"{link.span_id:016x}",
        "traceState": encodable(link.trace_state),
        "attributes": _attributes(link.attributes),
        "droppedAttributesCount": link.dropped_attributes,
        "flags": flag_bits(link.trace_flags, is_remote=link.is_remote),
    }


def _attributes(mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_key_value(key, value) for key, value in mapping.items()]


def _key_value(key: object, value: Any) -> dict[str, Any]:
    name = plain(key)
    return {"key": name if isinstance(name, str) else str(name), "value": _any(plain(value))}


def _any(value: Any) -> dict[str, Any]:
    kind = type(value)
    if kind is tuple:
        return {"arrayValue": {"values": [_any(item) for item in value]}}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {} if value is None else _SCALARS[kind](value)


def _double(value: float) -> dict[str, Any]:
    if math.isfinite(value):
        return {"doubleValue": value}
    name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return {"doubleValue": name}


_SCALARS: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    str: lambda text: {"stringValue": text},
    bool: lambda truth: {"boolValue": truth},
    int: lambda number: {"intValue": str(number)},
    float: _double,
    bytes: lambda data: {"bytesValue": base64.b64encode(data).decode()},
}
