"""Checks the events of a native trace one by one against every rule that its readers rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.native.read.events import TOO_DEEP, TraceError
from codetracer_otel.exporters.native.read.field_checks import (
    Broken,
    check_fields,
    check_index,
    check_integer,
    check_text,
    checked_list,
)
from codetracer_otel.exporters.native.read.validation_values import ValueRules

if TYPE_CHECKING:
    from collections.abc import Callable

TOPLEVEL: Final = "<toplevel>"
EXIT_TEXT: Final = "<exit>"

_MAX_KIND: Final = 255
_FIELDS: Final = {
    "Type": frozenset({"kind", "lang_type", "specific_info"}),
    "Function": frozenset({"path_id", "line", "name"}),
    "Step": frozenset({"path_id", "line"}),
    "Value": frozenset({"variable_id", "value"}),
    "Call": frozenset({"function_id", "args"}),
    "Return": frozenset({"return_value"}),
    "Event": frozenset({"kind", "metadata", "content"}),
}
_ARGUMENT: Final = frozenset({"variable_id", "value"})
_STRUCT: Final = frozenset({"kind", "fields"})
_FIELD: Final = frozenset({"name", "type_id"})
_OPENING: Final = ("Path", "Function", "Call")


class Validator:
    """Follows a trace; `check` raises at the first event that breaks a rule.

    Attributes:
        paths: table of paths.
        functions: table of (path number, line, name).
        variables: table of variable names.
        types: table of (kind, name, number of fields).
        depth: how many calls are open.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.functions: list[tuple[int, int, str]] = []
        self.variables: list[str] = []
        self.types: list[tuple[int, str, int]] = []
        self.depth = 0
        self._count = 0
        self._last = ""
        self._has_step = False
        self._is_ended = False
        self._thread = 1
        self._home_depth = 0
        self._threads: dict[int, bool] = {}
        self._steps: set[tuple[int, int]] = set()  # those that are known to be right
        self._check_value = ValueRules(self.types).check
        self._by_name: dict[str, Callable[[Any], None]] = {
            "Path": self._path,
            "VariableName": self._variable,
            "Type": self._type,
            "Function": self._function,
            "Step": self._step,
            "Value": self._value_event,
            "Call": self._call,
            "Return": self._return,
            "Event": self._event,
            "ThreadStart": self._thread_start,
            "ThreadExit": self._thread_exit,
            "ThreadSwitch": self._thread_switch,
        }

    def check(self, event: Any) -> None:
        """Go past an event.

        Raises:
            TraceError: it breaks a rule.
        """
        try:
            self._check(event)
        except Broken as broken:
            raise TraceError(str(broken), self._count) from None
        except RecursionError:
            raise TraceError(TOO_DEEP, self._count) from None
        self._count += 1

    def check_steps(self, count: int) -> None:
        """Go past steps like some that were checked.

        Raises:
            TraceError: nothing may follow.
        """
        if self._is_ended:
            self.check(None)
        self._count += count
        self._last = "Step"

    def finish(self) -> None:
        """Go past the end.

        Raises:
            TraceError: something is missing.
        """
        if not self._is_ended:
            missing = f"the trace does not end with the return of {TOPLEVEL}"
            raise TraceError(f"{missing}; {self.depth} calls are open", self._count)

    def _check(self, event: Any) -> None:
        if self._is_ended:
            raise Broken(f"nothing may follow the return of {TOPLEVEL}")
        if event == "DropLastStep":
            self._last = "DropLastStep"
            return
        if not isinstance(event, dict) or len(event) != 1:
            raise Broken("an event is an object with one key")
        ((name, body),) = event.items()
        take = self._by_name.get(name)
        if take is None:
            raise Broken(f"unknown event {name!r}")
        if self._count < len(_OPENING) and name != _OPENING[self._count]:
            raise Broken(f"expected the {_OPENING[self._count]} of {TOPLEVEL}, got {name}")
        if name in _FIELDS and (type(body) is not dict or body.keys() != _FIELDS[name]):
            check_fields(body, _FIELDS[name], name)
        take(body)
        self._last = name

    # tables

    def _path(self, body: Any) -> None:
        check_text(body, "Path")
        if body in self.paths:
            raise Broken(f"the path {body!r} is defined twice")
        self.paths.append(body)

    def _variable(self, body: Any) -> None:
        check_text(body, "VariableName")
        self.variables.append(body)

    def _type(self, body: Any) -> None:
        check_integer(body["kind"], "kind", 0, _MAX_KIND)
        check_text(body["lang_type"], "lang_type")
        info = body["specific_info"]
        if not isinstance(info, dict) or "kind" not in info:
            raise Broken("specific_info is an object with a kind")
        fields = 0
        if info["kind"] == "Struct":
            fields = self._struct_fields(info)
        elif info != {"kind": "None"}:
            raise Broken(f"unknown specific_info {info['kind']!r}")
        self.types.append((body["kind"], body["lang_type"], fields))

    def _struct_fields(self, info: dict[str, Any]) -> int:
        check_fields(info, _STRUCT, "specific_info")
        for field in checked_list(info["fields"], "fields"):
            check_fields(field, _FIELD, "field")
            check_text(field["name"], "name")
            check_index(field["type_id"], self.types, "type_id")
        return len(info["fields"])

    def _function(self, body: Any) -> None:
        check_index(body["path_id"], self.paths, "path_id")
        check_integer(body["line"], "line", 0)
        check_text(body["name"], "name")
        key = (body["path_id"], body["line"], body["name"])
        if not self.functions and key != (0, 1, TOPLEVEL):
            raise Broken(f"the first function is not {TOPLEVEL} in line 1")
        if key in self.functions:
            raise Broken(f"the function {key} is defined twice")
        self.functions.append(key)

    # what happens

    def _step(self, body: Any) -> None:
        path_id, line = body["path_id"], body["line"]
        if type(path_id) is not int or type(line) is not int or (path_id, line) not in self._steps:
            check_index(path_id, self.paths, "path_id")
            check_integer(line, "line", 0)
            self._steps.add((path_id, line))
        self._has_step = True

    def _value_event(self, body: Any) -> None:
        if not self._has_step:
            raise Broken("a value before the first step")
        self._variable_value(body)

    def _call(self, body: Any) -> None:
        check_index(body["function_id"], self.functions, "function_id")
        if self._count < len(_OPENING):
            if body != {"function_id": 0, "args": []}:
                raise Broken(f"the first call is not of {TOPLEVEL}")
        elif self._last != "Step":
            raise Broken(f"a call right after {self._last}, not after a step")
        for argument in checked_list(body["args"], "args"):
            check_fields(argument, _ARGUMENT, "argument")
            self._variable_value(argument)
        self.depth += 1

    def _return(self, body: Any) -> None:
        self._check_value(body["return_value"])
        if self.depth <= self._home_depth:
            raise Broken("a return without a call")
        self.depth -= 1
        if self.depth == 0:
            self._end(body["return_value"])

    def _end(self, value: dict[str, Any]) -> None:
        is_exit = value["kind"] == "String" and value["text"] == EXIT_TEXT
        if value["kind"] != "Int" and not is_exit:
            raise Broken(f"{TOPLEVEL} returns an exit code or {EXIT_TEXT}")
        self._is_ended = True

    def _event(self, body: Any) -> None:
        check_integer(body["kind"], "kind", 0, _MAX_KIND)
        check_text(body["metadata"], "metadata")
        check_text(body["content"], "content")

    # threads

    def _thread_start(self, body: Any) -> None:
        check_integer(body, "thread", 1)
        if body in self._threads:
            raise Broken(f"thread {body} starts twice")
        self._threads[body] = True

    def _thread_exit(self, body: Any) -> None:
        check_integer(body, "thread", 1)
        if not self._threads.get(body, False):
            raise Broken(f"thread {body} exits, but is not running")
        if self._thread == body:
            raise Broken(
                f"thread {body} exits while it is the current one; expected a switch to thread 1"
            )
        self._threads[body] = False

    def _thread_switch(self, body: Any) -> None:
        check_integer(body, "thread", 1)
        if body == self._thread:
            raise Broken(f"a switch to thread {body}, which is the current one")
        if body == 1:
            if self.depth != self._home_depth:
                raise Broken(f"a switch to thread 1 while calls of thread {self._thread} are open")
            self._home_depth = 0
        else:
            if self._thread != 1:
                raise Broken(
                    f"a switch from thread {self._thread} to {body}, not by way of thread 1"
                )
            if not self._threads.get(body, False):
                raise Broken(f"a switch to thread {body}, which is not running")
            self._home_depth = self.depth
        self._thread = body

    def _variable_value(self, body: Any) -> None:
        check_index(body["variable_id"], self.variables, "variable_id")
        self._check_value(body["value"])
