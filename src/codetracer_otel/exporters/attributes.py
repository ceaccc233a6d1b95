"""Makes attribute values deliverable: what a protobuf library would refuse becomes text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from codetracer_otel.captured import INT64_MAX, INT64_MIN, Node, attribute_value, decimal

_MAX_DEPTH: Final = 16
_MAX_FIXED64: Final = 2**64 - 1
# from a subclass to the builtin type without running the subclass's methods
_EXACT: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__,
    int: int.__index__,
    float: float.__float__,
    bytes: bytes.__bytes__,
}


def encodable(text: str) -> str:
    """Return ``text`` with each lone surrogate as its visible escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def unix_ns(time_ns: int) -> int:
    """Return a time in ns cut to what an unsigned 64-bit field holds."""
    return min(max(time_ns, 0), _MAX_FIXED64)


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
    if isinstance(value, Node):
        return plain(attribute_value(value), depth)
    for base, copy in _EXACT.items():
        if isinstance(value, base):
            return plain(copy(value), depth)
    if depth and isinstance(value, Sequence):
        return tuple(plain(item, depth - 1) for item in value)
    if depth and isinstance(value, Mapping):
        return {_key(key): plain(item, depth - 1) for key, item in value.items()}
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _key(key: Any) -> str:
    return encodable(key) if isinstance(key, str) else str(plain(key, 0))
