"""Captured values: what is left of a user's object once it has been recorded.

A captured value is an exact ``None``, ``bool``, ``int``, ``float`` or ``str``, or a `Node`.
It holds no reference to an object of the traced program and running its text forms calls no
user code.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Json

if TYPE_CHECKING:
    from collections.abc import Callable

REDACTED: Final = "<redacted>"
DROPPED: Final = "<dropped>"

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


class NodeKind(IntEnum):
    """The kinds of `Node`, and what ``items`` holds for each."""

    REDACTED = 0  # nothing
    DROPPED = 1  # nothing
    CUT_TEXT = 2  # the kept beginning (str); ``omitted`` is the full length in code points
    BYTES = 3  # the kept beginning (bytes); ``omitted`` is the full length
    LIST = 4  # tuple of captured values
    TUPLE = 5
    SET = 6
    MAPPING = 7  # tuple of (captured key, captured value)
    STRUCT = 8  # tuple of (field name, captured value): dataclass, attrs, named tuple
    TEXT = 9  # short form (str) of a well-known type: datetime, Decimal, UUID, Path, enum
    OBJECT = 10  # nothing: only the type is known
    CYCLE = 11  # nothing: this object stands above itself
    DEEPER = 12  # nothing: below the depth limit


class Node:
    """A captured value that is not an exact scalar.

    Attributes:
        kind: what it stands for.
        type_name: ``module.QualName`` of the value's class, empty for sentinels.
        items: see `NodeKind`.
        omitted: how many items the limits left out; for cut text and bytes the full length.
    """

    __slots__ = ("items", "kind", "omitted", "type_name")

    def __init__(self, kind: NodeKind, type_name: str, items: Any = (), omitted: int = 0) -> None:
        self.kind = kind
        self.type_name = type_name
        self.items = items
        self.omitted = omitted

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return (self.kind, self.type_name, self.items, self.omitted) == (
            other.kind,
            other.type_name,
            other.items,
            other.omitted,
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.type_name, self.omitted))

    def __repr__(self) -> str:
        return f"Node({self.kind.name}, {self.type_name!r}, {self.items!r}, {self.omitted})"


REDACTED_NODE: Final = Node(NodeKind.REDACTED, "")
DROPPED_NODE: Final = Node(NodeKind.DROPPED, "")

Captured = None | bool | int | float | str | Node
AttributeValue = bool | int | float | str | tuple[Any, ...]


_NODE_BYTES: Final = 160  # a node with its tuple and a few small items
_SHORT_TEXT: Final = 128


def cut_text(kept: str) -> Node:
    """Return the beginning of a text that may have gone on; how far is not known."""
    return Node(NodeKind.CUT_TEXT, "str", kept, len(kept))


def weight(value: Captured) -> int:
    """Return about how many bytes a captured value takes, short texts and numbers not counted."""
    if type(value) is str:
        return len(value) if len(value) > _SHORT_TEXT else 0
    if type(value) is not Node:
        return 0
    items = value.items
    if isinstance(items, str | bytes):
        return _NODE_BYTES + len(items)
    return _NODE_BYTES + sum(map(_item_weight, items))


def _item_weight(item: Any) -> int:
    if type(item) is tuple:
        return weight(item[0]) + weight(item[1])
    return weight(item)


def cut_marker(full_length: int) -> str:
    """Return the mark behind a text or bytes that was cut; ``full_length`` in code points."""
    return f"... [{full_length} in all]"


def kept_length(full: int, longest: int) -> int:
    """Return how much of a text of ``full`` code points is kept before the mark of a cut.

    If the mark would take most of the room, it is left out, and the text gets all of it.
    """
    room = longest - len(cut_marker(full))
    return room if 2 * room >= longest else longest


def fitting(value: Captured, longest: int) -> Captured:
    """Return a value whose attribute form has no text longer than ``longest`` code points."""
    if isinstance(value, Node) and value.kind is NodeKind.CUT_TEXT:
        return _shortened(value.items, value.omitted, longest)
    shown = attribute_value(value)
    if isinstance(shown, str):
        return value if len(shown) <= longest else _shortened(shown, len(shown), longest)
    if isinstance(shown, tuple) and isinstance(value, Node):
        return Node(value.kind, value.type_name, tuple([fitting(it, longest) for it in shown]))
    return value


def _shortened(kept: str, full: int, longest: int) -> str:
    if len(kept) == full <= longest:
        return kept
    length = kept_length(full, longest)
    return kept[:length] + (cut_marker(full) if length < longest else "")


NONE_TEXT: Final = "None"


def attribute_value(value: Captured, none: str | None = NONE_TEXT) -> AttributeValue:
    """Return the OpenTelemetry attribute form of a captured value.

    Scalars and flat homogeneous sequences of scalars stay native (sequences as tuples); integers
    beyond 64 bit are decimal text; everything else is compact JSON.

    Args:
        value: as it was captured.
        none: what stands for None: a text, because exporters log or lose attributes without a
            value, or None itself for formats that have it.
    """
    if value is None:
        return none  # type: ignore[return-value]
    kind = type(value)
    if kind is int:
        return value if INT64_MIN <= value <= INT64_MAX else decimal(value)  # type: ignore[operator,arg-type,return-value]
    if kind is not Node:
        return value  # type: ignore[return-value]
    return _node_attribute(value)  # type: ignore[arg-type]


_MAX_DECIMAL_BITS: Final = 2048  # 617 digits: sys.set_int_max_str_digits() may allow 640


def decimal(value: int) -> str:
    """Return the decimal text of an integer; beyond 2,048 bits the cut hexadecimal text."""
    bits = value.bit_length()
    if bits <= _MAX_DECIMAL_BITS:
        return str(value)
    head = hex(value >> (bits - _MAX_DECIMAL_BITS))
    return f"{head}... [{bits} bits in all]"


_SEQUENCES: Final = frozenset({NodeKind.LIST, NodeKind.TUPLE, NodeKind.SET})


def _node_attribute(node: Node) -> AttributeValue:
    if node.kind in _SEQUENCES and not node.omitted and _is_homogeneous(node.items):
        return tuple(node.items)
    plain = plain_value(node)
    return plain if isinstance(plain, str) else json_text(plain)


def _is_homogeneous(items: tuple[Captured, ...]) -> bool:
    kinds = {type(item) for item in items}
    if len(kinds) != 1:
        return False
    kind = kinds.pop()
    if kind is int:
        return all(INT64_MIN <= item <= INT64_MAX for item in items)  # type: ignore[operator]
    return kind in (bool, float, str)


def json_text(plain: Any) -> str:
    """Return compact ASCII JSON for the result of `plain_value`."""
    return Json.dumps(plain)


def plain_value(value: Captured) -> Any:
    """Return a captured value as what ``json`` can write: no NaN, string keys, no nodes."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else repr(value)  # type: ignore[arg-type]
    if kind is int:
        return value if INT64_MIN <= value <= INT64_MAX else decimal(value)  # type: ignore[operator,arg-type]
    if kind is not Node:
        return value
    return _plain_node(value)  # type: ignore[arg-type]


def _plain_node(node: Node) -> Any:
    render = _PLAIN.get(node.kind)
    return render(node) if render is not None else f"<{node.type_name}>"


def _plain_list(node: Node) -> list[Any]:
    items = [plain_value(item) for item in node.items]
    if node.omitted:
        items.append(f"... {node.omitted} more")
    return items


def _plain_mapping(node: Node) -> dict[str, Any]:
    plain = {_key_text(key): plain_value(value) for key, value in node.items}
    if node.omitted:
        plain["..."] = f"{node.omitted} more"
    return plain


def _key_text(key: Captured) -> str:
    if isinstance(key, str):
        return key
    plain = plain_value(key)
    return plain if isinstance(plain, str) else json_text(plain)


def _plain_cut_text(node: Node) -> str:
    kept: str = node.items
    return kept + cut_marker(node.omitted) if node.omitted > len(kept) else kept


def _plain_bytes(node: Node) -> str:
    text = repr(node.items)
    return text + cut_marker(node.omitted) if node.omitted > len(node.items) else text


_PLAIN: Final[dict[NodeKind, Callable[[Node], Any]]] = {
    NodeKind.REDACTED: lambda _: REDACTED,
    NodeKind.DROPPED: lambda _: DROPPED,
    NodeKind.CUT_TEXT: _plain_cut_text,
    NodeKind.BYTES: _plain_bytes,
    NodeKind.LIST: _plain_list,
    NodeKind.TUPLE: _plain_list,
    NodeKind.SET: _plain_list,
    NodeKind.MAPPING: _plain_mapping,
    NodeKind.STRUCT: _plain_mapping,
    NodeKind.TEXT: lambda node: node.items,
    NodeKind.CYCLE: lambda node: f"<cycle {node.type_name}>",
    NodeKind.DEEPER: lambda node: f"<{node.type_name} ...>",
}
