"""Reads the values of the keywords of ``configure``, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

from codetracer_otel.errors import ErrorCode, FilterError, Problem
from codetracer_otel.filters.language.sources import (
    FilterSource,
    filter_from_path,
    parse_chain_text,
    parse_stated_chain,
)
from codetracer_otel.sdk.settings.variables import did_you_mean, invalid, shown

CAPTURES: Final = ("args", "return", "locals", "globals")
KEYWORDS: Final = frozenset(
    {
        "trace_filter", "exporter", "functions", "capture", "trace", "policy", "service_name",
        "resource", "tracer_provider", "set_global", "builtin_filter", "session_id",
        "activation_path", "limits", "buffer", "capture_repr", "step_values", "value_format",
        "paths", "respect_parent", "propagate_threads", "signals", "learn_secrets",
    }
)  # fmt: skip


def unknown_keyword(name: str) -> Problem:
    """Return the problem of an option that does not exist."""
    message = (
        f"{shown(name)[1:-1]}: unknown option; expected one of {', '.join(sorted(KEYWORDS))}"
        f"{did_you_mean(name, KEYWORDS)}"
    )
    return Problem(ErrorCode.INVALID_POLICY_VALUE, message)


def split_chain(text: str) -> list[str]:
    """Return the absolute paths of a filter chain ``a.toml::b.toml``; blank parts are skipped."""
    return [source.label for source in parse_chain_text(text)]


def parse_filters(value: object, subject: str) -> tuple[object, ...] | Problem:
    """Return the absolute paths and inline filters of ``trace_filter``, in order."""
    single = isinstance(value, str | os.PathLike | FilterSource)
    items = [value] if single else value
    if isinstance(items, bytes | Mapping) or not isinstance(items, Iterable):
        return _not_a_filter(value, subject)
    found: list[object] = []
    for item in items:
        part = _parse_filter(item)
        if part is None:
            return _not_a_filter(item, subject)
        found += part
    return tuple(found)


def _parse_filter(item: object) -> list[object] | None:
    if isinstance(item, str):
        return _stated_paths(item)
    if isinstance(item, os.PathLike):
        path = os.fspath(item)
        return [filter_from_path(path).label] if isinstance(path, str) else None
    return [item] if isinstance(item, FilterSource) else None


def _stated_paths(text: str) -> list[object] | None:
    try:
        return [source.label for source in parse_stated_chain(text)]
    except FilterError:
        return None


def _not_a_filter(value: object, subject: str) -> Problem:
    expected = "a path, 'a.toml::b.toml', filter_from_text(...) or a sequence of those"
    return invalid(subject, "not a trace filter", value, expected)


def parse_capture(value: object, subject: str) -> frozenset[str] | Problem:
    """Return the parts of ``capture``: a sequence, or text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, bytes | Mapping) or not isinstance(items, Iterable):
        return invalid(subject, "wrong type", value, f"a subset of {', '.join(CAPTURES)}")
    names = [item.strip() if isinstance(item, str) else item for item in items]
    chosen = [name for name in names if name not in ("", "none")]
    for name in chosen:
        if name not in CAPTURES:
            hint = did_you_mean(name, CAPTURES) if isinstance(name, str) else ""
            return invalid(subject, "unknown part", name, f"any of {', '.join(CAPTURES)}{hint}")
    return frozenset(chosen)


def parse_exact_boolean(value: object, subject: str) -> bool | Problem:
    """Return a bool; nothing else is taken for one."""
    if isinstance(value, bool):
        return value
    return invalid(subject, "not a truth value", value, "True or False")


def parse_text(value: object, subject: str) -> str | Problem:
    """Return text that is not blank, without surrounding space."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    return invalid(subject, "not a text", value, "text that is not blank")


def parse_topics(value: object, subject: str) -> str | Problem:
    """Return the directives of ``trace``, still as text."""
    return value if isinstance(value, str) else invalid(subject, "wrong type", value, "text")


def parse_path(value: object, subject: str) -> str | Problem:
    """Return the absolute path of a file."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(path, str) and path.strip() and "\0" not in path:
        # the program may change its working directory, and resolve() would follow links
        return os.path.abspath(path)
    return invalid(subject, "not a path", value, "the path of a file")


def parse_resource(value: object, subject: str) -> object:
    """Return a mapping of attributes or an OpenTelemetry ``Resource``."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(getattr(value, "attributes", None), Mapping):
        return value
    return invalid(subject, "not a resource", value, "a mapping or an OpenTelemetry Resource")


def parse_provider(value: object, subject: str) -> object:
    """Return an OpenTelemetry ``TracerProvider``."""
    if callable(getattr(value, "get_tracer", None)):
        return value
    return invalid(subject, "not a provider", value, "an OpenTelemetry TracerProvider")
