"""Reads the spans of a JSON-lines file: first where and when, later what is shown of them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.report.span_columns import NONE, Details, Mark

if TYPE_CHECKING:
    from codetracer_otel.report.span_columns import Spans

MAX_LINE: Final = 64 * 1024 * 1024
_MAX_NS: Final = 2**62
_TEXT_LENGTH: Final = 27  # 2026-01-31T12:00:00.000000Z
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ID_BITS: Final = 64
# a flag's own operators are slow
_ERROR, _SUSPENDED, _GENERATOR, _UNFINISHED = map(
    int, (Mark.ERROR, Mark.SUSPENDED, Mark.GENERATOR, Mark.UNFINISHED)
)

Line = dict[str, Any]


class Times:
    """Reads RFC 3339 texts, each second only once."""

    def __init__(self) -> None:
        self._seconds: dict[str, int] = {}

    def unix_ns(self, text: str) -> int:
        """Return Unix time in ns.

        Raises:
            ValueError: the text is no time.
        """
        if len(text) != _TEXT_LENGTH or text[19] != "." or text[26] != "Z":
            return self._other(text)
        fraction = text[20:26]
        if not (fraction.isascii() and fraction.isdigit()):
            raise ValueError(text)
        second = text[:19]
        seconds = self._seconds.get(second)
        if seconds is None:
            seconds = self._seconds[second] = self._other(second + "Z") // 1_000_000_000
        return seconds * 1_000_000_000 + int(fraction) * 1000

    def _other(self, text: str) -> int:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(text)
        passed = found - _EPOCH
        return ((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds) * 1000


class SpanIds:
    """Finds spans by trace id and span id, over all inputs."""

    def __init__(self) -> None:
        self._traces: dict[str, int] = {}
        self._spans: dict[int, int] = {}
        self._waiting: list[tuple[int, int]] = []

    def add(self, index: int, trace_id: str, span_id: str, parent_id: str | None) -> bool:
        """Take in a span; return False if its ids stand for another one already.

        Raises:
            ValueError: an id is not hexadecimal.
        """
        trace = self._traces.setdefault(trace_id, len(self._traces)) << _ID_BITS
        key = trace | _id(span_id)
        parent = trace | _id(parent_id) if parent_id else NONE
        if self._spans.setdefault(key, index) != index:
            return False
        if parent != NONE:
            self._waiting.append((index, parent))
        return True

    def connect(self, spans: Spans) -> int:
        """Give each span its parent; return how many parents are not there."""
        missing = 0
        for index, key in self._waiting:
            parent = self._spans.get(key, NONE)
            missing += parent == NONE
            spans.parents[index] = parent
        self._spans.clear()
        self._waiting.clear()
        return missing


def _id(text: str) -> int:
    number = int(text, 16)
    if number >> _ID_BITS:
        raise ValueError(text)
    return number


class JsonLinesSource:
    """A JSON-lines file.

    Args:
        path: of the file.
        ids: of the spans of all inputs.

    Raises:
        UsageError: it is not a file that can be read.
    """

    def __init__(self, path: str, ids: SpanIds) -> None:
        self.notes: list[str] = []
        self._path = path
        self._ids = ids
        self._times = Times()
        self._origin_ns = 0
        if os.path.exists(path) and not os.path.isfile(path):
            raise _unreadable(path, "it is not a regular file")
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - held until close()
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from error

    def read(self, spans: Spans, number: int) -> None:
        """Add every span; lines that are none are counted in ``notes``.

        Raises:
            UsageError: a line is too long, or none is a span.
        """
        before = len(spans)
        others = repeated = place = 0
        while data := self._file.readline(MAX_LINE):
            if len(data) == MAX_LINE:
                raise _unreadable(self._path, f"a line is longer than {MAX_LINE >> 20} MiB")
            outcome = self._take(data, spans, number, place)
            others += outcome is None and not data.isspace()
            repeated += outcome is False
            place += len(data)
        if len(spans) == before:
            raise _unreadable(self._path, "no line of it is a span")
        name = os.path.basename(self._path)
        if others:
            self.notes.append(f"{name}: {others:,} lines that are no spans were passed over")
        if repeated:
            self.notes.append(f"{name}: {repeated:,} spans with ids seen before were passed over")

    def details(self, place: int) -> Details:
        """Return what the line at this offset says."""
        self._file.seek(place)
        line = json.loads(self._file.readline())
        events = [event for event in _list(line.get("events")) if isinstance(event, dict)]
        links = [link for link in _list(line.get("links")) if isinstance(link, dict)]
        return Details(
            list(_mapping(line.get("attributes")).items()),
            [self._event(event) for event in events],
            [(str(link.get("trace_id")), str(link.get("span_id"))) for link in links],
            str(_mapping(line.get("status")).get("message") or ""),
            (line["trace_id"], line["span_id"]),
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _event(self, event: Line) -> tuple[str, int | None, list[tuple[str, Any]]]:
        try:
            time_ns = self._times.unix_ns(str(event.get("timestamp")))
        except ValueError:
            time_ns = None
        values = list(_mapping(event.get("attributes")).items())
        return str(event.get("name", "")), time_ns, values

    def _take(self, data: bytes, spans: Spans, number: int, place: int) -> bool | None:
        """Add the span of a line; return False for one seen before, None for no span."""
        try:
            line = json.loads(data)
            return self._add(line, spans, number, place)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return None

    def _add(self, line: Line, spans: Spans, number: int, place: int) -> bool | None:
        if line["schema"] != "span/1":
            return None
        attributes: Line = line["attributes"]
        start = self._times.unix_ns(line["timestamp"])
        end = start + max(round(line["duration_ms"] * 1_000_000), 0)
        if not -_MAX_NS < start <= end < _MAX_NS:
            return None
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
            return None
        if not self._ids.add(len(spans), line["trace_id"], line["span_id"], line["parent_span_id"]):
            return False
        spans.add(
            start,
            end,
            spans.function(
                name,
                file if isinstance(file, str) else "",
                line_number if isinstance(line_number, int) else 0,
            ),
            spans.thread(number, str(get("thread.name") or get("thread.id") or default)),
            NONE,
            marks,
            busy if isinstance(busy, int) and 0 <= busy < _MAX_NS else NONE,
            place,
            number,
        )
        return True


def _mapping(value: object) -> Line:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _unreadable(path: str, reason: str) -> UsageError:
    return UsageError(
        f"report: {path} cannot be shown: {reason}; expected the directory of a native trace, or "
        "a file as --exporter jsonl=FILE writes it",
        ErrorCode.UNSUPPORTED_FORMAT,
    )
