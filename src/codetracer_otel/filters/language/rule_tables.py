"""Reads the tables ``sampling`` and ``events`` of a scope rule."""

from __future__ import annotations

from codetracer_otel.filters.language.tables import Table, shortened
from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.filters.patterns.pattern_error import PatternError


def read_sampling(rule: Table) -> dict[str, object]:
    """Return the good keys of ``[scope.rules.sampling]`` that are given."""
    content = rule.table("sampling")
    if content is None:
        return {}
    keys = ("ratio", "per", "max_per_second", "first", "min_duration_ms", "keep_errors")
    table = Table(rule.report, content, (*rule.path, "sampling"), keys)
    per = table.choice("per", ("trace", "span"))
    return _given(
        ratio=table.number("ratio", 0, 1),
        per_span=per == "span" if per is not None else None,
        max_per_second=table.number("max_per_second", 0),
        first=table.count("first"),
        min_duration_ns=_nanoseconds(table.number("min_duration_ms", 0, 1e12)),
        keep_errors=table.flag("keep_errors"),
    )


def read_events(rule: Table) -> dict[str, object]:
    """Return the good keys of ``[scope.rules.events]`` that are given."""
    content = rule.table("events")
    if content is None:
        return {}
    keys = ("lines", "names", "ratio", "max_per_span", "max_per_second", "exceptions", "io")
    table = Table(rule.report, content, (*rule.path, "events"), keys)
    return _given(
        lines=table.flag("lines"),
        names=_event_names(table),
        ratio=table.number("ratio", 0, 1),
        max_per_span=table.count("max_per_span"),
        max_per_second=table.number("max_per_second", 0),
        exceptions=table.flag("exceptions"),
        io=table.flag("io"),
    )


def _event_names(table: Table) -> tuple[str, ...] | None:
    names = table.texts("names")
    for index, name in enumerate(names or ()):
        try:
            compile_glob(name)
        except PatternError as error:
            table.report.add((*table.path, "names", index), f"{shortened(name)}: {error}")
    return names


def _given(**keys: object) -> dict[str, object]:
    return {key: value for key, value in keys.items() if value is not None}


def _nanoseconds(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1_000_000)
