"""Turns spans into the events of Chrome's Trace Event format."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Time
from codetracer_otel.exporters.files.json_text import encode_line
from codetracer_otel.exporters.files.line_writer import MAX_LINE_BYTES
from codetracer_otel.exporters.files.templates import Field, Templates, mark
from codetracer_otel.model.record import PLAN, StatusCode
from codetracer_otel.model.span_view import SpanView, span_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codetracer_otel.model.record import Event, Plan, Record, TraceOnThread

    # start and end in Unix ns, thread, suspensions, and a span with its rule or a block's index
    _Placed = tuple[int, int, Any, Any, tuple[SpanView, str] | int]

_ARGUMENT: Final = "codetracer.arg."
_RETURN: Final = "codetracer.return"
_SUSPENSIONS: Final = "codetracer.suspensions"
_THREAD_ID: Final = "thread.id"
_THREAD_NAME: Final = "thread.name"
_MAIN: Final = 1
_MAIN_KEY: Final = (None, None)
_MAX_INTERVALS: Final = 10_000

# Readers hold microseconds as doubles, which are exact to the ns within a week; files of one run
# have the same origin.
_WEEK_NS: Final = 7 * 24 * 3600 * 1_000_000_000


class Occupied:
    """The times of one thread that are taken by calls, those inside of others left out."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> bool:
        """Take a time; return False if it lies across another one, which stays as it is."""
        if self._starts and start > self._starts[-1] and start >= self._ends[-1]:  # most follow
            self._starts.append(start)
            self._ends.append(end)
            return self._forget_oldest()
        first = bisect_left(self._starts, start)
        if first < len(self._starts) and self._ends[-1] > end:
            return False
        if first and self._ends[first - 1] > start:
            return self._ends[first - 1] >= end
        self._starts[first:], self._ends[first:] = [start], [end]
        return self._forget_oldest()

    def _forget_oldest(self) -> bool:
        if len(self._starts) > _MAX_INTERVALS:
            del self._starts[: _MAX_INTERVALS // 2], self._ends[: _MAX_INTERVALS // 2]
        return True


class ChromeEvents:
    """Makes events of the spans of one process.

    Args:
        pid: of the process.
        first_ns: Unix time of an early span, ns; times count from the beginning of its week.
        process_name: for people.
    """

    def __init__(self, pid: int, first_ns: int, process_name: str) -> None:
        self._pid = pid
        self._origin_ns = first_ns // _WEEK_NS * _WEEK_NS
        self._threads: dict[Any, int] = {}
        self._occupied: dict[int, Occupied] = {}
        self._templates = Templates(self._marked)
        self._preamble = [self._name("process_name", _MAIN, process_name)]

    def events(
        self, spans: Sequence[tuple[SpanView, str]], block: Any = None
    ) -> Iterator[bytes | memoryview]:
        """Yield the JSON of the events of spans, in the order in which the spans began.

        Args:
            spans: a batch's spans, each with the rule that chose it, or an empty text.
            block: the batch's records, if they are compiled code's.
        """
        placed = [_placed(view, rule) for view, rule in spans]
        if block is not None:
            placed = [*self._of_block(block), *placed]
        across = self._across(placed)
        written = self._written(block) if block is not None else ()
        for item in sorted(placed, key=lambda item: (item[0], -item[1])):
            key, span = item[2], item[4]
            thread = self._threads[key]
            yield from self._preamble
            self._preamble.clear()
            is_across = id(item) in across
            if isinstance(span, int):
                if not is_across and len(written[span]):
                    yield written[span]
                    continue
                span = seen(block[span])
            view, rule = span
            yield from self._span(view, rule, thread, is_across=is_across)
            for event in view.events:
                yield self._instant(event, thread)

    def at_end(self, name: str, facts: Mapping[str, Any]) -> bytes:
        """Return an instant of the whole process, now."""
        at = {"pid": self._pid, "tid": _MAIN, "ts": self._us(Time.time_ns())}
        return _encode({"ph": "i", "s": "p", "name": name, **at, "args": facts})

    def _of_block(self, block: Any) -> Iterator[_Placed]:
        segments = [(segment.wall_offset_ns, _thread_key(segment)) for segment in block.segments]
        for index, times in enumerate(block.times()):
            if times is None:
                yield _placed(*seen(block[index]))
            else:
                start, end, segment, suspensions = times
                offset, key = segments[segment]
                yield start + offset, end + offset, key, suspensions, index

    def _written(self, block: Any) -> Sequence[memoryview]:
        """Return what compiled code writes of each record, nothing of those that it does not."""
        texts = self._templates.render(
            block, self._thread_text, MAX_LINE_BYTES - 1, lambda _: b"", self._origin_ns
        )
        data = memoryview(texts)
        ends = [texts[index] for index in range(len(texts))]
        return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _thread_text(self, segment: TraceOnThread) -> bytes:
        return str(self._threads.get(_thread_key(segment), _MAIN)).encode()

    def _across(self, placed: list[_Placed]) -> set[int]:
        """Return which spans do not nest among the calls of their thread, by ``id``."""
        across = set()
        for item in sorted(placed, key=lambda item: (item[1], -item[0])):
            start, end, key, suspensions, _ = item
            occupied = self._occupied.setdefault(self._thread(key), Occupied())
            if suspensions or not occupied.take(start, max(end, start)):
                across.add(id(item))
        return across

    def _thread(self, key: Any) -> int:
        """Return the number of a thread: identifiers of the system exceed 32 bits."""
        identifier, name = key  # the system gives an identifier again when its thread has ended
        number = self._threads.get(key)
        if number is None:
            others = len(self._threads.keys() - {_MAIN_KEY})
            number = _MAIN if key == _MAIN_KEY else _MAIN + 1 + others
            self._threads[key] = number
            text = str(name or identifier or "MainThread")
            self._preamble.append(self._name("thread_name", number, text))
        return number

    def _marked(self, view: SpanView, plan: Plan) -> Mapping[str, Any]:
        """Return the fields of an event as a template has them."""
        del view.attributes[mark(Field.THREAD)]
        event = self._complete(view, plan.rule, 0)
        marks = {"tid": Field.THREAD, "ts": Field.START_US, "dur": Field.DURATION_US}
        return event | {name: mark(field) for name, field in marks.items()}

    def _name(self, kind: str, thread: int, name: str) -> bytes:
        fields = {"ph": "M", "name": kind, "pid": self._pid, "tid": thread, "args": {"name": name}}
        return _encode(fields)

    def _span(self, view: SpanView, rule: str, thread: int, *, is_across: bool) -> Iterator[bytes]:
        if not is_across:
            yield _encode(self._complete(view, rule, thread))
            return
        pair = self._common(view, thread) | {"id": view.span_id}
        yield _encode({"ph": "b", **pair, "args": _arguments(view, rule)})
        yield _encode({"ph": "e", **pair, "ts": self._us(max(view.end_ns, view.start_ns))})

    def _complete(self, view: SpanView, rule: str, thread: int) -> dict[str, Any]:
        duration = max(view.end_ns - view.start_ns, 0) / 1000
        common = self._common(view, thread)
        return {"ph": "X", **common, "dur": duration, "args": _arguments(view, rule)}

    def _common(self, view: SpanView, thread: int) -> dict[str, Any]:
        common = {
            "name": view.name,
            "cat": view.scope or "span",
            "pid": self._pid,
            "tid": thread,
            "ts": self._us(view.start_ns),
        }
        if view.status is StatusCode.ERROR:
            common["cname"] = "terrible"
        return common

    def _instant(self, event: Event, thread: int) -> bytes:
        fields = {
            "ph": "i",
            "s": "t",
            "name": event.name,
            "pid": self._pid,
            "tid": thread,
            "ts": self._us(event.time_ns),
            "args": event.attributes,
        }
        return _encode(fields)

    def _us(self, unix_ns: int) -> float:
        return (unix_ns - self._origin_ns) / 1000


def seen(record: Record) -> tuple[SpanView, str]:
    """Return the view of a record, and the rule that chose it."""
    return span_view(record, none=None), record[PLAN].rule


def _placed(view: SpanView, rule: str) -> _Placed:
    attributes = view.attributes
    key = attributes.get(_THREAD_ID), attributes.get(_THREAD_NAME)
    return view.start_ns, view.end_ns, key, attributes.get(_SUSPENSIONS), (view, rule)


def _thread_key(segment: TraceOnThread) -> tuple[Any, Any]:
    return (segment.thread_id, segment.thread_name) if segment.thread_id else _MAIN_KEY


def _arguments(view: SpanView, rule: str) -> Mapping[str, Any]:
    given, others = {}, {}
    for key, value in view.attributes.items():
        if key.startswith(_ARGUMENT):
            given[key.removeprefix(_ARGUMENT)] = value
        elif key not in (_RETURN, _THREAD_ID, _THREAD_NAME):
            others[key] = value
    found: dict[str, Any] = {"arguments": given} if given else {}
    if _RETURN in view.attributes:
        found["return"] = view.attributes[_RETURN]
    if others:
        found["attributes"] = others
    if view.status_message:
        found["status"] = view.status_message
    if rule:
        found["rule"] = rule
    ids = {"trace_id": view.trace_id, "span_id": view.span_id, "parent_id": view.parent_span_id}
    return found | {key: text for key, text in ids.items() if text}


def _encode(fields: Mapping[str, Any]) -> bytes:
    return encode_line(fields, MAX_LINE_BYTES).rstrip("\n").encode("ascii")
