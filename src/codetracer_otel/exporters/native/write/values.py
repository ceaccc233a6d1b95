"""Writes captured values as the typed values of a native trace."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.native.tables import TypeKind, quote
from codetracer_otel.model.value import (
    DROPPED,
    INT64_MAX,
    INT64_MIN,
    REDACTED,
    Captured,
    Node,
    NodeKind,
    cut_marker,
    decimal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters.native.tables import Tables

_MAX_INTEGER_BITS: Final = 4096  # beyond, a value is for people only, and cut


class ValueWriter:
    """Writes values; their texts must have been judged before.

    Args:
        tables: defines the types.

    Attributes:
        redactions: values inside of others that were redacted, and those that were dropped.
    """

    def __init__(self, tables: Tables) -> None:
        self.redactions: Counter[NodeKind] = Counter()
        self._tables = tables
        self._types: dict[tuple[TypeKind, str], int] = {}
        self._by_type: dict[type, Callable[[Any], str]] = {
            type(None): lambda _: self._plain("None", TypeKind.NONE, "None"),
            bool: self._bool,
            int: self._int,
            float: self._float,
            str: self.text,
            Node: self._node,
        }
        self._by_kind: dict[NodeKind, Callable[[Node], str]] = {
            NodeKind.REDACTED: lambda _: self.sentinel(REDACTED, "Redacted"),
            NodeKind.DROPPED: lambda _: self.sentinel(DROPPED, "Dropped"),
            NodeKind.CUT_TEXT: lambda node: self.text(node.items + cut_marker(node.omitted)),
            NodeKind.BYTES: self._bytes,
            NodeKind.LIST: lambda node: self._sequence(node, TypeKind.SEQ, "List"),
            NodeKind.TUPLE: self._tuple,
            NodeKind.SET: lambda node: self._sequence(node, TypeKind.SET, "Set"),
            NodeKind.MAPPING: self._mapping,
            NodeKind.STRUCT: self._struct,
            NodeKind.TEXT: lambda node: self.raw(node.items, node.type_name),
            NodeKind.OBJECT: lambda node: self.raw(f"<{node.type_name}>", node.type_name),
            NodeKind.CYCLE: lambda node: self.raw(f"<cycle {node.type_name}>", node.type_name),
            NodeKind.DEEPER: lambda node: self.raw(f"<{node.type_name} ...>", node.type_name),
        }

    def write(self, value: Captured) -> str:
        """Return the JSON of a value."""
        return self._by_type[type(value)](value)

    def type_id(self, kind: TypeKind, name: str) -> int:
        """Return the number of a type without fields."""
        number = self._types.get((kind, name))
        if number is None:
            number = self._types[kind, name] = self._tables.type(kind, name)
        return number

    def text(self, text: str) -> str:
        """Return the JSON of a text."""
        number = self.type_id(TypeKind.STRING, "String")
        return f'{{"kind":"String","text":{quote(text)},"type_id":{number}}}'

    def raw(self, text: str, type_name: str) -> str:
        """Return the JSON of what is known by a short text for people."""
        number = self._tables.type(TypeKind.RAW, type_name)
        return f'{{"kind":"Raw","r":{quote(text)},"type_id":{number}}}'

    def error(self, message: str, type_name: str) -> str:
        """Return the JSON of an exception, or of a missing value."""
        number = self._tables.type(TypeKind.ERROR, type_name)
        return f'{{"kind":"Error","msg":{quote(message)},"type_id":{number}}}'

    def sentinel(self, text: str, type_name: str) -> str:
        """Return the JSON of a value that is not shown."""
        number = self.type_id(TypeKind.RAW, type_name)
        return f'{{"kind":"Error","msg":{quote(text)},"type_id":{number}}}'

    def _plain(self, kind: str, type_kind: TypeKind, name: str) -> str:
        return f'{{"kind":"{kind}","type_id":{self.type_id(type_kind, name)}}}'

    def _bool(self, value: bool) -> str:  # noqa: FBT001 - one of a table by type
        number = self.type_id(TypeKind.BOOL, "Bool")
        return f'{{"kind":"Bool","b":{"true" if value else "false"},"type_id":{number}}}'

    def _int(self, value: int) -> str:
        number = self.type_id(TypeKind.INT, "Int")
        if INT64_MIN <= value <= INT64_MAX:
            return f'{{"kind":"Int","i":{value},"type_id":{number}}}'
        if value.bit_length() > _MAX_INTEGER_BITS:
            return self.raw(decimal(value), "Int")
        size = (value.bit_length() + 7) // 8
        digits = base64.b64encode(abs(value).to_bytes(size, "big")).decode("ascii")
        negative = "true" if value < 0 else "false"
        return f'{{"kind":"BigInt","b":"{digits}","negative":{negative},"type_id":{number}}}'

    def _float(self, value: float) -> str:
        number = self.type_id(TypeKind.FLOAT, "Float")
        return f'{{"kind":"Float","f":"{value!r}","type_id":{number}}}'

    def _node(self, node: Node) -> str:
        return self._by_kind[node.kind](node)

    def _bytes(self, node: Node) -> str:
        text = repr(node.items)
        if node.omitted > len(node.items):
            text += cut_marker(node.omitted)
        return self.raw(text, node.type_name)

    def _sequence(self, node: Node, kind: TypeKind, name: str) -> str:
        number = self.type_id(kind, name)
        elements = self._elements(node)
        return f'{{"kind":"Sequence","elements":[{elements}],"is_slice":false,"type_id":{number}}}'

    def _tuple(self, node: Node) -> str:
        return self._tuple_of(self._elements(node))

    def _tuple_of(self, elements: str) -> str:
        number = self.type_id(TypeKind.TUPLE, "Tuple")
        return f'{{"kind":"Tuple","elements":[{elements}],"type_id":{number}}}'

    def _elements(self, node: Node) -> str:
        texts = [self._inner(item) for item in node.items]
        return ",".join(texts + self._omitted(node))

    def _omitted(self, node: Node) -> list[str]:
        return [self.raw(f"... {node.omitted} more", "Omitted")] if node.omitted else []

    def _mapping(self, node: Node) -> str:
        pairs = [
            self._tuple_of(f"{self._inner(key)},{self._inner(value)}") for key, value in node.items
        ]
        elements = ",".join(pairs + self._omitted(node))
        number = self.type_id(TypeKind.SEQ, "Dict")
        return f'{{"kind":"Sequence","elements":[{elements}],"is_slice":false,"type_id":{number}}}'

    def _struct(self, node: Node) -> str:
        values = [self._inner(value) for _, value in node.items]
        names = [str(name) for name, _ in node.items]
        if node.omitted:
            values += self._omitted(node)
            names.append("...")
        fields = [(name, _type_of(value)) for name, value in zip(names, values, strict=True)]
        number = self._tables.type(TypeKind.STRUCT, node.type_name, fields)
        return f'{{"kind":"Struct","field_values":[{",".join(values)}],"type_id":{number}}}'

    def _inner(self, value: Captured) -> str:
        if type(value) is Node and value.kind in (NodeKind.REDACTED, NodeKind.DROPPED):
            self.redactions[value.kind] += 1
        return self.write(value)


def _type_of(value_text: str) -> int:
    # every value ends with its type's number
    return int(value_text[value_text.rindex(":") + 1 : -1])


_MAX_SHORT: Final = 60


def short_text(value: Any) -> str:
    """Return a value of a trace as a short text for people."""
    text = _short(value, 3)
    return text if len(text) <= _MAX_SHORT else text[: _MAX_SHORT - 3] + "..."


def _short(value: Any, depth: int) -> str:
    kind = value["kind"]
    if kind in _SHORT_FIELDS:
        return str(value[_SHORT_FIELDS[kind]])
    if kind == "String":
        return repr(value["text"])
    if kind == "BigInt":
        number = int.from_bytes(base64.b64decode(value["b"]), "big")
        return decimal(-number if value["negative"] else number)
    items = value.get("elements", value.get("field_values"))
    if items is None:
        return str(kind)
    inner = ", ".join(_short(item, depth - 1) for item in items[:8]) if depth else "..."
    return f"[{inner}]" if kind == "Sequence" else f"({inner})"


_SHORT_FIELDS: Final = {"Int": "i", "Float": "f", "Bool": "b", "Raw": "r", "Error": "msg"}
