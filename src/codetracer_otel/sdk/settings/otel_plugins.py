"""Finds out whether what an environment names among OpenTelemetry's plugins is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.sdk.settings.variables import did_you_mean, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.errors import Problem

SAMPLER_GROUP: Final = "opentelemetry_traces_sampler"

NAMED_SAMPLERS: Final = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
"""The samplers that OpenTelemetry knows without an entry point."""
RULES_SAMPLER: Final = "codetracer_rules"

# Variable -> (entry point group, names that are known without looking).
_PLUGINS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "OTEL_PYTHON_TRACER_PROVIDER": ("opentelemetry_tracer_provider", ()),
    "OTEL_PYTHON_METER_PROVIDER": ("opentelemetry_meter_provider", ()),
    "OTEL_PROPAGATORS": ("opentelemetry_propagator", ("none", "tracecontext", "baggage")),
    "OTEL_TRACES_SAMPLER": (SAMPLER_GROUP, (*NAMED_SAMPLERS, RULES_SAMPLER)),
}


def missing_plugins(environ: Mapping[str, str]) -> list[Problem]:
    """Return the problem of each variable that names a plugin which is not installed."""
    found = (_missing(variable, environ.get(variable, "")) for variable in _PLUGINS)
    return [problem for problem in found if problem is not None]


def _missing(variable: str, text: str) -> Problem | None:
    group, known = _PLUGINS[variable]
    for name in (part.strip() for part in text.split(",")):
        if name and name.lower() not in known and not _is_installed(group, name):
            hint = did_you_mean(name, known)
            return invalid(variable, "not installed", name, f"an entry point of {group}{hint}")
    return None


def _is_installed(group: str, name: str) -> bool:
    from importlib.metadata import entry_points  # noqa: PLC0415 - seldom needed, and 10 ms

    return bool(entry_points(group=group, name=name))
