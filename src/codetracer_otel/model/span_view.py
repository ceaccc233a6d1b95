"""Finished spans as exporters get them: batches of records, and views for slow readers."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import TYPE_CHECKING, Any

from codetracer_otel.data_classes import dataclass, replace
from codetracer_otel.model.bounds import first_of, plain_cut
from codetracer_otel.model.probability import with_threshold
from codetracer_otel.model.record import (
    ARGUMENTS,
    END,
    EXTRAS,
    NOT_CAPTURED,
    PARENT_ID,
    PLAN,
    RESULT,
    SEGMENT,
    SPAN_ID,
    START,
    Ending,
    StatusCode,
    exception_event,
    hex_span_id,
)
from codetracer_otel.model.value import NONE_TEXT, REDACTED, attribute_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codetracer_otel.model.bounds import SpanBounds
    from codetracer_otel.model.record import (
        Event,
        Link,
        Plan,
        Record,
        SpanDetails,
        TraceOnThread,
        Variable,
    )
    from codetracer_otel.model.value import AttributeValue, Captured


@dataclasses.dataclass(slots=True)  # compiled: one is made for each span
class SpanView:
    """A finished span, complete and convenient rather than fast to make.

    Attributes:
        name: for function spans, module and qualified name.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_span_id: 16 hexadecimal digits, or None for the root of a trace.
        start_ns: Unix time in ns.
        end_ns: Unix time in ns.
        attributes: by OpenTelemetry's names and ``codetracer.*``, redacted.
        events: with name, Unix time in ns and attributes.
        links: to other spans.
        status: ``UNSET``, ``OK`` or ``ERROR``.
        kind: OpenTelemetry span kind name: ``INTERNAL``, ``SERVER``, ``CLIENT``, ``PRODUCER``,
            ``CONSUMER``.
        trace_state: in the W3C format.
        trace_flags: of the W3C trace context; 1 for sampled.
        scope: instrumentation scope name; ``codetracer_otel`` for function spans.
        cut_lengths: lengths at which its attributes may have been cut before it came here: a text
            of exactly such a length, in code points, may once have been longer.
        text_rules: further rules for its texts, beside those for its name and file, or None.
    """

    name: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    start_ns: int
    end_ns: int
    attributes: dict[str, AttributeValue]
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    status: StatusCode = StatusCode.UNSET
    status_message: str | None = None
    kind: str = "INTERNAL"
    trace_state: str = ""
    trace_flags: int = 1
    parent_is_remote: bool = False
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    scope: str = "codetracer_otel"
    scope_version: str = ""
    scope_schema_url: str = ""
    scope_attributes: Mapping[str, Any] = field(default_factory=dict)
    cut_lengths: frozenset[int] = frozenset()
    text_rules: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """The spans of one delivery, redacted by name and by content; `views` gives all of them.

    Attributes:
        records: finished function spans in the recorder's own form, oldest first.
        spans: hand-written and library spans, already redacted.
        resource: resource attributes of this process.
        resource_schema: URL of the schema that names them, or empty.
    """

    records: Sequence[Record]
    spans: Sequence[SpanView]
    resource: Mapping[str, AttributeValue]
    resource_schema: str = ""

    def __len__(self) -> int:
        return len(self.records) + len(self.spans)

    def views(self, none: str | None = NONE_TEXT) -> Iterator[SpanView]:
        """Yield each span as a `SpanView`, with ``none`` in place of values that were None."""
        for record in self.records:
            yield span_view(record, none)
        yield from self.spans


def span_view(record: Record, none: str | None = NONE_TEXT) -> SpanView:
    """Build the slow, complete view of one finished function span.

    Args:
        record: of the span.
        none: what stands for a value that was None, see `attribute_value`.
    """
    segment: TraceOnThread = record[SEGMENT]
    extras: SpanDetails | None = record[EXTRAS]
    plan: Plan = record[PLAN]
    view = SpanView(
        name=plan.name,
        trace_id=f"{segment.trace_id:032x}",
        span_id=hex_span_id(record[SPAN_ID]),
        parent_span_id=hex_span_id(record[PARENT_ID]) if record[PARENT_ID] else None,
        start_ns=record[START] + segment.wall_offset_ns,
        end_ns=record[END] + segment.wall_offset_ns,
        attributes=_code_attributes(plan, segment),
        trace_state=state_of(plan, segment, extras),
        trace_flags=segment.trace_flags,
        parent_is_remote=bool(record[PARENT_ID]) and record[PARENT_ID] == segment.remote_parent_id,
    )
    _add_arguments(view.attributes, plan, record[ARGUMENTS], none)
    result = record[RESULT]
    if result is not NOT_CAPTURED:
        view.attributes["codetracer.return"] = attribute_value(result, none)
    if extras is not None:
        apply_extras(view, plan, extras, none)
    if len(view.attributes) > plan.bounds.attributes:
        view.attributes, dropped = first_of(view.attributes, plan.bounds.attributes)
        view.dropped_attributes += dropped
    return view


def state_of(plan: Plan, segment: TraceOnThread, extras: SpanDetails | None) -> str:
    """Return the trace state of a span, with the sampling threshold of its trace."""
    if plan.ratio_bound is None or (extras is not None and extras.sampling_ratio is not None):
        return segment.stored_state
    return with_threshold(segment.stored_state, plan.ratio_bound)


def apply_extras(
    view: SpanView, plan: Plan, extras: SpanDetails, none: str | None = NONE_TEXT
) -> None:
    """Add to a view what only some spans have."""
    _add_variables(view.attributes, plan.locals, extras.locals, none)
    _add_variables(view.attributes, plan.globals, extras.globals, none)
    _add_endings(view.attributes, extras)
    if extras.sampling_ratio is not None:
        view.attributes.pop("codetracer.sampling.ratio", None)
    view.attributes.update(extras.attributes or {})
    view.events.extend(extras.events or ())
    view.links.extend(extras.links or ())
    view.dropped_attributes = extras.dropped_attributes
    view.dropped_events = extras.dropped_events
    view.dropped_links = extras.dropped_links
    if extras.name is not None:
        view.name = extras.name
    _apply_status(view, plan.bounds, extras)
    _bound_parts(view, plan.bounds)


def _code_attributes(plan: Plan, segment: TraceOnThread) -> dict[str, AttributeValue]:
    longest = plan.bounds.text
    attributes: dict[str, AttributeValue] = {
        "code.function.name": plain_cut(plan.function_name, longest),
        "code.file.path": plain_cut(plan.file, longest),
        "code.line.number": plan.line,
    }
    if plan.sampling_ratio < 1.0:
        attributes["codetracer.sampling.ratio"] = plan.sampling_ratio
    if plan.kind != "function":
        attributes["codetracer.kind"] = plain_cut(plan.kind, longest)
    if segment.thread_id:
        attributes["thread.id"] = segment.thread_id
        attributes["thread.name"] = segment.thread_name
    return attributes


def _add_arguments(
    attributes: dict[str, AttributeValue],
    plan: Plan,
    values: tuple[Captured, ...],
    none: str | None,
) -> None:
    if len(values) != len(plan.argument_names):
        return  # kept only for its error: captured nothing
    by_name = dict(zip(plan.argument_names, values, strict=True))
    redacted = plain_cut(REDACTED, plan.bounds.text)
    for variable in plan.arguments:
        value = redacted if variable.redacted else by_name[variable.name]
        attributes[variable.attribute] = attribute_value(value, none)


def _add_variables(
    attributes: dict[str, AttributeValue],
    variables: tuple[Variable, ...],
    values: tuple[Any, ...],
    none: str | None,
) -> None:
    for variable, value in zip(variables, values, strict=False):
        if value is not NOT_CAPTURED:
            attributes[variable.attribute] = attribute_value(value, none)


def _add_endings(attributes: dict[str, AttributeValue], extras: SpanDetails) -> None:
    if extras.suspensions or extras.busy_ns:
        attributes["codetracer.busy_ns"] = extras.busy_ns
        attributes["codetracer.suspensions"] = extras.suspensions
    if extras.ending is Ending.CANCELLED:
        attributes["codetracer.cancelled"] = True
    elif extras.ending is Ending.ABANDONED:
        attributes["codetracer.abandoned"] = True
    elif extras.ending is Ending.UNFINISHED:
        attributes["codetracer.unfinished"] = True


def _apply_status(view: SpanView, bounds: SpanBounds, extras: SpanDetails) -> None:
    exception = extras.exception
    if exception is not None:
        if extras.ending is Ending.RAISED:
            view.attributes["error.type"] = plain_cut(exception.type_name, bounds.text)
            view.status, view.status_message = StatusCode.ERROR, exception.type_name
        if exception.innermost:
            event = exception_event(exception)
            texts = event.attributes.items()
            event.attributes = {key: plain_cut(text, bounds.part_text) for key, text in texts}
            view.events.append(event)
    if extras.status is not None:
        view.status, view.status_message = extras.status, extras.status_message


def _bound_parts(view: SpanView, bounds: SpanBounds) -> None:
    """Leave out the events and links, and the attributes of each, that are beyond a limit."""
    view.dropped_events += max(len(view.events) - bounds.events, 0)
    view.dropped_links += max(len(view.links) - bounds.links, 0)
    view.events = [_bounded(it, bounds.event_attributes) for it in view.events[: bounds.events]]
    view.links = [_bounded(it, bounds.link_attributes) for it in view.links[: bounds.links]]


def _bounded[Part: (Event, Link)](part: Part, count: int) -> Part:
    if len(part.attributes) <= count:
        return part
    kept, dropped = first_of(part.attributes, count)
    return replace(part, attributes=kept, dropped_attributes=part.dropped_attributes + dropped)
