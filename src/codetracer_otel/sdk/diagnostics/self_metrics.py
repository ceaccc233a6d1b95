"""The counters of a session as OpenTelemetry's own metrics, for whoever has set a meter provider.

Names and attributes are those of the semantic conventions for SDKs, ``otel.sdk.*``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from codetracer_otel.sdk.otel.resource import SCOPE_NAME
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from opentelemetry.metrics import CallbackOptions

    from codetracer_otel.sdk.session.session import Session

_UNIT: Final = "{span}"
_PIPELINE: Final = {
    "otel.component.type": "codetracer_otel_pipeline",
    "otel.component.name": "codetracer_otel_pipeline/0",
}
_COMPONENT_TYPES: Final[Mapping[str, str]] = {
    "otlp": "otlp_http_span_exporter",
    "otlp-grpc": "otlp_grpc_span_exporter",
}
_LOSSES_BEFORE: Final = {
    "buffer_full": "queue_full",
    "tail_memory": "tail_memory",
    "internal": "internal",
}
"""Reason of a loss before the exporters -> ``error.type``."""
_LANE_LOSSES: Final[Mapping[str, str]] = {
    "failed": "export_failed",
    "rejected": "rejected",
    "dropped_queue_full": "queue_full",
    "dropped_at_shutdown": "shutdown",
}
"""Counter of a queue -> ``error.type`` of the spans that it counts."""
_offered: list[Callable[[], Session | None]] = []


def offer_self_metrics(active_session: Callable[[], Session | None]) -> None:
    """Register the instruments, once per process; they are silent while no session runs.

    A meter provider that is set later gets them too: until then OpenTelemetry keeps them.

    Args:
        active_session: returns the running session as a reader collects.
    """
    if _offered:
        return
    _offered.append(active_session)
    meter = metrics.get_meter(SCOPE_NAME, VERSION)
    counter, gauge = meter.create_observable_counter, meter.create_observable_up_down_counter
    for create, name, observe in (
        (counter, "otel.sdk.span.started", spans_started),
        (counter, "otel.sdk.processor.span.processed", spans_processed),
        (gauge, "otel.sdk.processor.span.queue.size", queue_size),
        (gauge, "otel.sdk.processor.span.queue.capacity", queue_capacity),
        (counter, "otel.sdk.exporter.span.exported", spans_exported),
        (gauge, "otel.sdk.exporter.span.inflight", spans_inflight),
    ):
        create(name, [_callback(active_session, observe)], unit=_UNIT)


def _callback(
    active_session: Callable[[], Session | None],
    observe: Callable[[Session, Mapping[str, Any]], Iterator[Observation]],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def collect(_options: CallbackOptions) -> Iterable[Observation]:
        session = active_session()
        return [] if session is None else list(observe(session, session.stats()))

    return collect


def spans_started(_session: Session, stats: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield how many spans have ended so far, lost ones too; spans still open are not known."""
    lost = sum([stats["dropped"].get(cause, 0) for cause in ("buffer_full", "tail_memory")])
    lost += stats.get("tail", {}).get("spans", {}).get("dropped", 0)  # on purpose
    attributes = {"otel.span.sampling_result": "RECORD_AND_SAMPLE"}
    yield Observation(stats["recorded"] + lost, attributes)


def spans_processed(_session: Session, stats: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield how many spans were handed to the exporters, and how many were lost before."""
    dropped = stats["dropped"]
    yield Observation(stats["recorded"] - dropped.get("internal", 0), _PIPELINE)
    for cause, error_type in _LOSSES_BEFORE.items():
        if cause in dropped:
            yield Observation(dropped[cause], {**_PIPELINE, "error.type": error_type})


def queue_size(_session: Session, stats: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield how many spans wait to be handed to the exporters."""
    yield Observation(stats["queue_depth"], _PIPELINE)


def queue_capacity(session: Session, _stats: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield how many spans may wait."""
    yield Observation(session.settings.buffer.records, _PIPELINE)


def spans_exported(_session: Session, stats: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield how many spans each exporter has delivered, and how many were lost there."""
    for component, export_queue in _components(stats):
        yield Observation(export_queue.get("exported", 0), component)
        for counter, error_type in _LANE_LOSSES.items():
            if export_queue.get(counter):
                yield Observation(export_queue[counter], {**component, "error.type": error_type})


def spans_inflight(_session: Session, stats: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield how many spans wait for each exporter or are being delivered by it."""
    for component, export_queue in _components(stats):
        yield Observation(export_queue["queue_depth"], component)


def _components(stats: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], Mapping[str, Any]]]:
    for number, (name, export_queue) in enumerate(stats["exporters"].items()):
        kind = _COMPONENT_TYPES.get(name, name)
        yield {"otel.component.type": kind, "otel.component.name": f"{kind}/{number}"}, export_queue
