"""Honors the file that ``OTEL_CONFIG_FILE`` names, as OpenTelemetry's own package reads it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import replace
from codetracer_otel.errors import ConfigurationError, ErrorCode, Problem
from codetracer_otel.model.bounds import SpanBounds
from codetracer_otel.sdk.otel.host_provider import host_provider
from codetracer_otel.sdk.otel.light_tracer import bound_of
from codetracer_otel.sdk.settings.exporter_specs import parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.sdk.settings.model import Settings

_VARIABLE: Final = "OTEL_CONFIG_FILE"
_OURS: Final = "codetracer"  # our entry point among the instrumentors


class ConfigFile:
    """A file of OpenTelemetry's declarative configuration, read and valid.

    Args:
        path: of the file, YAML or JSON.

    Raises:
        ConfigurationError: there is no such file, it is not valid, or nothing can read it.
    """

    def __init__(self, path: str) -> None:
        self._configuration: Any = _read(path)
        instrumentation = self._configuration.instrumentation_development
        listed = getattr(instrumentation, "python", None) or {}
        self._options: dict[str, Any] = {**(listed.pop(_OURS, None) or {})}
        self._options.pop("enabled", None)

    def keywords(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of a session; what its caller states wins over the file."""
        options = dict(self._options)
        if isinstance(options.get("exporter"), str):
            options["exporter"] = parts_of(options["exporter"])
        return options | {name: value for name, value in stated.items() if value is not None}

    @property
    def has_traces(self) -> bool:
        """Whether it says where spans go."""
        is_on = not self._configuration.disabled
        return is_on and self._configuration.tracer_provider is not None

    def apply(self, settings: Settings) -> Settings:
        """Set the providers and the propagators of the file, unless the program has set its own.

        They are set once in a process.

        Returns:
            the settings, switched off if the file says so.
        """
        if host_provider(None) is None:
            from opentelemetry.configuration import configure_sdk  # noqa: PLC0415 - it is installed

            configure_sdk(self._configuration)
        return replace(settings, disabled=bool(self._configuration.disabled))


def _read(path: str) -> Any:
    if not os.path.isfile(path):
        raise _problem("no such file", path)
    try:
        from opentelemetry.configuration import load_config_file  # noqa: PLC0415 - when asked for
    except ImportError as error:
        reason = f"needs opentelemetry-configuration ({error}); pip install it to read"
        raise _problem(reason, path) from error
    try:
        return load_config_file(path)
    except Exception as error:  # the package that reads it raises many kinds
        raise _problem(f"not valid, {type(error).__name__}: {error}", path) from error


def _problem(what: str, path: str) -> ConfigurationError:
    message = f"{_VARIABLE}: {what}, got {path!r}; expected a file of OpenTelemetry's configuration"
    return ConfigurationError([Problem(ErrorCode.INVALID_POLICY_VALUE, message)])


def with_limits_of_host(settings: Settings) -> Settings:
    """Return settings that hold the spans of calls to the limits of the host's provider."""
    host = host_provider(settings.tracer_provider)
    limits = getattr(host, "_span_limits", None)
    if limits is None:
        return settings
    bounds = SpanBounds(
        bound_of(limits.max_span_attributes),
        bound_of(limits.max_events),
        bound_of(limits.max_links),
        bound_of(limits.max_event_attributes),
        bound_of(limits.max_link_attributes),
        limits.max_span_attribute_length,
        limits.max_attribute_length,
    )
    return replace(settings, bounds=bounds)
