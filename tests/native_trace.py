"""A native trace in memory, every rule of its format checked, and the calls it tells of."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.native import TraceError
from codetracer_otel.exporters.native.directory import METADATA, PATHS
from codetracer_otel.exporters.native.read.reader import checked_events
from codetracer_otel.exporters.native.read.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_METADATA_FIELDS: Final = frozenset(
    {
        "workdir",
        "program",
        "args",
        "recording_id",
        "recorder",
        "process_exit_status",
        "trace_filter",
    }
)
_UUID_VERSION: Final = 7


@dataclass(slots=True)
class TracedCall:
    """One call of a trace.

    Attributes:
        name: of the function.
        path: of its file.
        line: its first line.
        arguments: name -> value, as the trace has it.
        thread: number of its thread; 1 is the one that began the recording.
        lines: the lines it stepped on, without the step that announces the call.
        values: for each of ``lines`` name -> value.
        events: what was written, read or raised in it.
        children: the calls in it, in order.
        result: the value it returned.
    """

    name: str
    path: str
    line: int
    arguments: dict[str, Any] = field(default_factory=dict)
    thread: int = 1
    lines: list[int] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    children: list[TracedCall] = field(default_factory=list)
    result: Any = None

    def walk(self) -> Iterator[TracedCall]:
        """Yield this call and those below it, in the order of their beginnings."""
        pending = [self]
        while pending:
            call = pending.pop()
            yield call
            pending.extend(reversed(call.children))


@dataclass(frozen=True, slots=True)
class Trace:
    """A native trace in memory.

    Attributes:
        events: as they stand in ``trace.json``.
        metadata: ``trace_metadata.json``.
        paths: table of paths.
        functions: table of (path number, line, name).
        variables: table of variable names.
        types: table of (kind, name, number of fields).
    """

    events: list[Any]
    metadata: dict[str, Any]
    paths: list[str]
    functions: list[tuple[int, int, str]]
    variables: list[str]
    types: list[tuple[int, str, int]]

    @property
    def root(self) -> TracedCall:
        """The call of ``<toplevel>``, with everything below it."""
        tree = CallTree()
        for event in self.events:
            tree.take(event)
        assert tree.root is not None
        return tree.root


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read and validate the native trace in a directory.

    Every rule that readers of the format rely on is checked: tables are positional and defined
    before their use, calls and returns are balanced, values have the types they say,
    ``<toplevel>`` frames the whole.

    Raises:
        TraceError: a rule is broken; ``event_index`` names the first event that does.
        OSError: a file cannot be read.
    """
    directory = os.fspath(path)
    validator = Validator()
    events = list(checked_events(directory, validator))
    metadata = _load(directory, METADATA)
    _check_metadata(metadata)
    _check_paths(_load(directory, PATHS), validator.paths)
    return Trace(
        events,
        metadata,
        validator.paths,
        validator.functions,
        validator.variables,
        validator.types,
    )


class CallTree:
    """Builds calls from events.

    Attributes:
        root: the call of ``<toplevel>``, once it was seen.
    """

    def __init__(self) -> None:
        self.root: TracedCall | None = None
        self._paths: list[str] = []
        self._functions: list[dict[str, Any]] = []
        self._variables: list[str] = []
        self._stack: list[TracedCall] = []
        self._step: dict[str, Any] | None = None
        self._pending: int | None = None
        self._thread = 1
        self._takers: dict[str, Callable[[Any], None]] = {
            "Path": self._paths.append,
            "Function": self._functions.append,
            "VariableName": self._variables.append,
            "Step": self._set_pending,
            "Value": self._value,
            "Call": self._begin,
            "Return": self._return,
            "Event": self._event,
            "ThreadSwitch": self._set_thread,
        }

    def take(self, event: Any) -> None:
        """Go past an event of a valid trace."""
        if not isinstance(event, dict):
            return
        ((name, body),) = event.items()
        if name != "Call":
            self._settle_step()
        take = self._takers.get(name)
        if take is not None:
            take(body)

    def _value(self, body: dict[str, Any]) -> None:
        if self._step is not None:
            self._step[self._variables[body["variable_id"]]] = body["value"]

    def _return(self, body: dict[str, Any]) -> None:
        self._stack.pop().result = body["return_value"]
        self._step = None

    def _event(self, body: dict[str, Any]) -> None:
        self._stack[-1].events.append(body)

    def _set_pending(self, body: dict[str, Any]) -> None:
        self._pending = body["line"]

    def _set_thread(self, body: int) -> None:
        self._thread = body

    def _settle_step(self) -> None:
        """A step that no call follows is a step of the innermost call."""
        if self._pending is None:
            return
        line, self._pending = self._pending, None
        self._step = {}
        self._stack[-1].lines.append(line)
        self._stack[-1].values.append(self._step)

    def _begin(self, body: dict[str, Any]) -> None:
        self._pending = None
        function = self._functions[body["function_id"]]
        arguments = {self._variables[item["variable_id"]]: item["value"] for item in body["args"]}
        call = TracedCall(
            function["name"],
            self._paths[function["path_id"]],
            function["line"],
            arguments,
            self._thread,
        )
        if self._stack:
            self._stack[-1].children.append(call)
        else:
            self.root = call
        self._stack.append(call)


def _load(directory: str, name: str) -> Any:
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        try:
            return json.load(file)
        except ValueError as error:
            raise TraceError(f"{name} is no JSON: {error}") from None


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict) or metadata.keys() != _METADATA_FIELDS:
        expected = ", ".join(sorted(_METADATA_FIELDS))
        raise TraceError(f"{METADATA} is an object with the fields {expected}")
    try:
        version = uuid.UUID(metadata["recording_id"]).version
    except (ValueError, AttributeError, TypeError):
        version = None
    if version != _UUID_VERSION:
        raise TraceError(f"{METADATA}: recording_id is a UUID of version 7")
    if not isinstance(metadata["args"], list):
        raise TraceError(f"{METADATA}: args is an array")


def _check_paths(paths: Any, table: list[str]) -> None:
    if paths != table:
        raise TraceError(f"{PATHS} differs from the paths that the events define")
