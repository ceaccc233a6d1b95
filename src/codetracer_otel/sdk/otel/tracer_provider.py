"""The tracer provider for hand-written and library spans, and the host's where there is one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import (
    SpanLimits,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from codetracer_otel.sdk.otel.light_tracer import LightTracer

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace import Span as SdkSpan
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Span

    from codetracer_otel.sdk.settings.limits import Limits


class SpanForwarder(SpanProcessor):
    """Hands every ended span of a provider to the pipeline; never raises into the program."""

    def __init__(self, take: Callable[[ReadableSpan], None]) -> None:
        self._take = take

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Do nothing."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span."""
        self._take(span)

    def shutdown(self) -> None:
        """Do nothing: the session ends the pipeline."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Do nothing: `Session.flush` delivers."""
        return True

    def stop(self) -> None:
        """Hand on nothing from now on: the session has ended."""
        self._take = lambda _span: None


class OurProvider(TracerProvider):
    """A provider whose spans the pipeline delivers, with the resource of its process, and counts.

    So it detects no resource in each forked child, which takes 9 ms, and measures nothing itself.
    """

    def __init__(
        self,
        resource: Resource,
        ids: IdGenerator,
        take: Callable[[Any], None],
        limits: Limits,
        sampler: Sampler | None,
    ) -> None:
        bounds = SpanLimits(
            max_span_attributes=limits.max_attributes,
            max_events=limits.max_events,
            max_links=limits.max_links,
            max_event_attributes=limits.max_event_attributes,
            max_link_attributes=limits.max_link_attributes,
            # a text is judged whole, then cut: half a secret may not look like one
            max_attribute_length=SpanLimits.UNSET,
            max_span_attribute_length=SpanLimits.UNSET,
        )
        super().__init__(
            sampler=sampler,
            resource=resource,
            id_generator=ids,
            shutdown_on_exit=False,
            span_limits=bounds,
        )
        self._meter_provider = NoOpMeterProvider()
        self._take = take
        self._bounds = bounds
        self._forwarder = SpanForwarder(take)
        self.add_span_processor(self._forwarder)
        self.others = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]

    def share(self, others: SynchronousMultiSpanProcessor) -> None:
        """Give every span to the processors in ``others`` too, whenever they come there."""
        self.others = others
        self.add_span_processor(others)

    def release(self) -> None:
        """Go on without the session's pipeline."""
        self._forwarder.stop()

    def own_starter(self, name: str, version: str) -> Callable[..., Span]:
        """Return what starts spans of a scope."""
        scope = InstrumentationScope(name, version)
        return LightTracer(self, scope, self._bounds, self._forwarder, self._take).start

    def _handle_fork(self) -> None:
        self._tracers_lock = threading.Lock()
        if self.others._span_processors:  # noqa: SLF001 - no public access
            super()._handle_fork()  # which names the child in the resource


def build_provider(
    resource: Resource,
    ids: IdGenerator,
    take: Callable[[ReadableSpan], None],
    limits: Limits,
    sampler: Sampler | None = None,
) -> OurProvider:
    """Return a provider whose spans go through our pipeline.

    Without a sampler it has the one that the environment names.
    """
    return OurProvider(resource, ids, take, limits, sampler)
