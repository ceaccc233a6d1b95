"""Short texts for well-known types, from what their C code or their slots hold."""

from __future__ import annotations

import datetime as dt
import enum
import sys
import types
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.values.objects.arrays import array_form, frame_form
from codetracer_otel.instrumentation.values.safe_access import (
    MISSING,
    class_attribute,
    class_name,
    class_order,
    exact_text,
    instance_attributes,
    module_attribute,
    read_member,
    read_slot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ShortForm = Callable[[Any], str | None]

_LARGE: Final = 2**64
_MANY_BITS: Final = 1100  # as many as a fraction of a float has
_UUID_DIGITS: Final = 32
_UUID_PARTS: Final = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made while the program runs


def _of_library[T](cls: type[T]) -> type[T]:
    """Return the class that C code made, of which a tool may have put a subclass in its place."""
    return next((base for base in cls.__mro__ if not base.__flags__ & _HEAP_TYPE), cls)


class DateTimeTypes:
    """The library's classes of dates and times.

    freezegun replaces them under every name of a module, while tests run; not within a class.
    """

    datetime = _of_library(dt.datetime)
    date = _of_library(dt.date)
    time = _of_library(dt.time)
    timezone = _of_library(dt.timezone)


_read_code_name = types.FunctionType.__dict__["__qualname__"].__get__


def short_form(cls: type, modules: Mapping[str, Any]) -> ShortForm | None:
    """Return how instances of a class are written, None for a class without a short form.

    Args:
        cls: any class.
        modules: ``sys.modules``; nothing is imported.

    Returns:
        A callable that gives the text, or None where an instance is not what its class promises.
    """
    order = class_order(cls)
    if any(entry is enum.Enum for entry in order):
        return enum_text
    for base, form in _OWN_FORMS:
        if any(entry is base for entry in order):
            return form
    for module, name, build in _LOADED_FORMS:
        base = module_attribute(modules, module, name)
        if any(entry is base for entry in order):
            return build(modules, cls)
    return None


def enum_text(value: object) -> str | None:
    """Return ``Class.MEMBER``, or the number of a combination of flags."""
    held = instance_attributes(value)
    own_class = class_name(type(value)).rpartition(".")[2]
    name = exact_text(held.get("_name_"))
    if name:
        return f"{own_class}.{name}"
    number = held.get("_value_")  # a combination of flags without a name
    return f"{own_class}({number})" if type(number) is int and abs(number) < _LARGE else None


def datetime_text(value: dt.datetime) -> str:
    """Return the moment as ISO 8601 has it; a zone of the program is named instead of asked."""
    zone = read_member(value, DateTimeTypes.datetime.__dict__["tzinfo"])
    # A zone made by C asks a subclass of datetime for its fields.
    if _is_fixed_zone(zone) or (type(value) is DateTimeTypes.datetime and _is_made_by_c(zone)):
        return DateTimeTypes.datetime.isoformat(value)
    return f"{_naive_datetime(value)} {class_name(type(zone))}"


def _naive_datetime(value: dt.datetime) -> str:
    read = DateTimeTypes.datetime.__dict__
    moment = [read_member(value, read[name]) for name in ("hour", "minute", "second")]
    return DateTimeTypes.date.isoformat(value) + "T" + ":".join(f"{part:02d}" for part in moment)


def _time_text(value: dt.time) -> str:
    zone = read_member(value, DateTimeTypes.time.__dict__["tzinfo"])
    if _is_fixed_zone(zone) or _is_made_by_c(zone):
        return DateTimeTypes.time.isoformat(value)
    hour, minute = (
        read_member(value, DateTimeTypes.time.__dict__[name]) for name in ("hour", "minute")
    )
    return f"{hour:02d}:{minute:02d} {class_name(type(zone))}"


def _is_fixed_zone(zone: object) -> bool:
    return zone is None or type(zone) is DateTimeTypes.timezone


def _is_made_by_c(zone: object) -> bool:
    """Return whether asking a time zone for its offset runs C code only."""
    kind = type(zone)
    is_method = type(class_attribute(kind, "utcoffset")) is types.MethodDescriptorType
    hook = class_attribute(kind, "__getattribute__")
    return is_method and type(hook) is types.WrapperDescriptorType


def _is_number(value: object) -> bool:
    return type(value) is int and value.bit_length() <= _MANY_BITS


def _range_text(value: range) -> str | None:
    numbers = [read_member(value, range.__dict__[name]) for name in ("start", "stop", "step")]
    return f"range({', '.join(map(str, numbers))})" if all(map(_is_number, numbers)) else None


def slice_text(value: slice) -> str | None:
    """Return ``slice(1, None, None)``; bounds that are no numbers are values of their own."""
    bounds = [read_member(value, slice.__dict__[name]) for name in ("start", "stop", "step")]
    is_plain = all(bound is None or _is_number(bound) for bound in bounds)
    return f"slice({', '.join(map(str, bounds))})" if is_plain else None


def class_text(value: type) -> str:
    """Return ``<class module.QualName>``."""
    return f"<class {class_name(value)}>"


def function_text(value: types.FunctionType) -> str | None:
    """Return ``<function QualName>``."""
    name = exact_text(_read_code_name(value))
    return f"<function {name}>" if name else None


def _complex_text(value: complex) -> str:
    return complex.__repr__(complex.__complex__(value))


_OWN_FORMS: Final[tuple[tuple[type, ShortForm], ...]] = (
    (DateTimeTypes.datetime, datetime_text),
    (DateTimeTypes.date, DateTimeTypes.date.isoformat),
    (DateTimeTypes.time, _time_text),
    (dt.timedelta, dt.timedelta.__str__),
    (range, _range_text),
    (slice, slice_text),
    (type, class_text),
    (types.FunctionType, function_text),
    (complex, _complex_text),
)


def _decimal_form(modules: Mapping[str, Any], _cls: type) -> ShortForm | None:
    """Write decimals through a context of our own: `str` would make one in the program's."""
    context = module_attribute(modules, "decimal", "Context")
    if context is MISSING or type(class_attribute(context, "to_sci_string")) is not (
        types.MethodDescriptorType
    ):
        return None
    write: ShortForm = context(prec=28, traps=[]).to_sci_string
    return write


def _uuid_form(_modules: Mapping[str, Any], _cls: type) -> ShortForm:
    return uuid_text


def uuid_text(value: object) -> str | None:
    """Return a UUID as it is usually written, from the number that it holds."""
    number = read_slot(value, "int")
    if type(number) is not int:
        return None
    digits = f"{number:032x}"
    if len(digits) != _UUID_DIGITS:
        return None
    return "-".join(digits[start:end] for start, end in _UUID_PARTS)


def _path_form(_modules: Mapping[str, Any], _cls: type) -> ShortForm:
    return path_text


def path_text(value: object) -> str | None:
    """Return the text a path keeps once it was asked for, or what it was made from."""
    text = exact_text(read_slot(value, "_str"))
    if text is not None:
        return text
    parts = read_slot(value, "_raw_paths")
    if type(parts) is not list:
        return None
    texts = [exact_text(part) for part in parts]
    joined = ""
    for text in texts:
        if text is None:
            return None
        joined = text if text.startswith("/") or not joined else f"{joined.rstrip('/')}/{text}"
    return joined or "."


def _fraction_form(_modules: Mapping[str, Any], _cls: type) -> ShortForm:
    return fraction_text


def fraction_text(value: object) -> str | None:
    """Return ``1/3``, or ``2`` for a whole number, as `str` does."""
    above, below = read_slot(value, "_numerator"), read_slot(value, "_denominator")
    if not (_is_number(above) and _is_number(below)):
        return None
    return str(above) if below == 1 else f"{above}/{below}"


def _address_form(write: Callable[[int], str], bits: int, *, is_network: bool = False) -> Any:
    """Return what builds the form of a class of `ipaddress`, from the number that it holds."""

    def address_text(value: object) -> str | None:
        number, zone = read_slot(value, "_ip"), exact_text(read_slot(value, "_scope_id"))
        if type(number) is not int or not 0 <= number < 2**bits:
            return None
        return write(number) + (f"%{zone}" if zone else "")

    def network_text(value: object) -> str | None:
        held = instance_attributes(value)
        address = held.get("network_address", value)  # an interface is an address itself
        length, text = held.get("_prefixlen"), address_text(address)
        is_length = type(length) is int and 0 <= length <= bits
        return f"{text}/{length}" if text is not None and is_length else None

    text = network_text if is_network else address_text
    return lambda _modules, _cls: text


def _dotted(number: int) -> str:
    return ".".join(map(str, number.to_bytes(4, "big")))


def _groups(number: int) -> str:
    """Return the groups of an IPv6 address, the first longest run of zeros as ``::``."""
    if _SHOWS_MAPPED and number >> 32 == _MAPPED:
        return f"::ffff:{_dotted(number & 0xFFFFFFFF)}"
    digits = f"{number:032x}"
    groups = [digits[at : at + 4].lstrip("0") or "0" for at in range(0, 32, 4)]
    text = f":{':'.join(groups)}:"
    for length in range(8, 1, -1):  # one zero stays as it is
        before, zeros, after = text.partition(f"{':0' * length}:")
        if zeros:
            return f"{before[1:]}::{after[:-1]}"
    return text[1:-1]


_SHOWS_MAPPED: Final = sys.version_info >= (3, 13)  # as `str` of an IPv6Address
_MAPPED: Final = 0xFFFF  # an IPv4 address follows

_LOADED_FORMS: Final = (
    ("decimal", "Decimal", _decimal_form),
    ("uuid", "UUID", _uuid_form),
    ("pathlib", "PurePath", _path_form),
    ("fractions", "Fraction", _fraction_form),
    ("ipaddress", "IPv4Interface", _address_form(_dotted, 32, is_network=True)),
    ("ipaddress", "IPv6Interface", _address_form(_groups, 128, is_network=True)),
    ("ipaddress", "IPv4Address", _address_form(_dotted, 32)),
    ("ipaddress", "IPv6Address", _address_form(_groups, 128)),
    ("ipaddress", "IPv4Network", _address_form(_dotted, 32, is_network=True)),
    ("ipaddress", "IPv6Network", _address_form(_groups, 128, is_network=True)),
    ("numpy", "ndarray", array_form),
    ("pandas", "DataFrame", frame_form),
    ("pandas", "Series", frame_form),
)
