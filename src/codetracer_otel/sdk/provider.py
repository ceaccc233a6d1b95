"""The tracer provider for hand-written and library spans, and the proxy that stays global."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NoOpTracer

from codetracer_otel.exporters.otel import ReadableSpans
from codetracer_otel.instrumentation.identifiers import ForeignIds, RandomIds
from codetracer_otel.ports import ExportResult
from codetracer_otel.sdk.own_spans import OwnSpans
from codetracer_otel.spans import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace import Span as SdkSpan
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Span, Tracer

    from codetracer_otel.captured import AttributeValue
    from codetracer_otel.sdk.limits import Limits


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

    def own_starter(self, name: str, version: str) -> Callable[..., Span]:
        """Return what starts spans of a scope: ours, or the tracer's where texts have bounds."""
        bounds = self._bounds
        if bounds.max_span_attribute_length is None and bounds.max_attribute_length is None:
            scope = InstrumentationScope(name, version)
            return OwnSpans(self, scope, bounds, self._forwarder, self._take).start
        return self.get_tracer(name, version).start_span

    def _handle_fork(self) -> None:
        self._tracers_lock = threading.Lock()


def build_provider(
    resource: Resource,
    ids: IdGenerator,
    take: Callable[[ReadableSpan], None],
    limits: Limits,
    sampler: Sampler | None = None,
) -> TracerProvider:
    """Return a provider whose spans go through our pipeline.

    Without a sampler it has the one that the environment names.
    """
    return OurProvider(resource, ids, take, limits, sampler)


class SessionProvider(trace.TracerProvider):
    """The global provider: serves whichever session runs, and nothing between two sessions.

    OpenTelemetry lets the global provider be set once in a process; this one outlives a session.
    """

    def __init__(self) -> None:
        self.active: trace.TracerProvider | None = None

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """Return a tracer that asks the running session's provider at each span."""
        identity = (
            instrumenting_module_name,
            instrumenting_library_version,
            schema_url,
            attributes,
        )
        return SessionTracer(self, identity)


class SessionTracer(trace.Tracer):
    """A tracer that outlives a session."""

    def __init__(self, owner: SessionProvider, identity: tuple[Any, ...]) -> None:
        self._owner = owner
        self._identity = identity
        self._resolved: tuple[trace.TracerProvider | None, Tracer] = (None, NoOpTracer())

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        """Start a span with the running session's tracer."""
        return self._tracer().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        """Start a span with the running session's tracer and make it current."""
        return self._tracer().start_as_current_span(*args, **kwargs)

    def _tracer(self) -> Tracer:
        provider, tracer = self._resolved
        if provider is not self._owner.active:
            provider = self._owner.active
            tracer = NoOpTracer() if provider is None else provider.get_tracer(*self._identity)
            self._resolved = (provider, tracer)
        return tracer


def make_global(provider: trace.TracerProvider) -> Callable[[], None]:
    """Let ``provider`` serve the global API if the host has none; return the idempotent undo."""
    present = trace.get_tracer_provider()
    if type(present) is trace.ProxyTracerProvider:
        trace.set_tracer_provider(SessionProvider())
        present = trace.get_tracer_provider()
    if not isinstance(present, SessionProvider):
        return lambda: None
    proxy = present
    proxy.active = provider

    def undo() -> None:
        if proxy.active is provider:
            proxy.active = None

    return undo


def host_provider(stated: Any) -> Any:
    """Return the host's SDK provider: the stated one, else a global one that is not ours."""
    present = stated if stated is not None else trace.get_tracer_provider()
    return present if isinstance(present, TracerProvider) else None


def build_ids(stated: Any) -> RandomIds:
    """Return the source of ids: the host provider's, where that is one of its own making."""
    host = host_provider(stated)
    generator = None if host is None else host.id_generator
    if generator is None or type(generator) is RandomIdGenerator:
        return RandomIds()  # as random as theirs, and no seed of the program repeats it
    return ForeignIds(generator)


class ProviderExporter:
    """Hands our spans, once ended and redacted, to the processors of the host's provider.

    The spans carry the host's resource. The processors learn of a span when it has ended only, and
    the host goes on to own them.

    Args:
        provider: of the OpenTelemetry SDK.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._resource = cast("Mapping[str, AttributeValue]", provider.resource.attributes)
        self._spans = ReadableSpans()

    def export(self, batch: Batch) -> ExportResult:
        """Give each span to the processors; what becomes of it there is not known here."""
        processor = self._provider._active_span_processor  # noqa: SLF001 - no public access
        for span in self._spans.of(Batch(batch.records, batch.spans, self._resource)):
            processor.on_end(span)
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:
        """Let the processors deliver what they hold."""
        return self._provider.force_flush(int(timeout * 1000))

    def shutdown(self, timeout: float) -> None:
        """Let the processors deliver what they hold; they stay the host's."""
        self.flush(timeout)
