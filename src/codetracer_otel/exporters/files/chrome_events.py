"""Turns spans into the events of Chrome's Trace Event format."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.files.json_text import encode_line
from codetracer_otel.exporters.files.line_writer import MAX_LINE_BYTES
from codetracer_otel.model.record import StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codetracer_otel.model.record import Event
    from codetracer_otel.model.span_view import SpanView

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
        first = bisect_left(self._starts, start)
        if first < len(self._starts) and self._ends[-1] > end:
            return False
        if first and self._ends[first - 1] > start:
            return self._ends[first - 1] >= end
        self._starts[first:], self._ends[first:] = [start], [end]
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
        self._preamble = [self._name("process_name", _MAIN, process_name)]

    def events(self, spans: list[tuple[SpanView, str]]) -> Iterator[str]:
        """Yield the JSON of the events of spans, in the order in which the spans began.

        Args:
            spans: a batch's spans, each with the rule that chose it, or an empty text.
        """
        across = self._across([view for view, _ in spans])
        spans = sorted(spans, key=lambda span: (span[0].start_ns, -span[0].end_ns))
        for view, rule in spans:
            thread = self._thread(view)
            yield from self._preamble
            self._preamble.clear()
            yield from self._span(view, rule, thread, is_across=id(view) in across)
            for event in view.events:
                yield self._instant(event, thread)

    def _across(self, views: list[SpanView]) -> set[int]:
        """Return which spans do not nest among the calls of their thread, by ``id``."""
        return {
            id(view)
            for view in sorted(views, key=lambda view: (view.end_ns, -view.start_ns))
            if view.attributes.get(_SUSPENSIONS)
            or not self._occupied.setdefault(self._thread(view), Occupied()).take(
                view.start_ns, max(view.end_ns, view.start_ns)
            )
        }

    def _thread(self, view: SpanView) -> int:
        """Return the number of a span's thread: identifiers of the system exceed 32 bits."""
        identifier = view.attributes.get(_THREAD_ID)
        name = view.attributes.get(_THREAD_NAME)
        key = identifier, name  # the system gives an identifier again when its thread has ended
        number = self._threads.get(key)
        if number is None:
            others = len(self._threads.keys() - {_MAIN_KEY})
            number = _MAIN if key == _MAIN_KEY else _MAIN + 1 + others
            self._threads[key] = number
            text = str(name or identifier or "MainThread")
            self._preamble.append(self._name("thread_name", number, text))
        return number

    def _name(self, kind: str, thread: int, name: str) -> str:
        fields = {"ph": "M", "name": kind, "pid": self._pid, "tid": thread, "args": {"name": name}}
        return _encode(fields)

    def _span(self, view: SpanView, rule: str, thread: int, *, is_across: bool) -> Iterator[str]:
        common = {
            "name": view.name,
            "cat": view.scope or "span",
            "pid": self._pid,
            "tid": thread,
            "ts": self._us(view.start_ns),
        }
        if view.status is StatusCode.ERROR:
            common["cname"] = "terrible"
        arguments = _arguments(view, rule)
        if is_across:
            pair = common | {"id": view.span_id}
            yield _encode({"ph": "b", **pair, "args": arguments})
            yield _encode({"ph": "e", **pair, "ts": self._us(max(view.end_ns, view.start_ns))})
        else:
            duration = max(view.end_ns - view.start_ns, 0) / 1000
            yield _encode({"ph": "X", **common, "dur": duration, "args": arguments})

    def _instant(self, event: Event, thread: int) -> str:
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


def _encode(fields: Mapping[str, Any]) -> str:
    return encode_line(fields, MAX_LINE_BYTES).rstrip("\n")
