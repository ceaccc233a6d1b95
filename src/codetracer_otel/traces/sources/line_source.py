"""Reads the spans of lines: first where and when, later what is shown of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import counted
from codetracer_otel.traces.inputs import unreadable
from codetracer_otel.traces.runs import LOSS_SCHEMA, RUN_SCHEMA
from codetracer_otel.traces.sources.chrome_trace import about_chrome_trace
from codetracer_otel.traces.sources.line_file import LineFile
from codetracer_otel.traces.sources.otlp_lines import spans_of
from codetracer_otel.traces.sources.times import Times
from codetracer_otel.traces.span_columns import NONE, Details, FoldedCalls, Mark

if TYPE_CHECKING:
    from codetracer_otel.traces.inputs import Input
    from codetracer_otel.traces.runs import Run
    from codetracer_otel.traces.sources.span_ids import SpanIds
    from codetracer_otel.traces.span_columns import Spans

SPAN_SCHEMA: Final = "span/1"
MAX_LINE: Final = 64 * 1024 * 1024
_MAX_NS: Final = 2**62
_IN_LINE: Final = 20  # bits of a span's number within its line
_NOT_OF_A_TRACE: Final = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
)
# a flag's own operators are slow
_ERROR, _SUSPENDED, _GENERATOR, _UNFINISHED = map(
    int, (Mark.ERROR, Mark.SUSPENDED, Mark.GENERATOR, Mark.UNFINISHED)
)

Line = dict[str, Any]


class LineSource:
    """JSON lines: of our own exporter, or OTLP/JSON of a Collector.

    Args:
        source: which ones.
        ids: of the spans of all inputs.

    Raises:
        UsageError: it is not a file that can be read.
    """

    def __init__(self, source: Input, ids: SpanIds) -> None:
        self.notes: list[str] = []
        self._input = source
        self._ids = ids
        self._times = Times()
        self._file = LineFile(source)
        self._run = NONE
        self._runs = 0
        self._repeated = 0
        self._latest: tuple[int, list[Line]] = (NONE, [])

    def read(self, spans: Spans, number: int) -> None:
        """Add every span; lines without one are counted in ``notes``.

        Raises:
            UsageError: a line is too long, or there are some and none is of a trace.
        """
        self._number = number
        self._run = len(spans.runs) - 1 if self._input.goes_on and spans.runs else NONE
        known = others = place = 0
        while data := self._file.read_line(MAX_LINE):
            if len(data) == MAX_LINE:
                raise unreadable(self._input.path, f"a line is longer than {MAX_LINE >> 20} MiB")
            if not data.isspace():
                is_known = self._take(data, spans, place)
                known += is_known
                others += not is_known
            place += len(data)
        if others and not known:
            reason = about_chrome_trace(self._input.path) or "no line of it is a span"
            raise unreadable(self._input.path, reason)
        self._note(others)

    def details(self, place: int) -> Details:
        """Return what the span at this place says."""
        offset, number = place >> _IN_LINE, place & ((1 << _IN_LINE) - 1)
        if self._latest[0] != offset:
            self._latest = (offset, spans_in(json.loads(self._file.line_at(offset))))
        return details_of(self._latest[1][number], self._times)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _note(self, others: int) -> None:
        label = self._input.label
        if others:
            self.notes.append(f"{label}: skipped {counted(others, 'line', ',')} without a span")
        if self._repeated:
            again = counted(self._repeated, "span", ",")
            self.notes.append(f"{label}: skipped {again} with the id of an earlier one")
        if self._file.is_broken:
            self.notes.append(
                f"{label}: the compressed file is damaged or cut off; shown is what comes before "
                "that place"
            )

    def _take(self, data: bytes, spans: Spans, place: int) -> bool:
        """Add what a line holds; return False for one that is not of a trace."""
        try:
            line = json.loads(data)
            schema = line.get("schema", "")
            if schema == SPAN_SCHEMA:
                return self._add(line, spans, self._times.unix_ns(line["timestamp"]), place)
            if "resourceSpans" in line:
                return self._add_all(line, spans, place)
            return self._take_other(line, schema, spans)
        except _NOT_OF_A_TRACE:
            return False

    def _add_all(self, line: Line, spans: Spans, place: int) -> bool:
        added = [
            self._add(span, spans, span["start_ns"], place, number)
            for number, span in enumerate(spans_of(line))
        ]
        return all(added)

    def _take_other(self, line: Line, schema: object, spans: Spans) -> bool:
        if schema == RUN_SCHEMA:
            self._begin(line, spans)
        elif schema == LOSS_SCHEMA:
            self._ended(line, spans).losses.append(line)
        else:
            return "resourceMetrics" in line or "resourceLogs" in line
        return True

    def _begin(self, facts: Line, spans: Spans) -> None:
        # a file that was rotated repeats the first line
        if self._run == NONE or spans.runs[self._run].facts != facts:
            self._run = NONE
            spans.runs[self._run_of(spans)].facts = facts

    def _ended(self, line: Line, spans: Spans) -> Run:
        """Return the run that a last line is of: spawned processes share their parent's file."""
        process = line.get("process_id")
        for run in reversed(spans.runs):
            if run.label == self._input.label and run.facts.get("process_id") == process:
                return run
        return spans.runs[self._run_of(spans)]

    def _run_of(self, spans: Spans) -> int:
        """Return the number of the run that lines belong to now."""
        if self._run == NONE:
            self._runs += 1
            self._run = spans.begin_run(self._input.label, self._runs)
        return self._run

    def _add(self, line: Line, spans: Spans, start: int, place: int, number: int = 0) -> bool:
        attributes: Line = line["attributes"]
        end = start + max(round(line["duration_ms"] * 1_000_000), 0)
        if not -_MAX_NS < start <= end < _MAX_NS:
            return False
        get = attributes.get
        kind = get("codetracer.kind", "")
        busy = get("codetracer.busy_ns", NONE)
        marks = (
            (line["status"]["code"] == "ERROR") * _ERROR
            | bool(get("codetracer.suspensions")) * _SUSPENDED
            | (kind in ("generator", "async_generator")) * _GENERATOR
            | bool(get("codetracer.unfinished")) * _UNFINISHED
        )
        name, file, line_number = line["name"], get("code.file.path"), get("code.line.number")
        default = "MainThread" if file else ""  # spans written by hand do not say their thread
        if not isinstance(name, str):
            return False
        index = len(spans)
        known = self._ids.add(index, line["trace_id"], line["span_id"], line["parent_span_id"])
        busy = busy if isinstance(busy, int) and 0 <= busy < _MAX_NS else NONE
        where = place << _IN_LINE | number, self._number
        if known != index:
            # a dump of a flight recorder tells of calls that are open, a later one of their ends
            if not spans.complete(known, end, marks, busy, *where):
                self._repeated += 1
            return True
        run = self._run_of(spans) if self._run == NONE else self._run
        spans.runs[run].spans += 1
        spans.add(
            start,
            end,
            spans.function(
                name,
                file if isinstance(file, str) else "",
                line_number if isinstance(line_number, int) else 0,
            ),
            spans.thread(run, str(get("thread.name") or get("thread.id") or default)),
            NONE,
            marks,
            busy,
            *where,
        )
        if "codetracer.folded.count" in attributes:
            spans.folded[index] = _folded(attributes)
        return True


def spans_in(line: Line) -> list[Line]:
    """Return the spans of a line, in our own form."""
    if "resourceSpans" in line:
        return list(spans_of(line))
    return [line] if line.get("schema", "") == SPAN_SCHEMA else []


def details_of(line: Line, times: Times) -> Details:
    """Return what a span says."""
    events = [event for event in _list(line.get("events")) if isinstance(event, dict)]
    links = [link for link in _list(line.get("links")) if isinstance(link, dict)]
    return Details(
        list(_mapping(line.get("attributes")).items()),
        [_event(event, times) for event in events],
        [(str(link.get("trace_id")), str(link.get("span_id"))) for link in links],
        str(_mapping(line.get("status")).get("message") or ""),
        (line["trace_id"], line["span_id"]),
    )


def _event(event: Line, times: Times) -> tuple[str, int | None, list[tuple[str, Any]]]:
    try:
        time_ns = times.unix_ns(str(event.get("timestamp")))
    except ValueError:
        time_ns = None
    values = list(_mapping(event.get("attributes")).items())
    return str(event.get("name", "")), time_ns, values


def _folded(attributes: Line) -> FoldedCalls:
    count, errors, total_us, longest_us = (
        max(attributes.get(f"codetracer.folded.{name}", 0), 0)
        for name in ("count", "errors", "total_us", "max_us")
    )
    total, longest = round(total_us * 1000), round(longest_us * 1000)
    return FoldedCalls(max(int(count), 1), int(errors), total, longest)


def _mapping(value: object) -> Line:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
