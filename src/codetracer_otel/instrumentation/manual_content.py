"""What a hand-written span says: collected while it runs, redacted by shape once, at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.captured import REDACTED_NODE, Captured, attribute_value
from codetracer_otel.instrumentation.manual_claims import claimed_attributes
from codetracer_otel.instrumentation.manual_judgement import redact_content
from codetracer_otel.records import ARGUMENTS, EXTRAS, NOT_CAPTURED, RESULT, stack_trace_text

if TYPE_CHECKING:
    from codetracer_otel.filters.model import ContentRules
    from codetracer_otel.records import ExceptionRecord, Record

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
    """

    __slots__ = (
        "arguments",
        "attribute_names",
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

    def redact(self, rules: ContentRules | None) -> None:
        """Replace secrets that have a known shape, in every text at once."""
        error = self.error
        if error is not None and not error.stack_trace:
            error.stack_trace = stack_trace_text(error)
        names = [*self.arguments, *self.fields]
        before: list[Captured] = [*self.arguments.values(), *self.fields.values()]
        texts = [self.name, self.session_id]
        texts += [] if error is None else [error.message, error.stack_trace]
        results = [] if self.result is None else [self.result[0]]
        after = redact_content([*before, *results, *texts], rules)
        self._take(after[: len(before)], after[len(before) :])
        self.withheld = tuple(
            name
            for name, old, new in zip(names, before, after, strict=False)
            if new is REDACTED_NODE or new is not old
        )

    def _take(self, values: list[Captured], rest: list[Any]) -> None:
        if self.result is not None:
            self.result = (rest.pop(0),)
        self.name, self.session_id, *described = rest
        if self.error is not None:
            self.error.message, self.error.stack_trace = described
        count = len(self.arguments)
        self.arguments = dict(zip(self.arguments, values[:count], strict=True))
        self.fields = dict(zip(self.fields, values[count:], strict=True))

    def clear(self) -> None:
        """Forget the values: a context that outlives the span must not keep them."""
        self.arguments, self.fields, self.result, self.error = {}, {}, None, None

    def attributes(self) -> dict[str, Any]:
        """Return the OpenTelemetry attributes."""
        attributes: dict[str, Any] = {
            ARGUMENT_PREFIX + name: deliverable(value) for name, value in self.arguments.items()
        }
        for name, value in self.fields.items():
            for key in self.attribute_names.get(name, (name,)):
                attributes[key] = deliverable(value)
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
        attributes = claimed_attributes(record)
        for key in [key for key in attributes if key.startswith(ARGUMENT_PREFIX)]:
            if self.skipped is None or key.removeprefix(ARGUMENT_PREFIX) in self.skipped:
                del attributes[key]
        return attributes


def deliverable(value: Captured) -> Any:
    """Return a captured value as an attribute that any provider's exporter can encode."""
    plain = attribute_value(value)
    if isinstance(plain, tuple):
        return tuple([_encodable(item) for item in plain])
    return _encodable(plain)


def _encodable(value: Any) -> Any:
    # a lone surrogate makes OpenTelemetry's own exporters lose a whole batch
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


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
