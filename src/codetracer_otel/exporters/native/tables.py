"""The positional tables of a native trace: the n-th definition of a kind is number n."""

from __future__ import annotations

from enum import IntEnum
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Final

from codetracer_otel.model.value_texts import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

# Classes made by the program in a loop must not fill the memory.
_MAX_TYPES: Final = 10_000
_OVERFLOW: Final = "Object"


class TypeKind(IntEnum):
    """The kinds of types that a trace of Python has, by the format's numbers."""

    SEQ = 0
    SET = 1
    STRUCT = 6
    INT = 7
    FLOAT = 8
    STRING = 9
    BOOL = 12
    RAW = 16
    ERROR = 24
    TUPLE = 27
    NONE = 30


class EventKind(IntEnum):
    """The kinds of recorded events that a trace of Python has, by the format's numbers."""

    WRITE = 0
    WRITE_OTHER = 2
    READ = 3
    ERROR = 11


def quote(text: str) -> str:
    """Return ``text`` as a JSON literal in ASCII; lone surrogates become visible escapes."""
    return encode_basestring_ascii(encodable(text))


class Tables:
    """Gives numbers to paths, functions, variable names and types, and writes their definitions.

    Attributes:
        paths: every path so far, by number.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._path_ids: dict[str, int] = {}
        self._functions: dict[tuple[int, int, str], int] = {}
        self._variables: dict[str, int] = {}
        self._types: dict[tuple[TypeKind, str, tuple[str, ...]], int] = {}
        self._pending: list[str] = []

    def path(self, text: str) -> int:
        """Return the number of a path."""
        number = self._path_ids.get(text)
        if number is None:
            number = self._path_ids[text] = len(self.paths)
            self.paths.append(text)
            self._pending.append(f'{{"Path":{quote(text)}}}')
        return number

    def function(self, path_id: int, line: int, name: str) -> int:
        """Return the number of a function; equal names in different places are different."""
        key = (path_id, line, name)
        number = self._functions.get(key)
        if number is None:
            number = self._functions[key] = len(self._functions)
            self._pending.append(
                f'{{"Function":{{"path_id":{path_id},"line":{line},"name":{quote(name)}}}}}'
            )
        return number

    def variable(self, name: str) -> int:
        """Return the number of a variable name."""
        number = self._variables.get(name)
        if number is None:
            number = self._variables[name] = len(self._variables)
            self._pending.append(f'{{"VariableName":{quote(name)}}}')
        return number

    def type(self, kind: TypeKind, name: str, fields: Sequence[tuple[str, int]] = ()) -> int:
        """Return the number of a type.

        Args:
            kind: what its values look like.
            name: in the language's terms.
            fields: of a struct: (name, number of the type of the first value seen there).
        """
        key = (kind, name, tuple(field for field, _ in fields))
        number = self._types.get(key)
        if number is not None:
            return number
        if len(self._types) >= _MAX_TYPES and kind is TypeKind.RAW and name != _OVERFLOW:
            return self.type(kind, _OVERFLOW)
        number = self._types[key] = len(self._types)
        self._pending.append(
            f'{{"Type":{{"kind":{kind:d},"lang_type":{quote(name)},'
            f'"specific_info":{_specific_info(kind, fields)}}}}}'
        )
        return number

    def take_definitions(self) -> list[str]:
        """Return the definitions since the last call: they go before what uses them."""
        pending, self._pending = self._pending, []
        return pending


def _specific_info(kind: TypeKind, fields: Sequence[tuple[str, int]]) -> str:
    if kind is not TypeKind.STRUCT:
        return '{"kind":"None"}'
    items = ",".join(f'{{"name":{quote(name)},"type_id":{number}}}' for name, number in fields)
    return f'{{"kind":"Struct","fields":[{items}]}}'
