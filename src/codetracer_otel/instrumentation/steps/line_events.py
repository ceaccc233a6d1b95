"""Makes span events of lines, on the spans of functions whose rule asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.model.record import CODE, EXTRAS, PLAN, SEGMENT, Event, SpanDetails
from codetracer_otel.model.step_entries import UNSET
from codetracer_otel.model.value import Node, attribute_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from codetracer_otel.filters.types import EventRules
    from codetracer_otel.instrumentation.spans.sampling import EventGate
    from codetracer_otel.model.record import Plan, Record
    from codetracer_otel.model.step_entries import StepPlan

LINE_EVENT: Final = "codetracer.line"
IO_EVENT: Final = "codetracer.io"

_MAX_TEXT: Final = 16 * 1024


class SpanEvents:
    """Adds events to the span of the function that runs on the calling thread.

    Args:
        current: returns the innermost recorded call of this thread, or None.
        gate_for: returns what decides about the events of a rule.
        monotonic_ns: the records' clock.
        max_events: of one span.
    """

    def __init__(
        self,
        current: Callable[[], Record | None],
        gate_for: Callable[[EventRules | None], EventGate | None],
        monotonic_ns: Callable[[], int],
        max_events: int,
    ) -> None:
        self._current = current
        self._gate_for = gate_for
        self._now = monotonic_ns
        self._max_events = max_events

    def add_line(self, code: CodeType, step_plan: StepPlan, entry: Any) -> None:
        """Add ``codetracer.line`` with the variables that changed; see `step_entries`."""
        record = self._current()
        if record is None or record[CODE] is not code:
            return
        attributes: dict[str, Any] = {}
        if type(entry) is int:
            attributes["code.line.number"] = entry
        else:
            attributes["code.line.number"] = entry[0]
            for position in range(1, len(entry), 2):
                value = entry[position + 1]
                if value is not UNSET:
                    variable = step_plan.variables[entry[position]]
                    kind = "local" if variable.kind == "argument" else variable.kind
                    shown = value if type(value) is Node else attribute_value(value)
                    attributes[f"codetracer.{kind}.{variable.name}"] = shown
        self._add(record, step_plan.plan.events, LINE_EVENT, attributes)

    def add_output(self, stream: str, text: str, line: int) -> None:
        """Add ``codetracer.io``; the pieces of one line are one event."""
        self._add_output(self._current(), stream, text, line)

    def add_output_of_others(self, stack: list[Record], stream: str, text: str) -> None:
        """Add ``codetracer.io`` to the innermost recorded call of another thread's stack.

        That call may end at this moment; then the event is late, and lost.
        """
        records = [entry for entry in list(stack) if entry[PLAN] is not None]
        self._add_output(records[-1] if records else None, stream, text, 0)

    def _add_output(self, record: Record | None, stream: str, text: str, line: int) -> None:
        if record is None:
            return
        rules = record[PLAN].events
        if rules is not None and not rules.io:
            return
        extras: SpanDetails | None = record[EXTRAS]
        last = extras.events[-1] if extras is not None and extras.events else None
        if last is not None and _goes_on(last, stream, line):
            last.attributes["text"] += text  # type: ignore[index]
            return
        attributes: dict[str, Any] = {"stream": stream, "text": text}
        if line:
            attributes["code.line.number"] = line
        self._add(record, rules, IO_EVENT, attributes)

    def _add(
        self, record: Record, rules: EventRules | None, name: str, attributes: dict[str, Any]
    ) -> None:
        extras: SpanDetails | None = record[EXTRAS]
        if extras is None:
            extras = record[EXTRAS] = SpanDetails()
        if extras.events is None:
            extras.events = []
        gate, count = self._gate_for(rules), len(extras.events)
        if count >= self._max_events or (gate is not None and not gate.keeps(name, count)):
            extras.dropped_events += 1
            return
        extras.events.append(Event(name, self._now() + record[SEGMENT].wall_offset_ns, attributes))


def _goes_on(event: Event, stream: str, line: int) -> bool:
    attributes = event.attributes
    if event.name != IO_EVENT or attributes["stream"] != stream:
        return False
    text = attributes["text"]
    is_same_line = attributes.get("code.line.number", 0) == line
    return is_same_line and not text.endswith("\n") and len(text) < _MAX_TEXT


class LineEvents:
    """Knows which functions have line events.

    Args:
        events: adds them.
    """

    def __init__(self, events: SpanEvents) -> None:
        self._events = events

    def for_plan(self, plan: Plan) -> Callable[[CodeType, StepPlan, Any], None] | None:
        """Return what takes the steps of a function, or None."""
        rules = plan.events
        return self._events.add_line if rules is not None and rules.lines else None
