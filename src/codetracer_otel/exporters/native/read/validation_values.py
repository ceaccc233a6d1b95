"""Checks the typed values of a native trace."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.native.read.field_checks import (
    Broken,
    check_fields,
    check_index,
    check_integer,
    check_text,
    checked_list,
)
from codetracer_otel.exporters.native.tables import TypeKind
from codetracer_otel.model.value import INT64_MAX, INT64_MIN

if TYPE_CHECKING:
    from collections.abc import Callable

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
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "Int": frozenset({"kind", "i", "type_id"}),
    "BigInt": frozenset({"kind", "b", "negative", "type_id"}),
    "Float": frozenset({"kind", "f", "type_id"}),
    "Bool": frozenset({"kind", "b", "type_id"}),
    "String": frozenset({"kind", "text", "type_id"}),
    "Sequence": frozenset({"kind", "elements", "is_slice", "type_id"}),
    "Tuple": frozenset({"kind", "elements", "type_id"}),
    "Struct": frozenset({"kind", "field_values", "type_id"}),
    "Raw": frozenset({"kind", "r", "type_id"}),
    "Error": frozenset({"kind", "msg", "type_id"}),
    "None": frozenset({"kind", "type_id"}),
}


class ValueRules:
    """Checks values against the types that a trace has defined so far.

    Args:
        types: table of (kind, name, number of fields); it grows.
    """

    def __init__(self, types: list[tuple[int, str, int]]) -> None:
        self._types = types
        self._known: set[tuple[str, int]] = set()  # kinds of values with numbers of their types
        self._contents: dict[str, Callable[[Any], None]] = {
            "Int": lambda value: check_integer(value["i"], "i", INT64_MIN, INT64_MAX),
            "BigInt": _check_big_int,
            "Float": _check_float,
            "Bool": _check_bool,
            "String": lambda value: check_text(value["text"], "text"),
            "Sequence": self._check_sequence,
            "Tuple": self._check_elements,
            "Struct": self._check_struct,
            "Raw": lambda value: check_text(value["r"], "r"),
            "Error": lambda value: check_text(value["msg"], "msg"),
            "None": lambda _: None,
        }

    def check(self, value: Any) -> None:
        """Check a value and what is in it.

        Raises:
            Broken: it breaks a rule.
        """
        if not isinstance(value, dict):
            raise Broken("a value is an object")
        kind, number = value.get("kind"), value.get("type_id")
        if type(kind) is not str or type(number) is not int or (kind, number) not in self._known:
            self._check_type(kind, number)
        if value.keys() != _FIELDS[kind]:  # type: ignore[index]
            check_fields(value, _FIELDS[kind], kind)  # type: ignore[index,arg-type]
        self._contents[kind](value)  # type: ignore[index]

    def _check_type(self, kind: Any, number: Any) -> None:
        if type(kind) is not str or kind not in _TYPES_OF:
            raise Broken(f"unknown kind of value {kind!r}")
        check_index(number, self._types, "type_id")
        type_kind = self._types[number][0]
        if type_kind not in _TYPES_OF[kind]:
            raise Broken(f"a value of kind {kind} has a type of kind {type_kind}")
        self._known.add((kind, number))

    def _check_elements(self, value: Any) -> None:
        for element in checked_list(value["elements"], "elements"):
            self.check(element)

    def _check_sequence(self, value: Any) -> None:
        if not isinstance(value["is_slice"], bool):
            raise Broken("is_slice is true or false")
        self._check_elements(value)

    def _check_struct(self, value: Any) -> None:
        fields = checked_list(value["field_values"], "field_values")
        for field in fields:
            self.check(field)
        if len(fields) != self._types[value["type_id"]][2]:
            raise Broken("the struct has other fields than its type")


def _check_big_int(value: Any) -> None:
    if not isinstance(value["negative"], bool):
        raise Broken("negative is true or false")
    try:
        base64.b64decode(value["b"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Broken("b is no base64 text") from None


def _check_float(value: Any) -> None:
    check_text(value["f"], "f")
    try:
        float(value["f"])
    except ValueError:
        raise Broken(f"f is no number: {value['f']!r}") from None


def _check_bool(value: Any) -> None:
    if not isinstance(value["b"], bool):
        raise Broken("b is true or false")
