"""The tracer provider for hand-written and library spans, and the host's where there is one."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakSet

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import (
    SpanLimits,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from codetracer_otel.bindings import Os
from codetracer_otel.sdk.otel.light_tracer import FullSpan, LightTracer
from codetracer_otel.sdk.otel.resource import describe_forked_child, with_globals
from codetracer_otel.sdk.processes.span_starts import SpanStarts

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


# What is called after forks is called for the rest of the process, and the SDK adds to it for each
# provider: ours, one for each session, share one place.
_WITHOUT_FORKS: Final = SimpleNamespace(
    **{name: what for name, what in vars(os).items() if name != "register_at_fork"}
)


class _Forks:
    """Lets every provider of ours that is still there follow a fork."""

    providers: ClassVar[WeakSet[OurProvider]] = WeakSet()
    is_watching = False

    @classmethod
    def watch(cls, provider: OurProvider) -> None:
        cls.providers.add(provider)
        if not cls.is_watching:
            cls.is_watching = True
            Os.register_at_fork(after_in_child=cls._after_in_child)

    @classmethod
    def _after_in_child(cls) -> None:
        for provider in list(cls.providers):
            provider.begin_in_forked_child()


class SpanForwarder(SpanProcessor):
    """Hands every ended span of a provider to the pipeline; never raises into the program.

    What ends or changes a span may run while its thread changes the same one: a generator that the
    garbage collector ends, a signal's handler. The SDK's plain locks would wait for ever.
    """

    def __init__(self, take: Callable[[ReadableSpan], None], starts: SpanStarts) -> None:
        self._take = take
        self.starts = starts

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:  # noqa: ARG002
        """Let the thread that changes the span do so once more meanwhile."""
        # what a full span replaces may have begun in the parent process
        if self.starts.is_in_child and span.context and not isinstance(span, FullSpan):
            self.starts.note(span.context.span_id)
        part: Any
        for part in (span, span._attributes, span._events, span._links):  # noqa: SLF001 - no public access
            part._lock = threading.RLock()  # noqa: SLF001 - as above

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
    Without a sampler it has the one that the environment names.
    """

    def __init__(
        self,
        resource: Resource,
        ids: IdGenerator,
        take: Callable[[Any], None],
        limits: Limits,
        sampler: Sampler | None = None,
        starts: SpanStarts | None = None,
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
        # The SDK's own `__init__`, which finds no way to ask for forks.
        with_globals(TracerProvider.__init__, os=_WITHOUT_FORKS)(
            self,
            sampler=sampler,
            resource=resource,
            id_generator=ids,
            shutdown_on_exit=False,
            span_limits=bounds,
        )
        # A finalizer may ask for a tracer while its thread does: a plain lock waits for ever.
        self._tracers_lock: Any = threading.RLock()
        self._meter_provider = NoOpMeterProvider()
        self._take = take
        self._bounds = bounds
        self._forwarder = SpanForwarder(take, starts or SpanStarts())
        self.add_span_processor(self._forwarder)
        self.others = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
        _Forks.watch(self)

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
        forwarder = self._forwarder
        return LightTracer(self, scope, self._bounds, forwarder, self._take, forwarder.starts).start

    def begin_in_forked_child(self) -> None:
        """Be ready for the child's threads, under its name where others read it."""
        if self.others._span_processors:  # noqa: SLF001 - no public access
            describe_forked_child(self)
        self._tracers_lock = threading.RLock()
