"""Builds the exporters of a session, each in a lane of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.exporters import ExporterContext, build_exporter
from codetracer_otel.sdk.bootstrap.filesystem import other_exporters
from codetracer_otel.sdk.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.ports import Notify
    from codetracer_otel.sdk.settings import Settings


def build_lanes(
    settings: Settings, notify: Notify, on_thread_start: Callable[[], None]
) -> list[Lane]:
    """Return a lane for each exporter of the settings that takes spans.

    Raises:
        CodetracerError: an exporter cannot be built.
    """
    if settings.disabled:
        return []
    context = ExporterContext(settings.otlp, notify, settings.no_color)
    return [
        Lane(
            getattr(spec, "name", type(spec).__name__),
            build_exporter(spec, context),
            settings.buffer.records,
            notify,
            on_thread_start,
        )
        for spec in other_exporters(settings)
    ]
