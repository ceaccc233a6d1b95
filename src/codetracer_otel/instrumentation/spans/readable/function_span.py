"""An OpenTelemetry span that stands for a running function: writes go into its open record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span, SpanContext, Status, TraceFlags, TraceState
from opentelemetry.trace import StatusCode as OpenTelemetryStatus

from codetracer_otel.filters.types import Action, learn_nothing
from codetracer_otel.instrumentation.spans.readable.reading import readable
from codetracer_otel.instrumentation.values.attribute_values import (
    LEFT_OUT,
    clean_attribute,
    without_named,
)
from codetracer_otel.instrumentation.values.exceptions import describe_exception
from codetracer_otel.instrumentation.values.safe_access import exact_text
from codetracer_otel.model.record import (
    EXTRAS,
    PLAN,
    SEGMENT,
    SPAN_ID,
    Event,
    Link,
    SpanDetails,
    StatusCode,
    TraceOnThread,
    exception_event,
    otel_span_id,
)
from codetracer_otel.model.value import REDACTED, attribute_value, cut_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from codetracer_otel.filters.types import Learn
    from codetracer_otel.instrumentation.spans.sampling import EventGate
    from codetracer_otel.model.bounds import SpanBounds
    from codetracer_otel.model.record import Record
    from codetracer_otel.model.value import Captured


class FunctionSpan(Span):
    """The span of a running function; inert once the function has ended.

    Args:
        record: the open record; dropped at its end.
        monotonic_ns: reads the clock of the record, for events without a timestamp.
        gate: which events are kept, or None for all.
        learn: takes attributes that are hidden because of their keys.
        capture: makes a captured value of an object that is no attribute.
    """

    __slots__ = (
        "_bounds",
        "_capture",
        "_context",
        "_gate",
        "_learn",
        "_monotonic_ns",
        "_record",
        "segment",
        "wire_id",
    )

    def __init__(
        self,
        record: Record,
        monotonic_ns: Callable[[], int],
        gate: EventGate | None = None,
        learn: Learn = learn_nothing,
        capture: Callable[[object], Captured] | None = None,
    ) -> None:
        self._learn = learn
        self._capture = capture
        self._record: Record | None = record
        self._bounds: SpanBounds = record[PLAN].bounds
        self._monotonic_ns = monotonic_ns
        self._gate = gate
        self.segment: TraceOnThread = record[SEGMENT]
        self.wire_id: int = record[SPAN_ID]
        self.read_flags()

    def read_flags(self) -> None:
        """Read the trace flags again, which a sampler may have changed."""
        self._context = SpanContext(
            self.segment.trace_id,
            otel_span_id(self.wire_id),
            is_remote=False,
            trace_flags=TraceFlags(self.segment.trace_flags),
            trace_state=TraceState.from_header([self.segment.trace_state]),
        )

    @property
    def name(self) -> str | None:
        """The function's span name, or None once it has ended."""
        return None if self._record is None else str(self._record[PLAN].name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(readable(self._context, self._record), name)  # libraries read open spans

    def get_span_context(self) -> SpanContext:
        """Return the identifiers, valid after the end too."""
        return self._context

    def is_recording(self) -> bool:
        """Return whether the function still runs."""
        return self._record is not None

    def finish(self) -> None:
        """Cut the span from its record: the function has ended."""
        self._record = None

    def end(self, end_time: int | None = None) -> None:
        """Do nothing: the function's return ends its span."""

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set several attributes; see `set_attribute`."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set an attribute unless the filter redacts or drops its key."""
        extras, key = self._extras(), exact_text(key) or ""
        if extras is None:
            return
        clean = self._judged(key, value) if key else None
        if clean is LEFT_OUT:
            return
        attributes = extras.attributes = extras.attributes or {}
        if not key or (key not in attributes and len(attributes) >= self._bounds.attributes):
            extras.dropped_attributes += 1
        else:
            attributes[key] = clean

    def add_event(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Add an event; ``timestamp`` is Unix time in ns."""
        fields = self._judged_all(attributes or {})
        event = Event(exact_text(name) or "", timestamp or self._now_ns(), fields)
        self._add(event)

    def add_link(
        self, context: SpanContext, attributes: Mapping[str, AttributeValue] | None = None
    ) -> None:
        """Add a link to another span."""
        extras = self._extras()
        if extras is None or not (context.is_valid or attributes or context.trace_state):
            return
        if len(extras.links or ()) >= self._bounds.links:
            extras.dropped_links += 1
            return
        link = Link(
            context.trace_id,
            context.span_id,
            context.trace_state.to_header(),
            int(context.trace_flags),
            self._judged_all(attributes or {}),
            context.is_remote,
        )
        extras.links = [*(extras.links or ()), link]

    def update_name(self, name: str) -> None:
        """Give the span another name."""
        extras = self._extras()
        if extras is not None:
            extras.name = exact_text(name) or None

    def set_status(
        self, status: Status | OpenTelemetryStatus, description: str | None = None
    ) -> None:
        """Set the status; OK is final, UNSET is ignored, as OpenTelemetry has it."""
        extras = self._extras()
        if extras is None or extras.status is StatusCode.OK:
            return
        code = status.status_code if isinstance(status, Status) else status
        text = status.description if isinstance(status, Status) else description
        if code is not OpenTelemetryStatus.UNSET:
            extras.status = StatusCode[code.name]
            is_error = code is OpenTelemetryStatus.ERROR
            extras.status_message = exact_text(text) if is_error else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Add an exception event; ``escaped`` is OpenTelemetry's deprecated attribute, ignored."""
        del escaped
        described = describe_exception(exception, timestamp or self._now_ns())
        event = exception_event(described)
        # the stack trace ends with the message, and so with its cut
        texts = {key: cut_text(text) for key, text in event.attributes.items()}
        own = texts if described.message_is_cut else event.attributes
        event.attributes = {**own, **self._judged_all(attributes or {})}
        self._add(event)

    def _now_ns(self) -> int:
        return self._monotonic_ns() + self.segment.wall_offset_ns

    def _extras(self) -> SpanDetails | None:
        record = self._record
        if record is None:
            return None
        if record[EXTRAS] is None:
            record[EXTRAS] = SpanDetails()
        extras: SpanDetails = record[EXTRAS]
        return extras

    def _add(self, event: Event) -> None:
        extras = self._extras()
        if extras is None:
            return
        if extras.events is None:
            extras.events = []
        count = len(extras.events)
        refused = self._gate is not None and not self._gate.keeps(event.name, count)
        if refused or count >= self._bounds.events:
            extras.dropped_events += 1
            return
        extras.events.append(event)

    def _judged_all(self, attributes: Mapping[str, AttributeValue]) -> dict[str, Any]:
        named = ((exact_text(key), value) for key, value in attributes.items())
        judged = ((key, self._judged(key, value)) for key, value in named if key)
        return {key: value for key, value in judged if value is not LEFT_OUT}

    def _judged(self, key: str, value: AttributeValue) -> Any:
        record = self._record
        attribute_rules = record[PLAN].attribute_rules if record is not None else None
        if attribute_rules is None:
            return clean_attribute(value, self._form)
        action = attribute_rules.attribute_action(key)
        if action is Action.ALLOW:
            clean = clean_attribute(value, self._form)
            return without_named(clean, attribute_rules.attribute_action, self._learn)
        if action is not Action.REDACT:
            return LEFT_OUT
        self._learn(value, ("attribute", key))
        return REDACTED

    def _form(self, value: object) -> Any:
        """Return what stands for an object, without running code of the program."""
        return LEFT_OUT if self._capture is None else attribute_value(self._capture(value))
