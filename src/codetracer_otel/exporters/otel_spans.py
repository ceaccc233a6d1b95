"""Converts spans to and from OpenTelemetry's SDK, so that any of its exporters delivers ours."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    attach,
    detach,
    set_value,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as OtelEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link as OtelLink
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import Status
from opentelemetry.trace.status import StatusCode as OtelStatusCode

from codetracer_otel.exporters.attributes import (
    Scope,
    deliverable,
    exact_ns,
    scope_of,
    unix_ns,
)
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record import Event, Link, StatusCode
from codetracer_otel.model.span_view import SpanView
from codetracer_otel.model.value_texts import encodable, text_of_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from codetracer_otel.model.span_view import Batch

_MAX_SCOPES: Final = 256


class _HashedResource(Resource):
    """A resource that computes its hash once; OpenTelemetry's dumps itself as JSON per span."""

    def __init__(self, attributes: Mapping[str, Any], schema: str) -> None:
        super().__init__(attributes, schema)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)


class _DeliveredSpan(ReadableSpan):
    """A `ReadableSpan` whose dropped counts are given."""

    def __init__(self, view: SpanView, **fields: Any) -> None:
        super().__init__(encodable(view.name), **fields)
        self._dropped = (view.dropped_attributes, view.dropped_events, view.dropped_links)

    @property
    def dropped_attributes(self) -> int:
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        return self._dropped[2]


class ReadableSpans:
    """Builds `ReadableSpan` objects; keeps the resource and the scopes it has built."""

    def __init__(self) -> None:
        self._attributes: Mapping[str, Any] | None = None
        self._resource = Resource({})
        self._scopes: dict[tuple[str, str, str], tuple[Scope, InstrumentationScope]] = {}

    def of(self, batch: Batch) -> list[ReadableSpan]:
        """Return every span of a batch."""
        resource = self._resource_of(batch.resource, batch.resource_schema)
        return [self._build(view, resource) for view in batch.views()]

    def _resource_of(self, attributes: Mapping[str, Any], schema: str) -> Resource:
        if self._attributes is None or attributes != self._attributes:
            self._attributes = dict(attributes)
            self._resource = _HashedResource(deliverable(attributes), schema)
        return self._resource

    def _build(self, view: SpanView, resource: Resource) -> ReadableSpan:
        state = _trace_state(view.trace_state)
        trace_id, flags = int(view.trace_id, 16), TraceFlags(view.trace_flags)
        parent = view.parent_span_id
        return _DeliveredSpan(
            view,
            context=SpanContext(trace_id, int(view.span_id, 16), False, flags, state),
            parent=parent
            and SpanContext(trace_id, int(parent, 16), view.parent_is_remote, flags, state),
            resource=resource,
            attributes=deliverable(view.attributes),
            events=[_otel_event(event) for event in view.events],
            links=[_otel_link(link) for link in view.links],
            kind=_kind(view.kind),
            status=_otel_status(view),
            start_time=unix_ns(view.start_ns),
            end_time=unix_ns(view.end_ns),
            instrumentation_scope=self._scope_of(view),
        )

    def _scope_of(self, view: SpanView) -> InstrumentationScope:
        key = (view.scope, view.scope_version, view.scope_schema_url)
        scope, built = self._scopes.get(key, (None, None))
        if built is None or (scope and scope.attributes != view.scope_attributes):
            scope = scope_of(view)
            built = _otel_scope(scope)
            if len(self._scopes) >= _MAX_SCOPES:
                self._scopes.clear()
            self._scopes[key] = scope, built
        return built


def _otel_scope(scope: Scope) -> InstrumentationScope:
    return InstrumentationScope(
        encodable(scope.name),
        encodable(scope.version),
        encodable(scope.schema_url),
        deliverable(scope.attributes),
    )


@lru_cache(maxsize=256)
def _trace_state(header: str) -> TraceState:
    return TraceState.from_header([header]) if header else TraceState()


def _kind(name: str) -> SpanKind:
    return SpanKind.__members__.get(name, SpanKind.INTERNAL)


def _otel_event(event: Event) -> OtelEvent:
    attributes = _counted(event)
    return OtelEvent(encodable(event.name), attributes, unix_ns(event.time_ns))


def _otel_link(link: Link) -> OtelLink:
    context = SpanContext(
        link.trace_id,
        link.span_id,
        is_remote=link.is_remote,
        trace_flags=TraceFlags(link.trace_flags),
        trace_state=_trace_state(link.trace_state),
    )
    return OtelLink(context, _counted(link))


def _counted(part: Event | Link) -> Mapping[str, Any]:
    """Return attributes that say how many were dropped beside them."""
    attributes = deliverable(part.attributes)
    if not part.dropped_attributes:
        return attributes
    counted = BoundedAttributes()
    vars(counted).update(_dict=attributes, dropped=part.dropped_attributes)
    return counted


def _otel_status(view: SpanView) -> Status:
    # OpenTelemetry allows a description on errors only, and warns about any other
    is_error = view.status is StatusCode.ERROR
    message = encodable(view.status_message) if is_error and view.status_message else None
    return Status(OtelStatusCode(view.status.value), message)


class OpenTelemetryExporter:
    """Delivers through any exporter for the OpenTelemetry SDK.

    Instrumentation libraries see the suppression key meanwhile, so that the exporter's own
    requests do not become spans.
    """

    def __init__(self, span_exporter: SpanExporter) -> None:
        self._exporter = span_exporter
        self._spans = ReadableSpans()

    def __repr__(self) -> str:
        return f"OpenTelemetryExporter({type(self._exporter).__qualname__})"

    def export(self, batch: Batch) -> ExportResult:
        """Deliver a batch; what the exporter raises is passed on."""
        spans = self._spans.of(batch)
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            result = self._exporter.export(spans)
        finally:
            detach(token)
        is_success = result is SpanExportResult.SUCCESS
        return ExportResult.SUCCESS if is_success else ExportResult.FAILURE

    def flush(self, timeout: float) -> bool:
        """Ask the exporter to deliver what it buffers; return whether it said that it did."""
        force_flush = getattr(self._exporter, "force_flush", None)
        if force_flush is None:
            return True
        answer: list[object] = []
        milliseconds = max(int(timeout * 1000), 0)
        _run_within(timeout, lambda: answer.append(force_flush(milliseconds)))
        return bool(answer) and answer[0] is not False

    def shutdown(self, timeout: float) -> None:
        """Shut the exporter down; one that does not come back is left behind after ``timeout``."""
        _run_within(timeout, self._exporter.shutdown)


def _run_within(timeout: float, action: Callable[[], object]) -> None:
    """Run ``action``, waiting ``timeout`` seconds at most; raise what it raised by then."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
            raised.append(error)

    thread = threading.Thread(target=run, name="codetracer-otel-exporter", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is about to end and starts no thread
        run()
    else:
        thread.join(max(timeout, 0))
    if raised:
        raise raised[0]


def is_redacted(span: ReadableSpan) -> bool:
    """Return whether a span comes from our pipeline."""
    return type(span) is _DeliveredSpan


def redacted_span(span: ReadableSpan, view: SpanView) -> ReadableSpan:
    """Return ``span`` with the texts and attributes that its redacted view has."""
    scope = span.instrumentation_scope
    return _DeliveredSpan(
        view,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=view.attributes,
        events=[_otel_event(event) for event in view.events],
        links=[
            OtelLink(link.context, _counted(shown))
            for link, shown in zip(span.links, view.links, strict=True)
        ],
        kind=span.kind,
        status=_otel_status(view),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=scope and _scope_with(scope, view.scope_attributes),
    )


def _scope_with(scope: InstrumentationScope, attributes: Mapping[str, Any]) -> InstrumentationScope:
    if dict(scope.attributes or {}) == attributes:
        return scope
    return InstrumentationScope(scope.name, scope.version, scope.schema_url, attributes)


def views_of(spans: Iterable[ReadableSpan]) -> list[SpanView]:
    """Return ended OpenTelemetry spans as views; spans without a context are left out.

    OpenTelemetry takes anything for a name or a time: what one span has must not cost the batch.
    """
    return [_view(span, span.context) for span in spans if span.context is not None]


def _view(span: ReadableSpan, context: SpanContext) -> SpanView:
    start = exact_ns(span.start_time)
    scope = span.instrumentation_scope
    return SpanView(
        name=text_of_name(span.name),
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        parent_span_id=f"{span.parent.span_id:016x}" if span.parent else None,
        start_ns=start,
        end_ns=start if span.end_time is None else exact_ns(span.end_time),
        attributes=deliverable(span.attributes or {}),
        events=[
            Event(
                text_of_name(event.name),
                exact_ns(event.timestamp),
                deliverable(event.attributes or {}),
                event.dropped_attributes,
            )
            for event in span.events
        ],
        links=_links(span.links),
        status=StatusCode(span.status.status_code.value),
        status_message=_message(span.status.description),
        kind=span.kind.name,
        trace_state=context.trace_state.to_header(),
        trace_flags=int(context.trace_flags),
        parent_is_remote=bool(span.parent and span.parent.is_remote),
        dropped_attributes=span.dropped_attributes,
        dropped_events=span.dropped_events,
        dropped_links=span.dropped_links,
        scope=scope.name if scope else "",
        scope_version=(scope.version if scope else "") or "",
        scope_schema_url=(scope.schema_url if scope else "") or "",
        scope_attributes=deliverable(scope.attributes or {}) if scope else {},
        cut_lengths=_cut_lengths(span),
        text_rules=getattr(span, "content_rules", None),
    )


def _cut_lengths(span: ReadableSpan) -> frozenset[int]:
    """Return the lengths at which the SDK has cut texts, as the maps of attributes know them."""
    maps = (getattr(part, "_attributes", None) for part in (span, *span.events, *span.links))
    found = {getattr(attributes, "max_value_len", None) for attributes in maps}
    return frozenset(length for length in found if type(length) is int)


def _message(description: object) -> str | None:
    return None if description is None else text_of_name(description) or None


def _links(links: Sequence[OtelLink]) -> list[Link]:
    return [
        Link(
            link.context.trace_id,
            link.context.span_id,
            link.context.trace_state.to_header(),
            int(link.context.trace_flags),
            deliverable(link.attributes or {}),
            link.context.is_remote,
            link.dropped_attributes,
        )
        for link in links
    ]
