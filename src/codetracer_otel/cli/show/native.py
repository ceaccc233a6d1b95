"""Reads a native trace for `show`: call by call, in the order of their beginnings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.cli.show.tree import Shown
from codetracer_otel.cli.terminal import complain
from codetracer_otel.errors import counted
from codetracer_otel.exporters.native import TraceError, TruncatedError, iter_trace, repair
from codetracer_otel.exporters.native.directory import EVENTS
from codetracer_otel.exporters.native.read.outline import Outline, value_in
from codetracer_otel.exporters.native.read.validation import TOPLEVEL, Validator
from codetracer_otel.exporters.native.tables import EventKind
from codetracer_otel.exporters.native.write.values import short_text
from codetracer_otel.filters.patterns.glob import compile_glob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codetracer_otel.cli.show.tree import Selection


def read_native(path: str, selection: Selection | None) -> Iterator[Shown]:
    """Return the calls of the trace in a directory; one that was cut off is repaired first.

    Args:
        path: of the directory.
        selection: calls that it does not select may be left out. None: every call is returned
            when it ends, without its values.

    Raises:
        TraceError: it is no trace.
        OSError: it cannot be read.
    """
    done = repair(path)
    if done.was_needed:
        complain(
            f"codetracer-otel: {path} was cut off: {done.removed_bytes} bytes removed, "
            f"{counted(done.closed_calls, 'open call')} ended"
        )
    return _Reader(selection).read(path)


class _Open:
    """A call that has not returned.

    Attributes:
        arguments: as the trace has them; so is ``result``, when it ends.
        steps: so far.
        place: among the calls that wait, or None where it is not wanted.
        has_failed: whether it, or one in it, did.
    """

    __slots__ = ("arguments", "call", "has_failed", "place", "result", "steps")

    def __init__(self, call: Shown, arguments: list[Any]) -> None:
        self.call = call
        self.arguments = arguments
        self.result: Any = None
        self.steps = 0
        self.place: int | None = None
        self.has_failed = False


class _Ended:
    """Gives every call when it ends."""

    def __init__(self) -> None:
        self.ready: list[Shown] = []

    def begin(self, entry: _Open) -> None:
        """Take note of a call."""

    def end(self, entry: _Open) -> None:
        """Give the call."""
        self.ready.append(entry.call)


class _Selected:
    """Gives the calls that may be selected, in the order of their beginnings.

    Calls that returned wait for those they are in, of which the outermost is held back only as
    long as it runs below ``<toplevel>``.

    Args:
        selection: what will be shown.
        variables: table of variable names; it grows.
    """

    def __init__(self, selection: Selection, variables: list[str]) -> None:
        self._variables = variables
        self.ready: list[Shown] = []
        self._waiting: list[Shown] = []
        self._only_failed = selection.errors
        # the way to a failure is known when it ends: then nothing is left out before
        is_early = not selection.errors
        self._depth = selection.depth if is_early and selection.depth else sys.maxsize
        name = selection.name if is_early else None
        self._matches = None if name is None else compile_glob(name)
        self._root = 0 if self._matches is None else None

    def begin(self, entry: _Open) -> None:
        """Let a call wait, if it may be selected."""
        if self._is_wanted(entry.call):
            entry.place = len(self._waiting)
            self._waiting.append(entry.call)

    def end(self, entry: _Open) -> None:
        """Complete a call that waits, or forget it."""
        if entry.place is None:
            pass
        elif self._only_failed and not entry.has_failed:
            del self._waiting[entry.place :]
        else:
            self._complete(entry)
        if not entry.call.level:
            self.ready += self._waiting
            self._waiting = []

    def _complete(self, entry: _Open) -> None:
        call = entry.call
        call.arguments = [
            (self._variables[item["variable_id"]], short_text(item["value"]))
            for item in entry.arguments
        ]
        call.result = None if call.error else short_text(entry.result)

    def _is_wanted(self, call: Shown) -> bool:
        if self._matches is not None:
            if self._root is not None and call.level <= self._root:
                self._root = None
            if self._root is None and self._matches(call.name):
                self._root = call.level
        return self._root is not None and call.level - self._root < self._depth


class _Reader:
    """Follows the events."""

    def __init__(self, selection: Selection | None) -> None:
        self._functions: list[str] = []
        self._variables: list[str] = []
        self._calls: _Ended | _Selected = (
            _Ended() if selection is None else _Selected(selection, self._variables)
        )
        self._thread = 1
        self._open: list[_Open] = []
        self._takers: Final[dict[str, Callable[[Any], None]]] = {
            "Function": lambda body: self._functions.append(body["name"]),
            "VariableName": self._variables.append,
            "Step": lambda _: self._steps(1),
            "Call": self._begin,
            "Return": self._end,
            "Event": self._event,
            "ThreadSwitch": self._switch,
        }

    def read(self, path: str) -> Iterator[Shown]:
        try:
            with open(os.path.join(path, EVENTS), "rb") as file:
                yield from self._read(Outline(file))
        except (TraceError, ValueError, RecursionError) as error:
            _say_what_is_wrong(path)
            raise TraceError("it cannot be read") from error

    def _read(self, outline: Outline) -> Iterator[Shown]:
        """Yield calls.

        Raises:
            TraceError: a rule is broken; which event does that is not known.
            ValueError: this is no array of events.
        """
        validator, take = Validator(), self._takers
        for piece in outline:
            for item in piece:
                if type(item) is list:
                    validator.check_steps(len(item))
                    self._steps(len(item))
                    continue
                event = _decoded(*item) if type(item) is tuple else item
                validator.check(event)
                ((name, body),) = event.items()  # type: ignore[union-attr]
                if name in take:
                    take[name](body)
            yield from self._calls.ready
            self._calls.ready.clear()
        validator.finish()

    def _steps(self, count: int) -> None:
        self._open[-1].steps += count

    def _event(self, body: Any) -> None:
        if body["kind"] == EventKind.ERROR:
            self._open[-1].call.error = body["content"]

    def _switch(self, body: Any) -> None:
        self._thread = body

    def _begin(self, body: Any) -> None:
        if self._open:
            self._open[-1].steps -= 1  # the one that announces the call
        name = self._functions[body["function_id"]]
        thread = f"thread {self._thread}" if self._thread != 1 else ""
        entry = _Open(Shown(name, len(self._open) - 1, thread=thread), body["args"])
        self._open.append(entry)
        if name != TOPLEVEL:
            self._calls.begin(entry)

    def _end(self, body: Any) -> None:
        entry = self._open.pop()
        entry.call.steps = entry.steps
        entry.has_failed = entry.has_failed or bool(entry.call.error)
        if self._open:
            self._open[-1].has_failed = self._open[-1].has_failed or entry.has_failed
            entry.result = body["return_value"]
            self._calls.end(entry)


def _decoded(function: int | None, text: bytes) -> dict[str, Any]:
    """Return a call or a return."""
    value = value_in(text)
    if function is None:
        return {"Return": {"return_value": value}}
    return {"Call": {"function_id": function, "args": value}}


def _say_what_is_wrong(path: str) -> None:
    """Read a trace that breaks a rule once more with every value, to find the rule and the place.

    Raises:
        TraceError: that says it.
    """
    try:
        for _ in iter_trace(path):
            pass
    except TruncatedError as error:
        rule = "this event is not valid JSON, but more events follow it; the file was not changed"
        raise TraceError(rule, error.event_index) from None
