"""Captured values as text, for backends whose index wants one type per attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.model.record import ARGUMENTS, EXTRAS, NOT_CAPTURED, RESULT
from codetracer_otel.model.value import json_text, plain_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.model.record import Record
    from codetracer_otel.model.span_view import SpanView
    from codetracer_otel.model.value import Captured

_CAPTURED: Final = (
    "codetracer.arg.",
    "codetracer.local.",
    "codetracer.global.",
    "codetracer.return",
)


def render_as_texts(records: Sequence[Record], views: Sequence[SpanView]) -> None:
    """Leave nothing but text behind, in place."""
    for record in records:
        _render_record(record)
    for view in views:
        _render_view(view)


def text_of(value: Captured) -> str:
    """Return a captured value as text: scalars in Python's form, containers as compact JSON."""
    plain = plain_value(value)
    if isinstance(plain, str):
        return plain
    return json_text(plain) if isinstance(plain, list | dict) else str(plain)


def _render_record(record: Record) -> None:
    record[ARGUMENTS] = _texts(record[ARGUMENTS])
    if record[RESULT] is not NOT_CAPTURED:
        record[RESULT] = text_of(record[RESULT])
    extras = record[EXTRAS]
    if extras is not None:
        extras.locals, extras.globals = _texts(extras.locals), _texts(extras.globals)


def _texts(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([value if value is NOT_CAPTURED else text_of(value) for value in values])


def _render_view(view: SpanView) -> None:
    """Render what a hand-written span carries of its function's captured values."""
    for key, value in view.attributes.items():
        if key.startswith(_CAPTURED) and not isinstance(value, str):
            plain = list(value) if isinstance(value, tuple | list) else value
            view.attributes[key] = json_text(plain) if isinstance(plain, list) else str(plain)
