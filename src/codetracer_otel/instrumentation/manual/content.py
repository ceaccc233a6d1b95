"""Collects what a hand-written span says while it runs, and redacts it by shape at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.instrumentation.manual.call_adoption import adopted_attributes
from codetracer_otel.instrumentation.manual.field_policy import (
    changed_texts,
    redact_content,
    shown_text,
    shown_value,
)
from codetracer_otel.instrumentation.manual.session_scope import LONGEST_SESSION_ID
from codetracer_otel.model.record import ARGUMENTS, EXTRAS, NOT_CAPTURED, RESULT, stack_trace_text
from codetracer_otel.model.value import (
    REDACTED_NODE,
    Captured,
    Node,
    NodeKind,
    attribute_value,
    cut_text,
)
from codetracer_otel.model.value_texts import encodable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.filters.types import ContentRules
    from codetracer_otel.instrumentation.manual.field_policy import Changes
    from codetracer_otel.model.record import ExceptionRecord, Record

ARGUMENT_PREFIX = "codetracer.arg."


class SpanContent:
    """The values of one span, captured by name rules already.

    Attributes:
        name: of the span.
        arguments: of the call, by parameter.
        fields: what was recorded by hand.
        result: (captured return value,) where it was asked for.
        error: what left the span, or what it was marked with.
        session_id: of the evaluation.
        attribute_names: attribute keys of fields that have others than their own name.
        skipped: parameters that are told by nobody; None for all of them.
        withheld: names of what was redacted, by name or by shape; complete after `redact`.
        dropped: how many fields were beyond the limit.
    """

    __slots__ = (
        "arguments",
        "attribute_names",
        "dropped",
        "error",
        "fields",
        "name",
        "result",
        "session_id",
        "skipped",
        "withheld",
    )

    def __init__(self, name: str, session_id: str | None) -> None:
        self.name = name
        self.session_id = session_id
        self.arguments: dict[str, Captured] = {}
        self.fields: dict[str, Captured] = {}
        self.result: tuple[Captured] | None = None
        self.error: ExceptionRecord | None = None
        self.attribute_names: dict[str, tuple[str, ...]] = {}
        self.skipped: frozenset[str] | None = frozenset()
        self.withheld: tuple[str, ...] = ()
        self.dropped = 0

    @property
    def is_plain(self) -> bool:
        """Whether every text is a value of its own, and there is no exception."""
        has_outcome = self.error is not None or self.result is not None
        is_cut = self._session_id_is_cut
        return not (
            has_outcome or is_cut or has_inner_texts(self.fields) or has_inner_texts(self.arguments)
        )

    @property
    def _session_id_is_cut(self) -> bool:
        return self.session_id is not None and len(self.session_id) >= LONGEST_SESSION_ID

    def redact(self, rules: ContentRules | None) -> None:
        """Replace secrets that have a known shape, in every text at once."""
        changes = changed_texts(self._texts(), rules)
        if changes:
            self._replace(changes)
            return
        named = self.fields.items()
        if self.arguments:
            named = [*self.arguments.items(), *named]  # type: ignore[assignment]
        self.withheld = tuple([name for name, value in named if value is REDACTED_NODE])

    def _texts(self) -> list[Captured]:
        fields, error = self.fields, self.error
        session_id: Captured = self.session_id
        if self.session_id is not None and self._session_id_is_cut:
            session_id = cut_text(self.session_id)
        texts: list[Captured] = [self.name, session_id, *fields, *fields.values()]
        texts += self.arguments.values()
        if self.result is not None:
            texts += self.result
        if error is not None:
            error.stack_trace = error.stack_trace or stack_trace_text(error)
            texts += (_marked(error, error.message), _marked(error, error.stack_trace))
        return texts

    def _replace(self, changes: Changes) -> None:
        error = self.error
        self.name = shown_text(self.name, changes)
        if self.session_id is not None:
            was_cut = self._session_id_is_cut
            self.session_id = shown_text(self.session_id, changes, is_cut=was_cut)
        if self.result is not None:
            self.result = (shown_value(self.result[0], changes),)
        if error is not None:
            message, was_cut = error.message, error.message_is_cut
            error.message = shown_text(message, changes, is_cut=was_cut)
            trace = shown_text(error.stack_trace, changes, is_cut=was_cut)
            # some secrets are known only where they are all of a text
            is_same = not message or error.message == message
            error.stack_trace = trace if is_same else trace.replace(message, error.message)
        self._rename(changes)
        self.arguments, in_arguments = _shown(self.arguments, changes)
        self.fields, in_fields = _shown(self.fields, changes)
        self.withheld = (*in_arguments, *in_fields)

    def _rename(self, changes: Changes) -> None:
        keys = self.attribute_names
        for name in self.fields:
            shown = shown_text(name, changes)
            if shown != name and name in keys:
                keys[shown] = tuple([key.replace(name, shown) for key in keys.pop(name)])

    def clear(self) -> None:
        """Forget the values: a context that outlives the span must not keep them."""
        self.arguments, self.fields, self.result, self.error = {}, {}, None, None

    def attributes(self) -> dict[str, Any]:
        """Return the OpenTelemetry attributes."""
        attributes: dict[str, Any] = {}
        for name, value in self.arguments.items():
            attributes[ARGUMENT_PREFIX + name] = deliverable(value)
        keys_of = self.attribute_names
        for name, value in self.fields.items():
            shown = deliverable(value)
            for key in keys_of.get(name, (name,)):
                attributes[encodable(key)] = shown
        if self.result is not None:
            attributes["codetracer.return"] = deliverable(self.result[0])
        if self.session_id is not None:
            attributes["session.id"] = self.session_id
        if self.error is not None:
            attributes["error.type"] = self.error.type_name
        return attributes

    def attributes_of_call(self, record: Record, rules: ContentRules | None) -> dict[str, Any]:
        """Return the attributes of what the recorder captured of the same call."""
        _redact_record(record, rules)
        attributes = adopted_attributes(record)
        for key in [key for key in attributes if key.startswith(ARGUMENT_PREFIX)]:
            if self.skipped is None or key.removeprefix(ARGUMENT_PREFIX) in self.skipped:
                del attributes[key]
        return attributes


def _marked(error: ExceptionRecord, text: str) -> Captured:
    # The stack trace ends with the message, and so with its cut.
    return cut_text(text) if error.message_is_cut else text


def has_inner_texts(values: Mapping[str, Captured]) -> bool:
    """Return whether a value is more than text, numbers or a list of texts as an attribute is."""
    if Node not in map(type, values.values()):
        return False
    return any(type(value) is Node and not _is_flat(value) for value in values.values())


def _is_flat(node: Node) -> bool:
    if node is REDACTED_NODE:
        return True
    is_whole = node.kind is NodeKind.LIST or node.kind is NodeKind.TUPLE
    return is_whole and not node.omitted and all(type(item) is str for item in node.items)


def deliverable(value: Captured) -> Any:
    """Return a captured value as an attribute that any provider's exporter can encode."""
    kind = type(value)
    if kind is str or kind is bool or kind is float:
        return _encodable(value)
    plain = attribute_value(value)
    if isinstance(plain, tuple):
        return tuple([_encodable(item) for item in plain])
    return _encodable(plain)


def _encodable(value: Any) -> Any:
    # a lone surrogate makes OpenTelemetry's own exporters lose a whole batch
    return encodable(value) if isinstance(value, str) else value


def _shown(
    values: Mapping[str, Captured], changes: Changes
) -> tuple[dict[str, Captured], list[str]]:
    """Return values without their secrets, and the names of those that had one."""
    shown: dict[str, Captured] = {}
    withheld: list[str] = []
    for name, value in values.items():
        new_name, new = shown_text(name, changes), shown_value(value, changes)
        shown[new_name] = new
        if new is REDACTED_NODE or new is not value or new_name != name:
            withheld.append(new_name)
    return shown, withheld


def _redact_record(record: Record, rules: ContentRules | None) -> None:
    extras = record[EXTRAS]
    record[ARGUMENTS] = tuple(redact_content(record[ARGUMENTS], rules))
    if record[RESULT] is not NOT_CAPTURED:
        record[RESULT] = redact_content([record[RESULT]], rules)[0]
    extras.locals = _redact_assigned(extras.locals, rules)
    extras.globals = _redact_assigned(extras.globals, rules)


def _redact_assigned(values: tuple[Any, ...], rules: ContentRules | None) -> tuple[Any, ...]:
    assigned = [None if value is NOT_CAPTURED else value for value in values]
    redacted = redact_content(assigned, rules)
    return tuple(
        [old if old is NOT_CAPTURED else new for old, new in zip(values, redacted, strict=True)]
    )
