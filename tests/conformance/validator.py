"""Judges OTLP requests as strictly as the specification is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from codetracer_otel.model.bounds import DEFAULT_BOUNDS, SpanBounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BY_THE_SDK = ("delivered and not sampled", "random where its parent is not, or the reverse")
SAMPLED, RANDOM, KNOWN, REMOTE = 1, 2, 0x100, 0x200
# https://www.w3.org/TR/trace-context-2/#tracestate-header
_KEY = r"[a-z0-9][a-z0-9_\-*/]{0,240}(?:@[a-z0-9][a-z0-9_\-*/]{0,13})?"
MEMBER = re.compile(_KEY + r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_SCHEMA = re.compile(r"https://\S+/\d+\.\d+\.\d+")
_SDK = {"telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version", "service.name"}


def spans_of(requests: Iterable[ExportTraceServiceRequest]) -> list[Span]:
    """Return every span of some requests, in their order."""
    return [span for _, _, span in _walk(requests)]


def assert_valid(
    requests: list[ExportTraceServiceRequest],
    bounds: SpanBounds = DEFAULT_BOUNDS,
    *,
    but: tuple[str, ...] = (),
) -> list[Span]:
    """Fail with every violation; return the spans, of which there is one at least.

    ``but`` names what is allowed: OpenTelemetry's own exporters leave the W3C flags out.
    """
    found = [one for one in violations(requests, bounds) if not one.endswith(but or ("\0",))]
    if found:
        pytest.fail("\n".join(found))
    spans = spans_of(requests)
    if not spans:
        pytest.fail("no span")
    return spans


def violations(
    requests: list[ExportTraceServiceRequest], bounds: SpanBounds = DEFAULT_BOUNDS
) -> list[str]:
    """Return what is wrong with some requests, which one process or several have sent."""
    found = [f"unknown field in {path}" for it in requests for path in _unknown(it, "request")]
    for request in requests:
        for resource in request.resource_spans:
            found += _resource(resource)
    spans = {}
    for _, _, span in _walk(requests):
        key = (span.trace_id, span.span_id)
        found += [f"{span.name}: an id twice"] if key in spans else []
        spans[key] = span
        found += [f"{span.name}: {what}" for what in _span(span, bounds)]
    for span in spans.values():
        parent = spans.get((span.trace_id, span.parent_span_id))
        if parent is not None and (span.flags ^ parent.flags) & RANDOM:
            found.append(f"{span.name}: random where its parent is not, or the reverse")
    return found


def _walk(requests) -> Iterator[tuple]:
    for request in requests:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    yield resource, scope, span


def _unknown(message: Message, path: str) -> Iterator[str]:
    if len(UnknownFieldSet(message)):
        yield path
    for field, value in message.ListFields():
        if field.message_type is not None:
            parts = value if field.is_repeated else [value]
            for part in parts:
                yield from _unknown(part, f"{path}.{field.name}")


def _resource(resource) -> Iterator[str]:
    attributes = {item.key for item in resource.resource.attributes}
    yield from _attributes(resource.resource.attributes, None, None, "resource")
    if missing := _SDK - attributes:
        yield f"resource: without {sorted(missing)}"
    for scope in resource.scope_spans:
        for holder in (resource, scope):
            if holder.schema_url and not _SCHEMA.fullmatch(holder.schema_url):
                yield f"schema {holder.schema_url!r}"
        if not scope.scope.name:
            yield "scope: without a name"
        yield from _attributes(scope.scope.attributes, None, None, "scope")


def _span(span: Span, bounds: SpanBounds) -> Iterator[str]:
    yield from _ids(span.trace_id, span.span_id)
    if span.parent_span_id:
        yield from _ids(span.trace_id, span.parent_span_id)
        if span.parent_span_id == span.span_id:
            yield "its own parent"
    if not span.name:
        yield "without a name"
    if span.kind not in Span.SpanKind.values() or not span.kind:
        yield f"kind {span.kind}"
    if not 0 < span.start_time_unix_nano <= span.end_time_unix_nano < 2**63:
        yield f"from {span.start_time_unix_nano} to {span.end_time_unix_nano}"
    yield from _flags(span.flags)
    if not span.flags & SAMPLED:
        yield "delivered and not sampled"
    if span.flags & REMOTE and not span.parent_span_id:
        yield "a remote parent that is not there"
    if span.status.message and span.status.code != Status.STATUS_CODE_ERROR:
        yield "a message of what is no error"
    if span.trace_state:
        yield from _trace_state(span.trace_state)
    yield from _attributes(span.attributes, bounds.attributes, bounds.text, "span")
    yield from _dropped(span.dropped_attributes_count, span.attributes, bounds.attributes)
    yield from _dropped(span.dropped_events_count, span.events, bounds.events)
    yield from _dropped(span.dropped_links_count, span.links, bounds.links)
    yield from _parts(span, bounds)


def _parts(span: Span, bounds: SpanBounds) -> Iterator[str]:
    for event in span.events:
        if not event.name or not event.time_unix_nano:
            yield "an event without a name or a time"
        yield from _attributes(event.attributes, bounds.event_attributes, bounds.part_text, "event")
        yield from _dropped(
            event.dropped_attributes_count, event.attributes, bounds.event_attributes
        )
    for link in span.links:
        yield from _ids(link.trace_id, link.span_id)
        yield from _flags(link.flags)
        if link.trace_state:
            yield from _trace_state(link.trace_state)
        yield from _attributes(link.attributes, bounds.link_attributes, bounds.part_text, "link")
        yield from _dropped(link.dropped_attributes_count, link.attributes, bounds.link_attributes)


def _ids(trace_id: bytes, span_id: bytes) -> Iterator[str]:
    if len(trace_id) != 16 or not any(trace_id):
        yield f"trace id {trace_id.hex()}"
    if len(span_id) != 8 or not any(span_id):
        yield f"span id {span_id.hex()}"


def _flags(flags: int) -> Iterator[str]:
    if not flags & KNOWN:
        yield "does not say whether a context is remote"
    if flags & ~(SAMPLED | RANDOM | KNOWN | REMOTE):
        yield f"flags {flags:#x}"


def _trace_state(text: str) -> Iterator[str]:
    members = [member.strip() for member in text.split(",")]
    keys = [member.partition("=")[0] for member in members]
    if not all(map(MEMBER.fullmatch, members)) or len(members) > 32 or len({*keys}) < len(keys):
        yield f"trace state {text!r}"


def _dropped(count: int, kept, limit: int) -> Iterator[str]:
    if len(kept) > limit:
        yield f"{len(kept)} where {limit} are allowed"
    if count and len(kept) < limit:
        yield f"{count} dropped with room for {limit - len(kept)}"


def _attributes(attributes, count: int | None, longest: int | None, of: str) -> Iterator[str]:
    keys = [item.key for item in attributes]
    if len({*keys}) < len(keys) or not all(keys):
        yield f"keys of {of}: {keys}"
    if count is not None and len(keys) > count:
        yield f"{len(keys)} attributes of {of}"
    for item in attributes:
        for length in _lengths(item.value):
            if longest is not None and length > longest:
                yield f"{item.key} of {of} has {length} characters"


def _lengths(value) -> Iterator[int]:
    kind = value.WhichOneof("value")
    if kind in ("string_value", "bytes_value"):
        yield len(getattr(value, kind))
    elif kind == "array_value":
        for item in value.array_value.values:
            yield from _lengths(item)
    elif kind == "kvlist_value":
        for item in value.kvlist_value.values:
            yield from _lengths(item.value)
