"""The instrumentation scope that spans are delivered under."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.model.span_view import SpanView

SCOPE_NAME: Final = "codetracer_otel"
# the first release in which code.function.name, code.file.path and code.line.number are stable
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.33.0"


@dataclass(frozen=True, slots=True)
class Scope:
    """Who made a span, in OpenTelemetry's terms."""

    name: str
    version: str = ""
    schema_url: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@cache
def function_scope() -> Scope:
    """Return the scope of function spans: this package in its version."""
    return Scope(SCOPE_NAME, VERSION, SCHEMA_URL)


def scope_of(view: SpanView) -> Scope:
    """Return the scope of a span."""
    if view.scope == SCOPE_NAME and not view.scope_version:
        return function_scope()
    return Scope(view.scope, view.scope_version, view.scope_schema_url, view.scope_attributes)
