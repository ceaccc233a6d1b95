"""Delivers records; `build_exporter` makes one from its name without importing the others."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.errors import CodetracerError, ErrorCode, UsageError, did_you_mean
from codetracer_otel.model.protocols import Exporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.model.protocols import Notify


class ExporterContext(NamedTuple):
    """What an exporter may know about its session.

    Attributes:
        otlp: an object with what ``OTEL_EXPORTER_OTLP_*`` says (``sdk.settings.otel_environment``).
        notify: told of what happens to deliveries.
        no_color: colours are not wanted.
        is_child: multiprocessing spawned this process; its parent records to the same targets.
        run: returns the facts of this run for the head of a file, without secrets; None for none.
        exceptions: what sends exceptions as log records: an object with ``otlp``, as above, and
            ``keeps_events``; None leaves them events of spans.
    """

    otlp: Any
    notify: Notify
    no_color: bool = False
    is_child: bool = False
    run: Callable[[], Mapping[str, Any]] | None = None
    exceptions: Any = None


# Name -> function ``(target, context) -> Exporter`` as ``module:attribute``. What each takes as its
# target is in ``sdk/settings/exporter_specs.py``.
EXPORTERS: Final[dict[str, str]] = {
    "jsonl": "codetracer_otel.exporters.files.jsonl:build",
    "otlp": "codetracer_otel.exporters.otlp.exporter:build",
    "otlp-grpc": "codetracer_otel.exporters.otlp.grpc:build",
    "console": "codetracer_otel.exporters.console.exporter:build",
    "chrome": "codetracer_otel.exporters.files.chrome:build",
}


ENTRY_POINT_GROUPS: Final = ("codetracer_otel_exporters", "opentelemetry_traces_exporter")


def build_exporter(exporter: Any, context: ExporterContext) -> Exporter:
    """Return an exporter for a specification, or the object itself where it is one already.

    A name is looked up in `EXPORTERS`, then among the entry points of `ENTRY_POINT_GROUPS`; one
    with a dot or a colon in it is ``package.module:attribute`` or ``package.module.attribute``. A
    class or function found there is called, with the target if there is one.

    Args:
        exporter: ``name``, ``name=target``, an object with ``name`` and ``target``, an
            `Exporter`, or a ``SpanExporter``.
        context: of the session.

    Raises:
        UsageError: no exporter has this name, or it cannot be loaded.
    """
    if isinstance(exporter, str):
        name, _, target = exporter.partition("=")
        return _build_named(name.strip(), target.strip() or None, context)
    if hasattr(exporter, "target") and not hasattr(exporter, "export"):
        return _build_named(exporter.name, exporter.target, context)
    return _adapted(exporter, type(exporter).__name__)


def _build_named(name: str, target: str | None, context: ExporterContext) -> Exporter:
    if name in EXPORTERS:
        build: Callable[[str | None, ExporterContext], Exporter]
        build = _attribute_of(EXPORTERS[name])
        return build(target, context)
    found = _found(name)
    if found is None:
        raise _unknown(name)
    return _adapted(_called(found, name, target), name)


def _found(name: str) -> Any:
    """Return the object that an entry point or a dotted name refers to, or None."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - only for names that are not ours

    for group in ENTRY_POINT_GROUPS:
        for entry in entry_points(group=group, name=name):
            return _loaded(name, entry.load)
    if "." in name or ":" in name:
        return _loaded(name, lambda: _attribute_of(name))
    return None


def _attribute_of(path: str) -> Any:
    module, colon, attributes = path.partition(":")
    if not colon:
        module, _, attributes = path.rpartition(".")
    found: Any = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def _loaded(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:
        reason = type(error).__name__
        if isinstance(error, ImportError | AttributeError):  # others may tell what they read
            reason = f"{reason}: {error}"
        raise UsageError(
            f"exporter {name!r}: cannot be imported ({reason}); expected package.module:Class",
            ErrorCode.UNSUPPORTED_FORMAT,
        ) from error


def _called(found: Any, name: str, target: str | None) -> Any:
    if hasattr(found, "export") and not isinstance(found, type):
        return found
    try:
        return found() if target is None else found(target)
    except CodetracerError:
        raise
    except Exception as error:
        raise UsageError(
            f"exporter {name!r}: cannot be made, its constructor raised {type(error).__name__}",
            ErrorCode.UNSUPPORTED_FORMAT,
        ) from error


def _adapted(exporter: Any, name: str) -> Exporter:
    if isinstance(exporter, Exporter) and not _is_span_exporter(exporter):
        return exporter
    if callable(getattr(exporter, "export", None)) and callable(
        getattr(exporter, "shutdown", None)
    ):
        from codetracer_otel.exporters.otel_spans import OpenTelemetryExporter  # noqa: PLC0415 - the SDK

        return OpenTelemetryExporter(exporter)
    raise UsageError(
        f"exporter {name!r}: not an exporter, got {type(exporter).__name__}; expected a name, a "
        "codetracer_otel.model.protocols.Exporter or an OpenTelemetry SpanExporter",
        ErrorCode.UNSUPPORTED_FORMAT,
    )


def _is_span_exporter(exporter: object) -> bool:
    # whoever made one has imported its base class
    module = sys.modules.get("opentelemetry.sdk.trace.export")
    return module is not None and isinstance(exporter, module.SpanExporter)


def _unknown(name: str) -> UsageError:
    known = ", ".join(sorted(EXPORTERS))
    message = (
        f"exporter {name!r}: unknown name; expected one of {known}, none, an entry point of "
        f"{ENTRY_POINT_GROUPS[0]} or package.module:Class{did_you_mean(name, EXPORTERS)}"
    )
    return UsageError(message, ErrorCode.UNSUPPORTED_FORMAT)
