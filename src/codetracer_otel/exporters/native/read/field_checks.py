"""The smallest rules of a native trace: what a field is, and that it is in range."""

from __future__ import annotations

from typing import Any

from codetracer_otel.model.value import INT64_MAX


class Broken(Exception):  # noqa: N818 - becomes a TraceError with its event's number
    """A rule that an event breaks."""


def check_fields(body: Any, names: frozenset[str], subject: str) -> None:
    """Check that ``body`` is an object with exactly these fields."""
    if not isinstance(body, dict):
        raise Broken(f"{subject} is an object")
    if body.keys() != names:
        expected = ", ".join(sorted(names))
        raise Broken(f"{subject} has the fields {', '.join(sorted(body))}; expected {expected}")


def check_text(value: Any, subject: str) -> None:
    """Check that ``value`` is a text that can be encoded."""
    if not isinstance(value, str):
        raise Broken(f"{subject} is a text, got {type(value).__name__}")
    if not (value.isascii() or _is_encodable(value)):
        raise Broken(f"{subject} has a lone surrogate")


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_integer(value: Any, subject: str, least: int, most: int = INT64_MAX) -> None:
    """Check that ``value`` is an integer from ``least`` to ``most``."""
    if type(value) is not int:
        raise Broken(f"{subject} is an integer, got {type(value).__name__}")
    if not least <= value <= most:
        raise Broken(f"{subject} is out of range: {value}")


def check_index(value: Any, table: list[Any], subject: str) -> None:
    """Check that ``value`` is the number of an entry that ``table`` has."""
    if type(value) is not int:
        raise Broken(f"{subject} is an integer, got {type(value).__name__}")
    if not 0 <= value < len(table):
        raise Broken(f"{subject} {value} is not defined before its use")


def checked_list(value: Any, subject: str) -> list[Any]:
    """Return ``value``, which is an array."""
    if not isinstance(value, list):
        raise Broken(f"{subject} is an array")
    return value
