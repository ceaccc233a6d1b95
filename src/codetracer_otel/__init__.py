"""Function-level OpenTelemetry traces of unchanged Python programs."""

from __future__ import annotations

TYPE_CHECKING = False  # a type checker takes it for true; importing typing costs 10 ms
if TYPE_CHECKING:
    from codetracer_otel import ports, testing
    from codetracer_otel.errors import (
        CodetracerError,
        ConfigurationError,
        EnvironmentFailure,
        FilterError,
        InternalError,
        TargetError,
        UsageError,
    )
    from codetracer_otel.filters.language.sources import filter_from_text
    from codetracer_otel.sdk.entry_points.manual_api import (
        LogCorrelationFilter,
        PolicyTracer,
        WasmMemory,
        current_ids,
        event,
        instrument,
        register_topic,
        reload_trace,
        session_scope,
        span,
    )
    from codetracer_otel.sdk.session.configure import configure, install_metrics_sink, shutdown
    from codetracer_otel.sdk.session.session import Session
    from codetracer_otel.sdk.settings.error_policy import Policy
    from codetracer_otel.sdk.settings.limits import Buffer, Limits

    __version__: str

_ERRORS = (
    "CodetracerError",
    "ConfigurationError",
    "EnvironmentFailure",
    "FilterError",
    "InternalError",
    "TargetError",
    "UsageError",
)
_HAND_WRITTEN = (
    "LogCorrelationFilter",
    "PolicyTracer",
    "WasmMemory",
    "current_ids",
    "event",
    "instrument",
    "register_topic",
    "reload_trace",
    "session_scope",
    "span",
)
# Resolved at first use (PEP 562), so that importing the package does no work.
_HOMES = {
    "Buffer": "codetracer_otel.sdk.settings.limits",
    **dict.fromkeys(_ERRORS, "codetracer_otel.errors"),
    **dict.fromkeys(_HAND_WRITTEN, "codetracer_otel.sdk.entry_points.manual_api"),
    "Limits": "codetracer_otel.sdk.settings.limits",
    "Policy": "codetracer_otel.sdk.settings.error_policy",
    "Session": "codetracer_otel.sdk.session.session",
    "configure": "codetracer_otel.sdk.session.configure",
    "filter_from_text": "codetracer_otel.filters.language.sources",
    "install_metrics_sink": "codetracer_otel.sdk.session.configure",
    "shutdown": "codetracer_otel.sdk.session.configure",
}
_MODULES = ("ports", "testing")

__all__ = [
    "Buffer",
    "CodetracerError",
    "ConfigurationError",
    "EnvironmentFailure",
    "FilterError",
    "InternalError",
    "Limits",
    "LogCorrelationFilter",
    "Policy",
    "PolicyTracer",
    "Session",
    "TargetError",
    "UsageError",
    "WasmMemory",
    "__version__",
    "configure",
    "current_ids",
    "event",
    "filter_from_text",
    "install_metrics_sink",
    "instrument",
    "ports",
    "register_topic",
    "reload_trace",
    "session_scope",
    "shutdown",
    "span",
    "testing",
]


if not TYPE_CHECKING:  # else every misspelt name would be right

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415

        if name == "__version__":
            return import_module("codetracer_otel.version").VERSION
        if name in _MODULES:
            return import_module(f"codetracer_otel.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module 'codetracer_otel' has no attribute {name!r}")
        # kept: `span` is looked up at each call, and has a budget of some 100 ns
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
