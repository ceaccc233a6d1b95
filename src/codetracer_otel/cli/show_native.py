"""Reads a native trace for `show`: call by call, in the order of their beginnings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.cli.show_tree import Shown
from codetracer_otel.exporters.native import iter_trace, repair
from codetracer_otel.exporters.native.tables import EventKind
from codetracer_otel.exporters.native.values import short_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOPLEVEL: Final = "<toplevel>"


def read_native(path: str) -> Iterator[Shown]:
    """Yield the calls of the trace in a directory; one that was cut off is repaired first.

    Raises:
        TraceError: it is no trace.
    """
    done = repair(path)
    if done.was_needed:
        sys.stderr.write(
            f"codetracer-otel: {path} was cut off: {done.removed_bytes} bytes removed, "
            f"{done.closed_calls} open calls ended\n"
        )
    return _Reader().read(path)


class _Reader:
    """Follows the events; a call is complete, and shown, when it has returned.

    Calls that returned wait for those they are in, of which the outermost is held back only as
    long as it runs below ``<toplevel>``.
    """

    def __init__(self) -> None:
        self._functions: list[str] = []
        self._variables: list[str] = []
        self._thread = 1
        self._open: list[Shown] = []
        self._waiting: list[Shown] = []

    def read(self, path: str) -> Iterator[Shown]:
        for event in iter_trace(path):
            if isinstance(event, dict):
                ((name, body),) = event.items()
                self._take(name, body)
                if len(self._open) <= 1 and self._waiting:
                    yield from self._waiting
                    self._waiting = []

    def _take(self, name: str, body: Any) -> None:
        if name == "Event" and body["kind"] == EventKind.ERROR:
            self._open[-1].error = body["content"]
        elif name == "Function":
            self._functions.append(body["name"])
        elif name == "VariableName":
            self._variables.append(body)
        elif name == "ThreadSwitch":
            self._thread = body
        elif name == "Step" and self._open:
            self._open[-1].steps = (self._open[-1].steps or 0) + 1
        elif name == "Call":
            self._begin(body)
        elif name == "Return":
            self._end(body["return_value"])

    def _begin(self, body: Any) -> None:
        if len(self._open) > 1:  # the step that announces the call is not one of the caller's
            self._open[-1].steps = (self._open[-1].steps or 1) - 1
        arguments = [
            (self._variables[item["variable_id"]], short_text(item["value"]))
            for item in body["args"]
        ]
        name = self._functions[body["function_id"]]
        thread = f"thread {self._thread}" if self._thread != 1 else ""
        call = Shown(name, len(self._open) - 1, arguments, steps=0, thread=thread)
        self._open.append(call)
        if name != _TOPLEVEL:
            self._waiting.append(call)

    def _end(self, value: Any) -> None:
        call = self._open.pop()
        if not call.error:
            call.result = short_text(value)
