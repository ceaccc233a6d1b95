"""Turns the spans of traces into calls as `show` prints them, each completed when it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.analysis.captured_values import (
    ARGUMENT,
    LOCAL,
    RETURN,
    TAIL_REASON,
    short_text,
)
from codetracer_otel.cli.show.tree import Shown
from codetracer_otel.exporters.native.read.validation import TOPLEVEL
from codetracer_otel.model.value_texts import visible
from codetracer_otel.traces.reader import MAIN_THREAD
from codetracer_otel.traces.span_columns import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codetracer_otel.traces import Traces
    from codetracer_otel.traces.span_columns import Details

_MAX_VALUE: Final = 60
_MAX_LOCAL: Final = 120
_WHOLE: Final = 1 << 30
_NS_PER_MS: Final = 1e6
_ERROR: Final = int(Mark.ERROR)


def shown_spans(traces: Traces) -> Iterator[SpanCall]:
    """Yield every span, each behind the one it is in; of recordings what is below their top."""
    top = 0 if traces.is_timed else 1
    for index in traces.tree.order:
        call = SpanCall(traces, index)
        call.level -= top
        if call.level >= 0 or call.name != TOPLEVEL:
            yield call


class SpanCall(Shown):
    """A span whose values are read on demand.

    Attributes:
        index: of the span.
    """

    __slots__ = ("_traces", "index")

    def __init__(self, traces: Traces, index: int) -> None:
        spans = traces.spans
        thread = spans.thread_table[spans.threads[index]]
        length = spans.ends[index] - spans.starts[index]
        folded = spans.folded.get(index)
        super().__init__(
            spans.function_table[spans.functions[index]].name,
            traces.tree.depths[index],
            duration_ms=length / _NS_PER_MS if traces.is_timed else None,
            steps=None if traces.is_timed else length,
            error="error" if spans.marks[index] & _ERROR else "",
            thread="" if thread.name == MAIN_THREAD else thread.name,
            run=thread.run,
            count=folded.count if folded else 1,
        )
        self._traces = traces
        self.index = index
        if folded and traces.is_timed:
            self.duration_ms = folded.total / _NS_PER_MS

    def complete(self) -> None:
        """Read the values."""
        if self.details is None:
            self.details = self._traces.details(self.index)
            complete(self, self.details)


def complete(call: Shown, details: Details) -> None:
    """Add what details say."""
    call.details = details
    call.arguments = [
        (key.removeprefix(ARGUMENT), short_text(value, _MAX_VALUE))
        for key, value in details.values
        if key.startswith(ARGUMENT)
    ]
    result = [value for key, value in details.values if key == RETURN]
    call.result = short_text(result[0], _MAX_VALUE) if result else None
    call.trace_id, call.span_id = details.ids or ("", "")
    if call.error:
        call.error = _error(details)


def _error(details: Details) -> str:
    for name, _, values in details.events:
        if name == "exception":
            facts = dict(values)
            told = f"{facts.get('exception.type', '')}: {facts.get('exception.message', '')}"
            return str(facts.get("text", told))  # of a native recording it is one text
    return details.message or "error"


def detail_lines(call: Shown) -> Iterator[str]:
    """Yield every value of a call in full, one to a line, and its events."""
    call.complete()
    details = call.details
    if details is None:
        return
    if call.span_id:
        yield f"trace {call.trace_id} span {call.span_id}"
    yield from _value_lines(details.values)
    for name, _, values in details.events:
        yield f"event {name}"
        yield from _value_lines(values)
    for trace, span in details.links:
        yield f"linked to trace {trace} span {span}"


def error_lines(call: Shown) -> Iterator[str]:
    """Yield the locals of a call that an exception left, one to a line."""
    call.complete()
    if call.error and call.details is not None:
        for key, value in call.details.values:
            if key.startswith(LOCAL):
                yield f"{key.removeprefix(LOCAL)} = {short_text(value, _MAX_LOCAL)}"


def kept_text(call: Shown) -> str:
    """Return why the trace of a root was kept, where that was decided at its end."""
    values = [] if call.details is None else call.details.values
    reason = dict(values).get(TAIL_REASON)
    return "" if reason is None else f", kept for: {visible(str(reason))}"


def _value_lines(values: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for key, value in values:
        yield f"{key} = {short_text(value, _WHOLE)}"


def json_line(call: Shown) -> dict[str, Any]:
    """Return a call as an object of JSON."""
    call.complete()
    details = call.details
    values = [] if details is None else details.values
    arguments = {
        key.removeprefix(ARGUMENT): value for key, value in values if key.startswith(ARGUMENT)
    }
    attributes = {key: value for key, value in values if not key.startswith(ARGUMENT)}
    result = {"return": attributes.pop(RETURN)} if RETURN in attributes else {}
    length = "steps" if call.duration_ms is None else "duration_ms"
    return {
        "name": call.name,
        "level": call.level,
        "trace_id": call.trace_id or None,
        "span_id": call.span_id or None,
        "run": call.run,
        "thread": call.thread or MAIN_THREAD,
        length: call.amount,
        "error": call.error or None,
        "arguments": arguments,
        **result,
        "attributes": attributes,
        "events": [
            {"name": name, "attributes": dict(facts)}
            for name, _, facts in ([] if details is None else details.events)
        ],
    }
