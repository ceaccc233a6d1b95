"""Builds the exporters of a session, each in a queue of its own."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.errors import CodetracerError, ErrorCode, UsageError
from codetracer_otel.exporters import ExporterContext, build_exporter
from codetracer_otel.sdk.delivery.export_queue import ExportQueue
from codetracer_otel.sdk.delivery.worker import unregistered
from codetracer_otel.sdk.otel.host_provider import ProviderExporter, host_provider
from codetracer_otel.sdk.parts.output_paths import other_exporters
from codetracer_otel.sdk.settings.error_policy import Origin
from codetracer_otel.sdk.settings.exporter_specs import ExporterSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from codetracer_otel.model.protocols import Exporter, Notify
    from codetracer_otel.sdk.settings.model import Settings

_PROVIDER: Final = ExporterSpec("provider")


def build_export_queues(
    settings: Settings,
    notify: Notify,
    on_thread_start: Callable[[], None],
    run: Callable[[], Mapping[str, Any]] | None = None,
) -> list[ExportQueue]:
    """Return a queue for each exporter of the settings that takes spans.

    Args:
        settings: of the session.
        notify: told of failures.
        on_thread_start: called first on the thread of each queue.
        run: returns the facts of this run that the head of a file states.

    Raises:
        CodetracerError: an exporter that the caller named cannot be built. One that the environment
            named is reported and left out.
    """
    if settings.disabled:
        return []
    notify = unregistered(notify)
    limit_s = settings.buffer.export_timeout_ms / 1000  # of one batch, for any exporter
    context = ExporterContext(
        replace(settings.otlp, timeout_s=min(settings.otlp.timeout_s, limit_s)),
        notify,
        settings.no_color,
        settings.launch.is_child,
        run,
        settings.exception_logs,
    )
    specs = other_exporters(settings)
    bounds = (settings.buffer.records, settings.buffer.bytes)
    export_queues = []
    for name, spec in zip(_queue_names(specs), specs, strict=True):
        with left_out_of_environment(settings, notify):
            exporter = _build_exporter(spec, context, settings)
            export_queues.append(
                ExportQueue(
                    name,
                    exporter,
                    *bounds,
                    notify,
                    on_thread_start,
                    is_waited_for=settings.waits_for(spec),
                )
            )
    return export_queues


@contextmanager
def left_out_of_environment(settings: Settings, notify: Notify) -> Iterator[None]:
    """Report what cannot be built in a block, where the environment named it; else let it raise."""
    try:
        yield
    except CodetracerError as error:
        if settings.exporters_origin is not Origin.ENVIRONMENT:
            raise
        message = f"left out an exporter that the environment names: {error.message}"
        notify("environment_ignored", "warn", error_code=error.code, message=message)


def _queue_names(specs: Sequence[object]) -> Iterator[str]:
    """Yield the name of each exporter; the second of a name gets a number."""
    seen: Counter[str] = Counter()
    for spec in specs:
        name = getattr(spec, "name", type(spec).__name__)
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} {seen[name]}"


def _build_exporter(spec: object, context: ExporterContext, settings: Settings) -> Exporter:
    if spec != _PROVIDER:
        return build_exporter(spec, context)
    provider = host_provider(settings.tracer_provider)
    if provider is None:
        raise UsageError(
            "exporter 'provider': no tracer provider of the OpenTelemetry SDK is set; expected "
            "configure(tracer_provider=...) or one that the program has made global before",
            ErrorCode.UNSUPPORTED_FORMAT,
        )
    return ProviderExporter(provider)
