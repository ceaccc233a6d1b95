"""Starts the spans of a session's own provider, as the tracer of OpenTelemetry's SDK does."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON, Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
)

from codetracer_otel.sdk.otel.light_span import LightSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, SynchronousMultiSpanProcessor
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, Tracer

    from codetracer_otel.sdk.processes.span_starts import SpanStarts

_RANDOM: Final[int] = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)  # newer releases of OpenTelemetry


class FullSpan(SdkSpan):
    """What replaces a `LightSpan`, which has begun before: the SDK makes spans by a tracer only."""


class SharingProvider(Protocol):
    """What a tracer uses of the session's own provider."""

    sampler: Sampler
    others: SynchronousMultiSpanProcessor

    @property
    def id_generator(self) -> IdGenerator: ...  # noqa: D102

    @property
    def resource(self) -> Resource: ...  # noqa: D102

    def get_tracer(self, name: str, version: str | None = None, /) -> Tracer:
        """Return the SDK's own tracer of a scope."""


class LightTracer:
    """Starts spans as the tracer of a session's own provider does.

    Args:
        provider: ours.
        scope: that the spans are of.
        limits: of a span, without a bound on the length of texts.
        processor: takes ended spans of the SDK.
        take: takes ended spans.
        starts: is told of spans that begin.
    """

    def __init__(
        self,
        provider: SharingProvider,
        scope: InstrumentationScope,
        limits: SpanLimits,
        processor: SpanProcessor,
        take: Callable[[Any], None],
        starts: SpanStarts,
    ) -> None:
        self.scope = scope
        self._starts = starts
        self.take = take
        self.max_attributes = bound_of(limits.max_span_attributes)
        self.max_events = bound_of(limits.max_events)
        self.max_event_attributes = bound_of(limits.max_event_attributes)
        self._limits = limits
        self._processor = processor
        self._provider = provider
        self.resource: Resource = provider.resource
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
        if self._provider.others._span_processors:  # noqa: SLF001 - others see it as the SDK's
            scope = self.scope
            return self._provider.get_tracer(scope.name, scope.version).start_span(
                name, context, attributes=attributes, links=links, start_time=start_time
            )
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
        if self._starts.is_in_child:
            self._starts.note(own.span_id)
        span = LightSpan(self, name, own, parent, start_time, {})
        if links:
            return self.full(span, attributes, links)
        if attributes:
            span.set_attributes(attributes)
        return span

    def full(
        self,
        span: LightSpan,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] = (),
    ) -> SdkSpan:
        """Return a span of the SDK with everything that ``span`` holds."""
        (name,) = span.redacted({span.name: None})
        made = FullSpan(
            name=name,
            context=span.context,
            parent=span.parent,
            sampler=self._sampler,
            resource=self.resource,
            attributes=attributes or span.redacted(dict(span.attributes)),
            links=links,
            span_processor=self._processor,
            limits=self._limits,
            instrumentation_scope=self.scope,
        )
        made.start(start_time=span.start_time)
        for event in span.events:
            (name,) = span.redacted({event.name: None})
            made.add_event(name, span.redacted(event.attributes), event.timestamp)
        return made

    def readable(self, span: LightSpan) -> ReadableSpan:
        """Return what a span of the SDK would be now that it has ended."""
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=self.resource,
            attributes=span.attributes,
            events=[Event(it.name, it.attributes, it.timestamp) for it in span.events],
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=self.scope,
        )


@lru_cache(maxsize=256)
def _flags(bits: int) -> TraceFlags:
    return TraceFlags(bits)


def bound_of(limit: int | None) -> int:
    """Return a limit of OpenTelemetry's as a number; None is no bound."""
    return sys.maxsize if limit is None else limit
