"""Spans of a session's own provider: cheap until somebody wants more than text and numbers."""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON, Decision
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link
    from opentelemetry.util.types import AttributeValue

_RANDOM: Final[int] = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)  # newer releases of OpenTelemetry
_UNSET: Final = Status(StatusCode.UNSET)


def _reading(name: str, of_own: Callable[[Any], Any]) -> Any:
    """Return a property that reads what `OwnSpan` has, or what a span of the SDK has for it."""
    return property(lambda own: of_own(own) if own._full is None else getattr(own._full, name))  # noqa: SLF001


class OwnSpan(Span):
    """A span whose values are text and numbers, at a third of what OpenTelemetry's SDK takes.

    What is more than that (another value, a link, a status, a recorded exception, more than the
    limits allow) makes a span of the SDK with the same ids, which does everything from then on.

    Args:
        spans: of the session.
        name: exact text.
        context: the ids.
        parent: its ids, or None for a root.
        start_time: Unix time in ns.
        attributes: exact text and numbers; becomes the span's.
    """

    __slots__ = (
        "_attributes",
        "_events",
        "_full",
        "_name",
        "_spans",
        "context",
        "end_time",
        "parent",
        "start_time",
    )

    def __init__(
        self,
        spans: OwnSpans,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        start_time: int,
        attributes: dict[str, Any],
    ) -> None:
        self._spans = spans
        self._name = name
        self.context = context
        self.parent = parent
        self.start_time = start_time
        self.end_time: int | None = None
        self._attributes = attributes
        self._events: list[OwnEvent] = []
        self._full: SdkSpan | None = None

    def get_span_context(self) -> SpanContext:
        """Return the identifiers, valid after the end too."""
        return self.context

    def is_recording(self) -> bool:
        """Return whether it has not ended."""
        return self.end_time is None if self._full is None else self._full.is_recording()

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set several attributes."""
        if self._full is None and self.end_time is None and self._takes(attributes):
            own = self._attributes
            if own:
                for key in attributes:
                    own.pop(key, None)  # what is set again comes last
            own.update(attributes)
            if self._full is None:  # nobody made one meanwhile
                return
        self._writable().set_attributes(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set an attribute."""
        self.set_attributes({key: value})

    def add_event(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Add an event; ``timestamp`` is Unix time in ns."""
        if self._full is None and self.end_time is None and self._takes_event(name, attributes):
            moment = time.time_ns() if timestamp is None else timestamp
            self._events.append(OwnEvent(name, dict(attributes or {}), moment))
        else:
            self._writable().add_event(name, attributes, timestamp)

    def add_link(
        self, context: SpanContext, attributes: Mapping[str, AttributeValue] | None = None
    ) -> None:
        """Add a link to another span."""
        self._writable().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Give the span another name."""
        if self._full is None and self.end_time is None and type(name) is str:
            self._name = name
        else:
            self._writable().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status."""
        self._writable().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Add an event about an exception."""
        self._writable().record_exception(exception, attributes, timestamp, escaped)

    def end(self, end_time: int | None = None) -> None:
        """End the span, once; ``end_time`` is Unix time in ns."""
        if self._full is not None:
            self._full.end(end_time)
            self.end_time = self._full.end_time
        elif self.end_time is None:
            self.end_time = time.time_ns() if end_time is None else end_time
            self._spans.take(self)

    def __exit__(self, *raised: Any) -> None:  # noqa: PYI036 - as they come
        self._writable().__exit__(*raised)
        self.end()

    name = _reading("name", lambda own: own._name)  # noqa: SLF001 - of this class
    attributes = _reading("attributes", lambda own: MappingProxyType(own._attributes))  # noqa: SLF001
    events = _reading("events", lambda own: tuple(own._events))  # noqa: SLF001
    links = _reading("links", lambda _: ())
    status = _reading("status", lambda _: _UNSET)
    dropped_attributes = _reading("dropped_attributes", lambda _: 0)
    dropped_events = _reading("dropped_events", lambda _: 0)
    dropped_links = _reading("dropped_links", lambda _: 0)
    kind = SpanKind.INTERNAL

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """The scope of the session's spans."""
        return self._spans.scope

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        is_open = self.end_time is None or self._full is not None
        return getattr(self._writable() if is_open else self._spans.readable(self), name)

    def _takes(self, attributes: object) -> bool:
        room = self._spans.max_attributes - len(self._attributes)
        return _are_plain(attributes, room)

    def _takes_event(self, name: object, attributes: object) -> bool:
        spans = self._spans
        if type(name) is not str or len(self._events) >= spans.max_events:
            return False
        return attributes is None or _are_plain(attributes, spans.max_event_attributes)

    def _writable(self) -> Span:
        """Return a span of the SDK with what this one holds, or one that takes nothing."""
        if self._full is None:
            if self.end_time is not None:
                return INVALID_SPAN
            # of two threads that come here at once both get the same one
            self._full = vars(self).setdefault("full", self._spans.full(self))
        return self._full


class OwnEvent:
    """An event of an `OwnSpan`."""

    __slots__ = ("attributes", "name", "timestamp")

    def __init__(self, name: str, attributes: dict[str, Any], timestamp: int) -> None:
        self.name = name
        self.attributes = attributes
        self.timestamp = timestamp


class _FullSpan(SdkSpan):
    """A span of the SDK, which makes its own by a tracer only."""


class OwnSpans:
    """Starts spans as the tracer of a session's own provider does.

    Args:
        provider: ours.
        scope: that the spans are of.
        limits: of a span; it must not bound the length of texts.
        processor: takes ended spans of the SDK.
        take: takes ended spans.
    """

    def __init__(
        self,
        provider: TracerProvider,
        scope: InstrumentationScope,
        limits: SpanLimits,
        processor: SpanProcessor,
        take: Callable[[Any], None],
    ) -> None:
        self.scope = scope
        self.take = take
        self.max_attributes = _bound(limits.max_span_attributes)
        self.max_events = _bound(limits.max_events)
        self.max_event_attributes = _bound(limits.max_event_attributes)
        self._limits = limits
        self._processor = processor
        self._resource: Resource = provider.resource
        self._ids = provider.id_generator
        self._sampler = provider.sampler
        self._keeps_all = provider.sampler is DEFAULT_ON or provider.sampler is ALWAYS_ON
        is_random = getattr(self._ids, "is_trace_id_random", None)
        self._root_flags = _RANDOM if is_random is not None and is_random() else 0

    def start(
        self,
        name: str,
        *,
        context: Context,
        attributes: Mapping[str, Any] | None,
        links: Sequence[Link],
        start_time: int,
    ) -> Span:
        """Start a span; see `Tracing.start_span`."""
        found: SpanContext = get_current_span(context).get_span_context()
        parent = found if found.is_valid else None
        trace_id = self._ids.generate_trace_id() if parent is None else parent.trace_id
        flags, state = TraceFlags.SAMPLED, None if parent is None else parent.trace_state
        is_recording = True
        if not self._keeps_all or (parent is not None and not parent.trace_flags & flags):
            result = self._sampler.should_sample(
                context, trace_id, name, SpanKind.INTERNAL, attributes, links
            )
            state, attributes = result.trace_state, result.attributes
            is_sampled = result.decision is Decision.RECORD_AND_SAMPLE
            flags = TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT
            is_recording = result.decision is not Decision.DROP
        flags |= self._root_flags if parent is None else parent.trace_flags & _RANDOM
        own = SpanContext(
            trace_id,
            self._ids.generate_span_id(),
            False,
            _flags(flags),
            state,
        )
        if not is_recording:
            return NonRecordingSpan(own)
        span = OwnSpan(self, name, own, parent, start_time, {})
        if links:
            return self.full(span, attributes, links)
        if attributes:
            span.set_attributes(attributes)
        return span

    def full(
        self,
        span: OwnSpan,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] = (),
    ) -> SdkSpan:
        """Return a span of the SDK that goes on with what ``span`` holds."""
        made = _FullSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            sampler=self._sampler,
            resource=self._resource,
            attributes=attributes or span.attributes,
            links=links,
            span_processor=self._processor,
            limits=self._limits,
            instrumentation_scope=self.scope,
        )
        made.start(start_time=span.start_time)
        for event in span.events:
            made.add_event(event.name, event.attributes, event.timestamp)
        return made

    def readable(self, span: OwnSpan) -> ReadableSpan:
        """Return what a span of the SDK would be now that it has ended."""
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(it.name, it.attributes, it.timestamp) for it in span.events],
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=self.scope,
        )


@lru_cache(maxsize=256)
def _flags(bits: int) -> TraceFlags:
    return TraceFlags(bits)


def _bound(limit: int | None) -> int:
    return sys.maxsize if limit is None else limit


def _are_plain(attributes: object, room: int) -> bool:
    """Return whether attributes fit and need no cleaning; no code of the program runs."""
    if type(attributes) is not dict or len(attributes) > room:
        return False
    for key, value in attributes.items():
        kind = type(value)
        is_plain = kind is str or kind is int or kind is bool or kind is float
        if type(key) is not str or not key or not (is_plain or _is_plain_tuple(value)):
            return False
    return True


def _is_plain_tuple(value: object) -> bool:
    return type(value) is tuple and all(
        type(item) is str or type(item) is int or type(item) is bool or type(item) is float
        for item in value
    )
