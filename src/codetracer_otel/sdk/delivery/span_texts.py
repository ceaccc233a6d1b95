"""Finds and replaces the texts of records and views that are judged by content."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.attributes import SCOPE_NAME
from codetracer_otel.instrumentation.values.attribute_values import (
    attribute_texts,
    cut_texts,
    map_attribute,
)
from codetracer_otel.model.record import (
    ARGUMENTS,
    EXTRAS,
    NOT_CAPTURED,
    RESULT,
    SEGMENT,
    SpanDetails,
)
from codetracer_otel.model.value import Node, fitting, json_text, plain_value
from codetracer_otel.model.value_texts import map_texts, texts_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from codetracer_otel.model.bounds import SpanBounds
    from codetracer_otel.model.record import Event, Link, Record
    from codetracer_otel.model.span_view import SpanView
    from codetracer_otel.model.value import Captured

_WHOLE: Final[frozenset[int]] = frozenset()

_MESSAGE: Final = "exception.message"
_STACK_TRACE: Final = "exception.stacktrace"
Text = tuple[str, bool]  # the text, and whether its end was cut off
Change = Callable[[str, bool], str]  # what becomes of a text, which may have been cut off


def texts_of_extras(extras: SpanDetails) -> Iterator[Text]:
    """Yield the texts of what only some records have."""
    for value in (*extras.locals, *extras.globals):
        if type(value) is str:  # a generator for each number took most of the judging
            yield value, False
        elif type(value) is Node:
            yield from texts_in(value)
    yield from _texts_of_attributes(extras.attributes or {})
    yield from _texts_of_events(extras.events or ())
    yield from _texts_of_links(extras.links or ())
    for text in (extras.name, extras.status_message):
        if text:
            yield text, False
    if extras.exception is not None:
        # The stack trace ends with the message, and so with its cut.
        was_cut = extras.exception.message_is_cut
        yield extras.exception.message, was_cut
        yield extras.exception.stack_trace, was_cut


def texts_of_view(view: SpanView) -> Iterator[Text]:
    """Yield every text of a view that may be judged."""
    for text in (view.name, view.status_message, view.scope_version, view.trace_state):
        if text:
            yield text, False
    if view.scope != SCOPE_NAME:
        yield view.scope, False
    cut = view.cut_lengths
    yield from _texts_of_attributes(view.attributes, cut)
    yield from _texts_of_attributes(view.scope_attributes)
    yield from _texts_of_events(view.events, cut)
    yield from _texts_of_links(view.links, cut)


def _texts_of_events(events: Iterable[Event], cut: frozenset[int] = _WHOLE) -> Iterator[Text]:
    for event in events:
        yield event.name, False
        yield from _texts_of_attributes(event.attributes, cut)


def _texts_of_links(links: Iterable[Link], cut: frozenset[int] = _WHOLE) -> Iterator[Text]:
    for link in links:
        if link.trace_state:
            yield link.trace_state, False
        yield from _texts_of_attributes(link.attributes, cut)


def _texts_of_attributes(attributes: Any, cut: frozenset[int] = _WHOLE) -> Iterator[Text]:
    for key, value in attributes.items():
        yield key, False
        yield from attribute_texts(value, cut)


def replace_in_view(view: SpanView, change: Change) -> None:
    """Replace every text of a view by what ``change`` makes of it."""
    view.name = change(view.name, False)
    if view.status_message:
        view.status_message = change(view.status_message, False)
    if view.scope != SCOPE_NAME:
        view.scope = change(view.scope, False)
    if view.scope_version:
        view.scope_version = change(view.scope_version, False)
    if view.trace_state:
        view.trace_state = change(view.trace_state, False)
    view.attributes = _changed(view.attributes, change, view.cut_lengths)
    view.scope_attributes = _changed(view.scope_attributes, change)
    _replace_in_parts(view.events, view.links, change, view.cut_lengths)


def replace_in_record(record: Record, change: Change) -> None:
    """Replace every text of a record by what ``change`` makes of it."""
    record[ARGUMENTS] = tuple([map_texts(value, change) for value in record[ARGUMENTS]])
    if record[RESULT] is not NOT_CAPTURED:
        record[RESULT] = map_texts(record[RESULT], change)
    extras: SpanDetails | None = record[EXTRAS]
    if extras is None:
        return
    extras.locals = _changed_values(extras.locals, change)
    extras.globals = _changed_values(extras.globals, change)
    extras.attributes = _changed(extras.attributes, change) if extras.attributes else None
    _replace_in_parts(extras.events or (), extras.links or (), change)
    if extras.name:
        extras.name = change(extras.name, False)
    if extras.status_message:
        extras.status_message = change(extras.status_message, False)
    if extras.exception is not None:
        exception = extras.exception
        message = exception.message
        exception.message = change(message, exception.message_is_cut)
        trace = change(exception.stack_trace, exception.message_is_cut)
        exception.stack_trace = with_message(trace, message, exception.message)


REDACTION_KEY: Final = "codetracer.redaction"


def note_in_record(record: Record, places: Iterable[str]) -> None:
    """Say on a span why texts of it are hidden: where the secrets in them were hidden first."""
    extras: SpanDetails | None = record[EXTRAS]
    if extras is None:
        extras = record[EXTRAS] = SpanDetails()
    extras.attributes = {**(extras.attributes or {}), REDACTION_KEY: _reason(places)}


def note_in_view(view: SpanView, places: Iterable[str]) -> None:
    """Say on a span of others why texts of it are hidden."""
    view.attributes = {**view.attributes, REDACTION_KEY: _reason(places)}


def _reason(places: Iterable[str]) -> str:
    known = [f", first hidden as {place}" for place in places if place]
    return "known secret" + "; ".join(known)


def _replace_in_parts(
    events: Iterable[Event],
    links: Iterable[Any],
    change: Change,
    cut: frozenset[int] = _WHOLE,
) -> None:
    for event in events:
        event.name = change(event.name, False)
        message = event.attributes.get(_MESSAGE)
        event.attributes = changed = _changed(event.attributes, change, cut)
        trace, shown = changed.get(_STACK_TRACE), changed.get(_MESSAGE)
        if type(message) is type(trace) is type(shown) is str:
            changed[_STACK_TRACE] = with_message(trace, message, shown)
    for link in links:
        if link.trace_state:
            link.trace_state = change(link.trace_state, False)
        link.attributes = _changed(link.attributes, change, cut)


def with_message(trace: str, message: str, shown: str) -> str:
    """Return a stack trace in which a message is what was shown of it alone.

    Some secrets are known only where they are all of a text, as ``user:password@host`` is.
    """
    return trace.replace(message, shown) if message and shown != message else trace


def _changed_values(values: tuple[Any, ...], change: Change) -> tuple[Any, ...]:
    return tuple([value if value is NOT_CAPTURED else map_texts(value, change) for value in values])


def _changed(attributes: Any, change: Change, cut: frozenset[int] = _WHOLE) -> dict[str, Any]:
    return {
        change(key, False): map_attribute(value, change, cut) for key, value in attributes.items()
    }


def cut_texts_of_view(view: SpanView, bounds: SpanBounds) -> None:
    """Cut the texts of attributes to the lengths that the environment states."""
    view.attributes = _cut(view.attributes, bounds.text)
    _cut_parts((*view.events, *view.links), bounds.part_text)


def cut_texts_of_record(record: Record, bounds: SpanBounds) -> None:
    """Cut the texts of captured values, and of what a program has added to a function's span."""
    if bounds.text is not None:
        record[ARGUMENTS] = _fitting(record[ARGUMENTS], bounds.text)
        (record[RESULT],) = _fitting((record[RESULT],), bounds.text)
        record[SEGMENT].thread_name = record[SEGMENT].thread_name[: bounds.text]
    extras: SpanDetails | None = record[EXTRAS]
    if extras is None:
        return
    if bounds.text is not None:
        extras.locals = _fitting(extras.locals, bounds.text)
        extras.globals = _fitting(extras.globals, bounds.text)
    if extras.attributes:
        extras.attributes = _cut(extras.attributes, bounds.text)
    _cut_parts((*(extras.events or ()), *(extras.links or ())), bounds.part_text)


def _fitting(values: tuple[Any, ...], length: int) -> tuple[Any, ...]:
    return tuple([value if value is NOT_CAPTURED else fitting(value, length) for value in values])


def _cut_parts(parts: Iterable[Event | Link], length: int | None) -> None:
    for part in parts:
        part.attributes = _cut(part.attributes, length)


def _cut(attributes: Mapping[str, Any], length: int | None) -> dict[str, Any]:
    if length is None:
        return dict(attributes)
    return {key: cut_texts(value, length) for key, value in attributes.items()}


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
