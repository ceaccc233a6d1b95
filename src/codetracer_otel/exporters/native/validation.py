"""Checks the events of a native trace one by one against every rule that its readers rely on."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.captured import INT64_MAX, INT64_MIN
from codetracer_otel.exporters.native.events import TraceError
from codetracer_otel.exporters.native.tables import TypeKind

if TYPE_CHECKING:
    from collections.abc import Callable

TOPLEVEL: Final = "<toplevel>"
EXIT_TEXT: Final = "<exit>"

_MAX_KIND: Final = 255
_FIELDS: Final = {
    "Type": {"kind", "lang_type", "specific_info"},
    "Function": {"path_id", "line", "name"},
    "Step": {"path_id", "line"},
    "Value": {"variable_id", "value"},
    "Call": {"function_id", "args"},
    "Return": {"return_value"},
    "Event": {"kind", "metadata", "content"},
}
_OPENING: Final = ("Path", "Function", "Call")
_TYPES_OF: Final[dict[str, frozenset[TypeKind]]] = {
    "Int": frozenset({TypeKind.INT}),
    "BigInt": frozenset({TypeKind.INT}),
    "Float": frozenset({TypeKind.FLOAT}),
    "Bool": frozenset({TypeKind.BOOL}),
    "String": frozenset({TypeKind.STRING}),
    "Sequence": frozenset({TypeKind.SEQ, TypeKind.SET}),
    "Tuple": frozenset({TypeKind.TUPLE}),
    "Struct": frozenset({TypeKind.STRUCT}),
    "Raw": frozenset({TypeKind.RAW}),
    "Error": frozenset({TypeKind.ERROR, TypeKind.RAW}),
    "None": frozenset({TypeKind.NONE}),
}


class Broken(Exception):  # noqa: N818 - becomes a TraceError with its event's number
    """A rule that an event breaks."""


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
        self._count += 1

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
        _need(isinstance(event, dict) and len(event) == 1, "an event is an object with one key")
        name, body = next(iter(event.items()))
        _need(name in self._by_name, f"unknown event {name!r}")
        if self._count < len(_OPENING):
            expected = _OPENING[self._count]
            _need(name == expected, f"expected the {expected} of {TOPLEVEL}, got {name}")
        if name in _FIELDS:
            _fields(body, _FIELDS[name], name)
        self._by_name[name](body)
        self._last = name

    # tables

    def _path(self, body: Any) -> None:
        _text(body, "Path")
        _need(body not in self.paths, f"the path {body!r} is defined twice")
        self.paths.append(body)

    def _variable(self, body: Any) -> None:
        _text(body, "VariableName")
        self.variables.append(body)

    def _type(self, body: Any) -> None:
        _integer(body["kind"], "kind", 0, _MAX_KIND)
        _text(body["lang_type"], "lang_type")
        info = body["specific_info"]
        _need(isinstance(info, dict) and "kind" in info, "specific_info is an object with a kind")
        fields = 0
        if info["kind"] == "Struct":
            fields = self._struct_fields(info)
        else:
            _need(info == {"kind": "None"}, f"unknown specific_info {info['kind']!r}")
        self.types.append((body["kind"], body["lang_type"], fields))

    def _struct_fields(self, info: dict[str, Any]) -> int:
        _fields(info, {"kind", "fields"}, "specific_info")
        for field in _list(info["fields"], "fields"):
            _fields(field, {"name", "type_id"}, "field")
            _text(field["name"], "name")
            _index(field["type_id"], self.types, "type_id")
        return len(info["fields"])

    def _function(self, body: Any) -> None:
        _index(body["path_id"], self.paths, "path_id")
        _integer(body["line"], "line", 0)
        _text(body["name"], "name")
        key = (body["path_id"], body["line"], body["name"])
        if not self.functions:
            _need(key == (0, 1, TOPLEVEL), f"the first function is not {TOPLEVEL} in line 1")
        _need(key not in self.functions, f"the function {key} is defined twice")
        self.functions.append(key)

    # what happens

    def _step(self, body: Any) -> None:
        _index(body["path_id"], self.paths, "path_id")
        _integer(body["line"], "line", 0)
        self._has_step = True

    def _value_event(self, body: Any) -> None:
        _need(self._has_step, "a value before the first step")
        self._variable_value(body)

    def _call(self, body: Any) -> None:
        _index(body["function_id"], self.functions, "function_id")
        if self._count < len(_OPENING):
            _need(body == {"function_id": 0, "args": []}, f"the first call is not of {TOPLEVEL}")
        else:
            _need(self._last == "Step", f"a call right after {self._last}, not after a step")
        for argument in _list(body["args"], "args"):
            _fields(argument, {"variable_id", "value"}, "argument")
            self._variable_value(argument)
        self.depth += 1

    def _return(self, body: Any) -> None:
        self._value(body["return_value"])
        _need(self.depth > self._home_depth, "a return without a call")
        self.depth -= 1
        if self.depth == 0:
            self._end(body["return_value"])

    def _end(self, value: dict[str, Any]) -> None:
        is_exit = value["kind"] == "String" and value["text"] == EXIT_TEXT
        _need(value["kind"] == "Int" or is_exit, f"{TOPLEVEL} returns an exit code or {EXIT_TEXT}")
        self._is_ended = True

    def _event(self, body: Any) -> None:
        _integer(body["kind"], "kind", 0, _MAX_KIND)
        _text(body["metadata"], "metadata")
        _text(body["content"], "content")

    # threads

    def _thread_start(self, body: Any) -> None:
        _integer(body, "thread", 1)
        _need(body not in self._threads, f"thread {body} starts twice")
        self._threads[body] = True

    def _thread_exit(self, body: Any) -> None:
        _integer(body, "thread", 1)
        _need(self._threads.get(body, False), f"thread {body} ends, but does not run")
        _need(self._thread != body, f"thread {body} ends while its calls stand here")
        self._threads[body] = False

    def _thread_switch(self, body: Any) -> None:
        _integer(body, "thread", 1)
        _need(body != self._thread, f"a switch to thread {body}, which is the current one")
        if body == 1:
            _need(self.depth == self._home_depth, "another thread's calls are no whole tree")
            self._home_depth = 0
        else:
            _need(self._thread == 1, "a switch between two other threads")
            _need(self._threads.get(body, False), f"a switch to thread {body}, which does not run")
            self._home_depth = self.depth
        self._thread = body

    # values

    def _variable_value(self, body: Any) -> None:
        _index(body["variable_id"], self.variables, "variable_id")
        self._value(body["value"])

    def _value(self, value: Any) -> None:
        _need(isinstance(value, dict), "a value is an object")
        kind = value.get("kind")
        _need(kind in _TYPES_OF, f"unknown kind of value {kind!r}")
        number = value.get("type_id")
        _index(number, self.types, "type_id")
        type_kind = self.types[number][0]
        _need(
            type_kind in _TYPES_OF[kind], f"a value of kind {kind} has a type of kind {type_kind}"
        )
        _CONTENTS[kind](self, value)

    def _elements(self, value: Any) -> None:
        for element in _list(value["elements"], "elements"):
            self._value(element)

    def _sequence(self, value: Any) -> None:
        _fields(value, {"kind", "elements", "is_slice", "type_id"}, "Sequence")
        _need(isinstance(value["is_slice"], bool), "is_slice is true or false")
        self._elements(value)

    def _tuple(self, value: Any) -> None:
        _fields(value, {"kind", "elements", "type_id"}, "Tuple")
        self._elements(value)

    def _struct(self, value: Any) -> None:
        _fields(value, {"kind", "field_values", "type_id"}, "Struct")
        for field in _list(value["field_values"], "field_values"):
            self._value(field)
        named = self.types[value["type_id"]][2]
        _need(len(value["field_values"]) == named, "the struct has other fields than its type")


def _int(_: Validator, value: Any) -> None:
    _fields(value, {"kind", "i", "type_id"}, "Int")
    _integer(value["i"], "i", INT64_MIN, INT64_MAX)


def _big_int(_: Validator, value: Any) -> None:
    _fields(value, {"kind", "b", "negative", "type_id"}, "BigInt")
    _need(isinstance(value["negative"], bool), "negative is true or false")
    try:
        base64.b64decode(value["b"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Broken("b is no base64 text") from None


def _float(_: Validator, value: Any) -> None:
    _fields(value, {"kind", "f", "type_id"}, "Float")
    _text(value["f"], "f")
    try:
        float(value["f"])
    except ValueError:
        raise Broken(f"f is no number: {value['f']!r}") from None


def _bool(_: Validator, value: Any) -> None:
    _fields(value, {"kind", "b", "type_id"}, "Bool")
    _need(isinstance(value["b"], bool), "b is true or false")


def _text_value(kind: str, field: str) -> Callable[[Validator, Any], None]:
    def check(_: Validator, value: Any) -> None:
        _fields(value, {"kind", field, "type_id"}, kind)
        _text(value[field], field)

    return check


def _none(_: Validator, value: Any) -> None:
    _fields(value, {"kind", "type_id"}, "None")


_CONTENTS: Final[dict[str, Callable[[Validator, Any], None]]] = {
    "Int": _int,
    "BigInt": _big_int,
    "Float": _float,
    "Bool": _bool,
    "String": _text_value("String", "text"),
    "Sequence": Validator._sequence,  # noqa: SLF001 - a table of this module
    "Tuple": Validator._tuple,  # noqa: SLF001
    "Struct": Validator._struct,  # noqa: SLF001
    "Raw": _text_value("Raw", "r"),
    "Error": _text_value("Error", "msg"),
    "None": _none,
}


def _need(condition: object, rule: str) -> None:
    if not condition:
        raise Broken(rule)


def _fields(body: Any, names: set[str], subject: str) -> None:
    _need(isinstance(body, dict), f"{subject} is an object")
    if body.keys() != names:
        expected = ", ".join(sorted(names))
        raise Broken(f"{subject} has the fields {', '.join(sorted(body))}; expected {expected}")


def _text(value: Any, subject: str) -> None:
    _need(isinstance(value, str), f"{subject} is a text, got {type(value).__name__}")
    _need(value.isascii() or _is_encodable(value), f"{subject} has a lone surrogate")


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _integer(value: Any, subject: str, least: int, most: int = INT64_MAX) -> None:
    _need(type(value) is int, f"{subject} is an integer, got {type(value).__name__}")
    _need(least <= value <= most, f"{subject} is out of range: {value}")


def _index(value: Any, table: list[Any], subject: str) -> None:
    _need(type(value) is int, f"{subject} is an integer, got {type(value).__name__}")
    _need(0 <= value < len(table), f"{subject} {value} is not defined before its use")


def _list(value: Any, subject: str) -> list[Any]:
    _need(isinstance(value, list), f"{subject} is an array")
    return value  # type: ignore[no-any-return]
