"""Reads a native recording as spans; it holds order, not time, so that lengths are steps."""

from __future__ import annotations

import json
import marshal
import os
import tempfile
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.native.read.outline import Outline, value_in
from codetracer_otel.traces.inputs import not_opened, unreadable
from codetracer_otel.traces.runs import NATIVE, Run
from codetracer_otel.traces.sources.native_values import NativeTypes
from codetracer_otel.traces.span_columns import NONE, Details, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.traces.span_columns import Spans

_EVENTS: Final = "trace.json"
_METADATA: Final = "trace_metadata.json"
_ERROR_EVENT: Final = 11
_ERROR: Final = int(Mark.ERROR)  # a flag's own operators are slow
_STREAMS: Final = {0: "stdout", 2: "stderr", 3: "stdin", _ERROR_EVENT: "exception"}
_MAIN: Final = 1
_MAX_LINES: Final = 200
_SIZE_BYTES: Final = 8
_NOT_OF_A_TRACE: Final = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    RecursionError,
)
_UNFINISHED: Final = "the recording ends here"


class _Call:
    """A call that has not returned."""

    __slots__ = ("arguments", "events", "index", "lines", "marks")

    def __init__(self, index: int, arguments: Any) -> None:
        self.index = index
        self.arguments = arguments
        self.events: list[tuple[Any, int]] = []
        self.lines: list[int] = []
        self.marks = 0


class NativeSource:
    """The directory of a native recording.

    What is shown of a call waits in a temporary file without a name, so that it takes no memory.

    Args:
        path: of the directory.

    Raises:
        UsageError: it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.notes: list[str] = []
        self._path = path
        self._types = NativeTypes()
        self._variables: list[str] = []
        self._paths: list[str] = []
        self._functions: list[int] = []
        self._stack: list[_Call] = []
        self._clock = 0
        self._spooled = 0
        self._pending: list[int] = []
        try:
            self._file = open(os.path.join(self._path, _EVENTS), "rb")  # noqa: SIM115 - until close()
        except OSError as error:
            raise not_opened(path, error) from error
        self._spool = tempfile.TemporaryFile(prefix="codetracer-report-")  # noqa: SIM115 - until close()

    @property
    def name(self) -> str:
        """The directory's own name."""
        return os.path.basename(os.path.abspath(self._path))

    def read(self, spans: Spans, number: int) -> None:
        """Add every call.

        Raises:
            UsageError: this is no recording.
        """
        self._spans, self._number = spans, number
        before = len(spans)
        self._run = spans.begin_run(self.name)
        spans.runs[self._run] = run_of(self._path)
        self._thread = spans.thread(self._run, "MainThread")
        outline = Outline(self._file)
        take = self._takers()
        try:
            for piece in outline:
                for item in piece:
                    kind = type(item)
                    if kind is list:
                        self._steps(item)  # type: ignore[arg-type]
                    elif kind is tuple:
                        self._call_or_return(*item)
                    else:
                        for name, body in item.items():  # type: ignore[union-attr]
                            if name in take:
                                take[name](body)
        except _NOT_OF_A_TRACE as error:
            what = f"an event behind its {len(spans) - before:,} calls"
            reason = f"{what} is not of a native trace ({type(error).__name__})"
            raise unreadable(self._path, reason) from error
        self._finish(is_whole=outline.is_whole)

    def details(self, place: int) -> Details:
        """Return what was spooled at this offset.

        Raises:
            UsageError: a value of it is not of a native trace.
        """
        self._spool.seek(place)
        size = int.from_bytes(self._spool.read(_SIZE_BYTES))
        found = marshal.loads(self._spool.read(size))  # noqa: S302 - our own spool
        try:
            return self._shown(*found)
        except _NOT_OF_A_TRACE as error:
            reason = f"a value is not of a native trace ({type(error).__name__})"
            raise unreadable(self._path, reason) from error

    def _shown(self, arguments: Any, result: Any, events: list[Any], lines: list[int]) -> Details:
        plain = self._types.plain
        values = [
            (f"codetracer.arg.{self._variables[item['variable_id']]}", plain(item["value"]))
            for item in _decoded(arguments)
        ]
        if result is not None:
            values.append(("codetracer.return", plain(_decoded(result))))
        if lines:
            values.append(("lines", _line_text(lines)))
        return Details(values, [_event(body, at) for body, at in events])

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        self._spool.close()

    def _takers(self) -> dict[str, Callable[[Any], None]]:
        return {
            "Path": self._paths.append,
            "VariableName": self._variables.append,
            "Type": self._types.add,
            "Function": self._function,
            "Step": lambda body: self._steps([body["line"]]),
            "Call": lambda body: self._call(body["function_id"], body["args"]),
            "Return": lambda body: self._return(body["return_value"]),
            "Event": self._event,
            "ThreadSwitch": self._switch,
        }

    def _function(self, body: dict[str, Any]) -> None:
        name, path = body["name"], self._paths[body["path_id"]]
        self._functions.append(self._spans.function(name, path, int(body["line"])))

    def _steps(self, lines: list[int]) -> None:
        """Go past steps that follow each other."""
        self._settle()
        self._pending = lines
        self._clock += len(lines)

    def _settle(self) -> None:
        """Give the latest steps, which no call follows, to the innermost call."""
        if self._pending and self._stack:
            lines = self._stack[-1].lines
            if len(lines) <= _MAX_LINES:
                lines += self._pending[: _MAX_LINES + 1 - len(lines)]
        self._pending = []

    def _call_or_return(self, function: int | None, text: bytes) -> None:
        if function is None:
            self._return(text)
        else:
            self._call(function, text)

    def _call(self, function: int, arguments: Any) -> None:
        self._pending = self._pending[:-1]  # the last step announces the call
        self._settle()
        parent = self._stack[-1].index if self._stack else NONE
        index = self._spans.add(
            self._clock,
            self._clock,
            self._functions[function],
            self._thread,
            parent,
            0,
            NONE,
            0,
            self._number,
        )
        self._stack.append(_Call(index, arguments))

    def _return(self, result: Any) -> None:
        self._settle()
        self._clock += 1
        self._end(self._stack.pop(), result)

    def _end(self, call: _Call, result: Any) -> None:
        spans, index = self._spans, call.index
        spans.ends[index] = self._clock
        spans.marks[index] = call.marks
        spans.places[index] = self._spooled
        if call.marks & _ERROR:
            result = None
        data = marshal.dumps((call.arguments, result, call.events, call.lines))
        self._spooled += self._spool.write(len(data).to_bytes(_SIZE_BYTES) + data)

    def _event(self, body: dict[str, Any]) -> None:
        self._settle()
        call = self._stack[-1]
        if body["kind"] == _ERROR_EVENT:
            call.marks |= _ERROR
        call.events.append((body, self._clock))

    def _switch(self, body: int) -> None:
        name = "MainThread" if body == _MAIN else f"thread {body}"
        self._thread = self._spans.thread(self._run, name)

    def _finish(self, *, is_whole: bool) -> None:
        if not self._spooled and not self._stack:
            raise unreadable(self._path, "it holds no call")
        if self._stack:
            self._clock += 1
        while self._stack:
            call = self._stack.pop()
            call.marks |= Mark.UNFINISHED
            self._end(call, {"kind": "Raw", "r": _UNFINISHED})
        if not is_whole:
            self.notes.append(f"{self.name}: the recording breaks off; open calls end there")


def run_of(path: str) -> Run:
    """Return what the recording in a directory says of its run."""
    losses = _stated(path, "recorder", "losses")
    label = os.path.basename(os.path.abspath(path))
    return Run(label, losses=[losses] if isinstance(losses, dict) else [], exporter=NATIVE)


def _stated(path: str, part: str, name: str) -> Any:
    """Return an entry of a recording's metadata; None where it is not there."""
    try:
        with open(os.path.join(path, _METADATA), encoding="utf-8") as file:
            return json.load(file)[part][name]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _decoded(found: Any) -> Any:
    return value_in(found) if type(found) is bytes else found


def _event(body: dict[str, Any], at: int) -> tuple[str, int | None, list[tuple[str, Any]]]:
    name = _STREAMS.get(body["kind"], "event")
    values = [("text", str(body.get("content", "")))]
    if body.get("metadata"):
        values.insert(0, ("about", str(body["metadata"])))
    return name, at, values


def _line_text(lines: list[int]) -> str:
    text = " ".join(str(line) for line in lines[:_MAX_LINES])
    return f"{text} ..." if len(lines) > _MAX_LINES else text
