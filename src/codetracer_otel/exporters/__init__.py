"""Where records go; `build_exporter` makes exporters of names, without importing the others."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.ports import Exporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.ports import Notify


class ExporterContext(NamedTuple):
    """What an exporter may know about its session.

    Attributes:
        otlp: an object with what ``OTEL_EXPORTER_OTLP_*`` says (``sdk.otel_environment``).
        notify: told of what happens to deliveries.
        no_color: colours are not wanted.
    """

    otlp: Any
    notify: Notify
    no_color: bool = False


# Name -> function ``(target, context) -> Exporter`` as ``module:attribute``.
EXPORTERS: Final[dict[str, str]] = {
    "jsonl": "codetracer_otel.exporters.jsonl:build",
    "otlp": "codetracer_otel.exporters.otlp:build",
    "otlp-grpc": "codetracer_otel.exporters.otlp_grpc:build",
    "console": "codetracer_otel.exporters.console:build",
}


def build_exporter(exporter: Any, context: ExporterContext) -> Exporter:
    """Return an exporter for a specification, or the object itself where it is one already.

    Args:
        exporter: an object with ``name`` and ``target``, an `Exporter`, or a ``SpanExporter``.
        context: of the session.

    Raises:
        UsageError: no exporter has this name.
    """
    name = getattr(exporter, "name", None)
    if isinstance(name, str) and hasattr(exporter, "target"):
        return _build_named(name, exporter.target, context)
    if _is_span_exporter(exporter):
        from codetracer_otel.exporters.otel import OpenTelemetryExporter  # noqa: PLC0415

        return OpenTelemetryExporter(exporter)
    if isinstance(exporter, Exporter):
        return exporter
    raise UsageError(f"exporter: neither a name nor an exporter, got {type(exporter).__name__}")


def _build_named(name: str, target: str | None, context: ExporterContext) -> Exporter:
    if name not in EXPORTERS:
        known = ", ".join(sorted(EXPORTERS))
        raise UsageError(
            f"exporter {name!r}: unknown name; expected one of {known}, or none",
            ErrorCode.UNSUPPORTED_FORMAT,
        )
    module, _, attribute = EXPORTERS[name].partition(":")
    build: Callable[[str | None, ExporterContext], Exporter]
    build = getattr(import_module(module), attribute)
    return build(target, context)


def _is_span_exporter(exporter: object) -> bool:
    from opentelemetry.sdk.trace.export import SpanExporter  # noqa: PLC0415 - 30 ms

    return isinstance(exporter, SpanExporter)
