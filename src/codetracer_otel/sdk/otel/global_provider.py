"""The tracer provider that OpenTelemetry's global API has until the program sets one of its own."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import (
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

    from codetracer_otel.sdk.otel.tracer_provider import OurProvider


class SessionProvider(TracerProvider):
    """Serves whichever session runs, whichever provider the program sets, or nothing.

    A provider of OpenTelemetry's SDK to whoever asks, so that a library adds its processor instead
    of setting a provider. Processors that are added get the spans of its tracers, raw and with the
    resource, the ids and the sampler of the session, and go on getting them after its end.
    `shutdown` and `force_flush` are about these processors: sessions end by `Session.shutdown`.

    Args:
        provider: of the first session.

    Attributes:
        active: makes the spans while the program has set no provider; None for nobody.
    """

    def __init__(self, provider: OurProvider) -> None:
        shared = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
        super().__init__(
            sampler=provider.sampler,
            resource=provider.resource,
            shutdown_on_exit=False,
            id_generator=provider.id_generator,
            active_span_processor=shared,
            span_limits=provider._span_limits,  # noqa: SLF001 - no public access
        )
        self._meter_provider = NoOpMeterProvider()
        self._shared = shared
        self.active: OurProvider | None = None

    @property
    def added(self) -> tuple[SpanProcessor, ...]:
        """The processors that others have added."""
        return self._shared._span_processors  # noqa: SLF001 - no public access

    def serve(self, provider: OurProvider) -> None:
        """Let ``provider`` make the spans, and give them to what was added, now or later."""
        provider.share(self._shared)
        self._resource, self._span_limits = provider.resource, provider._span_limits  # noqa: SLF001
        self.sampler, self.id_generator = provider.sampler, provider.id_generator
        self.active = provider

    def rest(self, provider: OurProvider) -> None:
        """Take note of a session's end: ``provider`` serves only processors that were added."""
        if self.active is provider:
            provider.release()
            if not self.added:
                self.active = None

    def serving(self) -> trace.TracerProvider | None:
        """Return who makes the spans of this moment."""
        present = trace._TRACER_PROVIDER  # noqa: SLF001 - the API's getter would load a provider
        return self.active if present is None or present is self else present

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """Return a tracer that asks at each span who makes it."""
        return SessionTracer(
            self, instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Let a processor have the spans; as the interpreter ends, it is shut down."""
        present = self.serving()
        if isinstance(present, TracerProvider) and present is not self.active:
            present.add_span_processor(span_processor)
            return
        super().add_span_processor(span_processor)
        if self._atexit_handler is None:
            self._atexit_handler = atexit.register(self.shutdown)

    def hand_over(self, provider: TracerProvider) -> None:
        """Give what was added to the provider that the program has set."""
        added, self._shared._span_processors = self.added, ()  # noqa: SLF001
        for processor in added:
            provider.add_span_processor(processor)
        if self._atexit_handler is not None and provider._atexit_handler is not None:  # noqa: SLF001
            atexit.unregister(self._atexit_handler)
            self._atexit_handler = None

    def _handle_fork(self) -> None:
        self._tracers_lock = threading.Lock()


class SessionTracer(trace.ProxyTracer):
    """A tracer that outlives a session, and goes over to the provider that the program sets."""

    def __init__(self, owner: SessionProvider, *identity: Any) -> None:
        super().__init__(*identity)
        self._owner = owner
        self._identity = identity
        self._resolved: tuple[trace.TracerProvider | None, Tracer] = (None, self._noop_tracer)

    @property
    def _tracer(self) -> Tracer:
        provider, tracer = self._resolved
        serving = self._owner.serving()
        if provider is not serving:
            tracer = self._noop_tracer if serving is None else serving.get_tracer(*self._identity)
            self._resolved = (serving, tracer)
        return tracer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._tracer, name)  # what tracers of the SDK have: sampler, resource


class _Global:
    """Our provider in OpenTelemetry's global API, and who is notified of the program's."""

    provider: SessionProvider | None = None
    listeners: Final[list[Callable[[], None]]] = []


def make_global(provider: OurProvider) -> Callable[[], None]:
    """Let ``provider`` serve the global API if no other does; return the idempotent undo.

    The API lets a provider be set once. Ours takes the place without that, so that the first one
    that the program sets is accepted, as it would be without us.
    """
    present = trace.get_tracer_provider()
    if isinstance(present, trace.ProxyTracerProvider):
        seat = _Global.provider = _Global.provider or SessionProvider(provider)
        with trace._TRACER_PROVIDER_SET_ONCE._lock:  # noqa: SLF001 - a thread may be setting one
            if trace._TRACER_PROVIDER is None:  # noqa: SLF001
                trace._TRACER_PROVIDER = seat  # noqa: SLF001
        present = trace.get_tracer_provider()
    if not isinstance(present, SessionProvider):
        return lambda: None
    seat = present
    watch_setting(_hand_over)
    seat.serve(provider)
    return lambda: _leave(seat, provider)


def _leave(seat: SessionProvider, provider: OurProvider) -> None:
    """End a session's part; without anybody's processor the API is as it was before."""
    seat.rest(provider)
    if seat.active is None and trace._TRACER_PROVIDER is seat:  # noqa: SLF001
        trace._TRACER_PROVIDER = None  # noqa: SLF001
        forget_setting(_hand_over)


def _hand_over() -> None:
    forget_setting(_hand_over)
    seat, present = _Global.provider, trace._TRACER_PROVIDER  # noqa: SLF001
    if seat is not None and present is not seat and isinstance(present, TracerProvider):
        seat.hand_over(present)


def watch_setting(listener: Callable[[], None]) -> None:
    """Have ``listener`` called when the program has set its provider, on the thread that did.

    Args:
        listener: takes and raises nothing.
    """
    if listener not in _Global.listeners:
        _Global.listeners.append(listener)
    once: Any = trace._TRACER_PROVIDER_SET_ONCE  # noqa: SLF001 - what `set_tracer_provider` asks
    if "do_once" not in vars(once):
        once.do_once = _announcing(once.do_once)


def forget_setting(listener: Callable[[], None]) -> None:
    """Undo `watch_setting`; without a listener nothing of ours stays in OpenTelemetry's API."""
    if listener in _Global.listeners:
        _Global.listeners.remove(listener)
    if not _Global.listeners:
        vars(trace._TRACER_PROVIDER_SET_ONCE).pop("do_once", None)  # noqa: SLF001


def _announcing(do_once: Callable[[Callable[[], None]], bool]) -> Callable[..., bool]:
    def announce(action: Callable[[], None]) -> bool:
        is_first = do_once(action)
        if is_first:
            for listener in list(_Global.listeners):
                listener()
        return is_first

    return announce
