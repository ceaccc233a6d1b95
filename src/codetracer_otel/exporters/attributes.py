"""Makes attribute values deliverable: what a protobuf library would refuse becomes text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.main_module import module_called
from codetracer_otel.model.value import INT64_MAX, INT64_MIN, Node, attribute_value, decimal
from codetracer_otel.model.value_texts import encodable
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from codetracer_otel.model.span_view import SpanView


# a metaclass may say something else, and run code for it
_read_qualname: Final = type.__dict__["__qualname__"].__get__
_read_module: Final = type.__dict__["__module__"].__get__
_MAX_DEPTH: Final = 16
_MAX_FIXED64: Final = 2**64 - 1
# from a subclass to the builtin type without running the subclass's methods
_EXACT: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__,
    int: int.__index__,
    float: float.__float__,
    bytes: bytes.__bytes__,
}


def unix_ns(time_ns: int) -> int:
    """Return a time in ns cut to what an unsigned 64-bit field holds."""
    return min(max(time_ns, 0), _MAX_FIXED64)


def exact_ns(time_ns: object) -> int:
    """Return a time that a program gave as an exact integer; 0 for what is no number."""
    kind = type(time_ns)
    if kind is int:
        return time_ns  # type: ignore[return-value]
    if kind is float and math.isfinite(time_ns):  # type: ignore[arg-type]
        return int(time_ns)  # type: ignore[call-overload,no-any-return]
    return int.__index__(time_ns) if issubclass(kind, int) else 0  # type: ignore[arg-type]


def deliverable(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes that every OpenTelemetry encoder accepts."""
    return {_key(key): plain(value) for key, value in attributes.items()}


def plain(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return a value made of OpenTelemetry's own types only.

    Integers beyond 64 bit become decimal text; objects become ``<type>``, and so does what lies
    deeper than ``depth`` levels, without running user code.
    """
    kind = type(value)
    if kind is str:
        return encodable(value)
    if kind is int:
        return value if INT64_MIN <= value <= INT64_MAX else decimal(value)
    if value is None or kind is bool or kind is float or kind is bytes:
        return value
    return _plain_other(value, depth)


def _plain_other(value: Any, depth: int) -> Any:
    kind = type(value)  # isinstance() would ask an object of the program for its `__class__`
    if kind is Node:
        return plain(attribute_value(value), depth)
    for base, copy in _EXACT.items():
        if issubclass(kind, base):
            return plain(copy(value), depth)
    if depth and issubclass(kind, Sequence):
        return tuple(plain(item, depth - 1) for item in value)
    if depth and issubclass(kind, Mapping):
        return {_key(key): plain(item, depth - 1) for key, item in value.items()}
    return f"<{module_called(str(_read_module(kind)))}.{_read_qualname(kind)}>"


def _key(key: Any) -> str:
    return encodable(key) if type(key) is str else str(plain(key, 0))


SCOPE_NAME: Final = "codetracer_otel"
# OpenTelemetry's newest stable semantic conventions, whose names our spans and resources use
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"


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
