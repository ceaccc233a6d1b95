"""The protobuf wire form of OpenTelemetry's attributes, without a protobuf library."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.attributes import plain
from codetracer_otel.model.value import INT64_MAX, INT64_MIN, REDACTED_NODE, decimal

if TYPE_CHECKING:
    from codetracer_otel.model.value import Captured

_UINT64: Final = 2**64 - 1
_SMALL: Final = 1024  # integers below are worth a table entry
_LOW: Final = (1 << 14) - 1
_TWO_STEPS: Final = 1 << 28
_THREE_STEPS: Final = 1 << 42
# varints by 14 bits at a time: half the time of a loop over 7
_MORE: Final = tuple(bytes((bits & 127 | 128, bits >> 7 | 128)) for bits in range(_LOW + 1))
_LAST: Final = tuple(
    bytes((bits,)) if bits < 1 << 7 else bytes((bits & 127 | 128, bits >> 7))
    for bits in range(_LOW + 1)
)

_KEY: Final = b"\x0a"  # KeyValue.key
VALUE_TAG: Final = b"\x12"  # KeyValue.value
_STRING: Final = b"\x0a"  # AnyValue.string_value
_FALSE: Final = b"\x10\x00"  # AnyValue.bool_value
_TRUE: Final = b"\x10\x01"
_INT: Final = b"\x18"
_DOUBLE: Final = b"\x21"
_ARRAY: Final = b"\x2a"
_KVLIST: Final = b"\x32"
_BYTES: Final = b"\x3a"
_ITEM: Final = b"\x0a"  # ArrayValue.values and KeyValueList.values

_VARINT: Final = 0  # wire types
_LENGTHS: Final = {1: 8, 2: None, 5: 4}  # bytes by wire type; None: the length precedes the value
_LONGEST_VARINT: Final = 10

pack_double: Final = struct.Struct("<d").pack


def varint(value: int) -> bytes:
    """Return a non-negative integer below 2**64 as a varint."""
    out = b""
    while value > _LOW:
        out += _MORE[value & _LOW]
        value >>= 14
    return out + _LAST[value]


def framed(tag: bytes, body: bytes) -> bytes:
    """Return a length-delimited field."""
    return tag + varint(len(body)) + body


def utf8(text: str) -> bytes:
    """Return UTF-8; a lone surrogate becomes its visible escape."""
    return text.encode("utf-8", "backslashreplace")


def any_value(value: Any) -> bytes:
    """Return the body of an ``AnyValue``; integers beyond 64 bit are decimal text."""
    kind = type(value)
    if kind is str:
        return framed(_STRING, utf8(value))
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is int:
        return _integer(value)
    if kind is float:
        return _DOUBLE + pack_double(value)
    if kind is bytes:
        return framed(_BYTES, value)
    return b"" if value is None else _container(plain(value))


def _integer(value: int) -> bytes:
    if INT64_MIN <= value <= INT64_MAX:
        return _INT + varint(value & _UINT64)
    return framed(_STRING, decimal(value).encode())


def _container(value: Any) -> bytes:
    if isinstance(value, tuple):
        return framed(_ARRAY, b"".join(framed(_ITEM, any_value(item)) for item in value))
    if isinstance(value, Mapping):
        return framed(_KVLIST, attributes(_ITEM, value))
    return any_value(value)


def attributes(tag: bytes, mapping: Mapping[str, Any]) -> bytes:
    """Return a ``repeated KeyValue`` field with a mapping's items."""
    return b"".join(framed(tag, key_value(key, value)) for key, value in mapping.items())


def key_value(key: str, value: Any) -> bytes:
    """Return the body of a ``KeyValue``."""
    name = plain(key)
    return framed(_KEY, utf8(name if isinstance(name, str) else str(name))) + framed(
        VALUE_TAG, any_value(value)
    )


class Budget:
    """How many table entries may still be kept; shared by every table of an encoder."""

    __slots__ = ("left",)

    def __init__(self, entries: int) -> None:
        self.left = entries

    def take(self, entries: int = 1) -> bool:
        """Return whether there is room for more entries, and take it."""
        self.left -= entries
        return self.left >= 0


class _Table(dict[int, bytes]):
    """Encoded attributes, or their beginnings, computed when they are first asked for."""

    __slots__ = ("_budget", "_head", "_tag")

    def __init__(self, tag: bytes, head: bytes, budget: Budget) -> None:
        self._tag = tag
        self._head = head
        self._budget = budget

    def __missing__(self, key: int) -> bytes:
        made = self._make(key)
        if self._budget.take():
            self[key] = made
        return made

    def _make(self, key: int) -> bytes:
        raise NotImplementedError


class _TextPrefixes(_Table):
    """The bytes before a text of a given length in UTF-8 bytes."""

    __slots__ = ()

    def _make(self, key: int) -> bytes:
        text = _STRING + varint(key)
        value = VALUE_TAG + varint(len(text) + key) + text
        return self._tag + varint(len(self._head) + len(value) + key) + self._head + value


class _IntegerPrefixes(_Table):
    """The bytes before a varint of a given length."""

    __slots__ = ()

    def _make(self, key: int) -> bytes:
        value = VALUE_TAG + varint(key + 1) + _INT
        return self._tag + varint(len(self._head) + len(value) + key) + self._head + value


class _Integers(_Table):
    """Whole attributes by their number; only small numbers are kept."""

    __slots__ = ("_prefixes",)

    def __init__(self, tag: bytes, head: bytes, budget: Budget) -> None:
        super().__init__(tag, head, budget)
        self._prefixes = _IntegerPrefixes(tag, head, budget)

    def __missing__(self, key: int) -> bytes:
        if 0 <= key < _SMALL:
            return super().__missing__(key)
        if _TWO_STEPS <= key < _THREE_STEPS:  # milliseconds and the like: `varint` without a loop
            data = _MORE[key & _LOW] + _MORE[key >> 14 & _LOW] + _LAST[key >> 28]
            return self._prefixes[len(data)] + data
        if not INT64_MIN <= key <= INT64_MAX:
            return framed(self._tag, self._head + framed(VALUE_TAG, _integer(key)))
        data = varint(key & _UINT64)
        return self._prefixes[len(data)] + data

    def _make(self, key: int) -> bytes:
        data = varint(key)
        return self._prefixes[len(data)] + data


class Attribute:
    """An attribute key with tables of what has been encoded under it.

    Attributes:
        head: the encoded key.
        texts: UTF-8 length -> what stands before the text.
        integers: number -> the whole attribute.
        double: what stands before the eight bytes of a float.
    """

    __slots__ = ("_constants", "_tag", "double", "head", "integers", "texts")

    def __init__(self, tag: bytes, key: str, budget: Budget) -> None:
        self._tag = tag
        self.head = framed(_KEY, utf8(key))
        self.texts = _TextPrefixes(tag, self.head, budget)
        self.integers = _Integers(tag, self.head, budget)
        self.double = self.encode(0.0)[:-8]
        self._constants = {
            id(None): self.encode("None"),
            id(True): self.encode(True),
            id(False): self.encode(False),
            id(REDACTED_NODE): self.encode(REDACTED_NODE),
        }

    def encode(self, value: Any) -> bytes:
        """Return the whole field for a value of any kind."""
        return framed(self._tag, self.head + framed(VALUE_TAG, any_value(value)))

    def encode_captured(self, value: Captured) -> bytes:
        """Return the whole field for a captured value, of which None is text."""
        constant = self._constants.get(id(value))
        if constant is not None:
            return constant
        return self.encode(value)


def last_field(message: bytes, number: int) -> int | bytes | None:
    """Return the last value of a field in a message, as protobuf has it, or None without one.

    Raises:
        ValueError: it is no message.
    """
    found: int | bytes | None = None
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        value, position = _read_value(message, position, tag & 7)
        if tag >> 3 == number:
            found = value
    return found


def _read_value(message: bytes, position: int, wire_type: int) -> tuple[int | bytes, int]:
    if wire_type == _VARINT:
        return _read_varint(message, position)
    if wire_type not in _LENGTHS:
        raise ValueError
    length = _LENGTHS[wire_type]
    if length is None:
        length, position = _read_varint(message, position)
    if position + length > len(message):
        raise ValueError
    return message[position : position + length], position + length


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[position : position + _LONGEST_VARINT]):
        value |= (byte & 127) << 7 * index
        if byte < 128:  # noqa: PLR2004 - the bit that says that more follow
            return value & _UINT64, position + index + 1
    raise ValueError
