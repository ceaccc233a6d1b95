"""Finds the name and the form in which instances of a class are captured."""

from __future__ import annotations

import types
import weakref
from collections import deque
from dataclasses import Field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass, fields_of
from codetracer_otel.instrumentation.values.known_types import short_form
from codetracer_otel.instrumentation.values.objects.fields import (
    exception_reader,
    field_reader,
    wants_nothing,
)
from codetracer_otel.instrumentation.values.safe_access import (
    MISSING,
    class_attribute,
    class_name,
    class_order,
    derives,
    exact_text,
    instance_attributes,
    module_attribute,
    read_slot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.instrumentation.values.objects.fields import ReadFields, Wanted

_MAX_CLASSES: Final = 2048


class Form(Enum):
    """How the instances of a class are captured."""

    TEXT = "text"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    NUMBER = "number"  # a NumPy scalar
    BYTES = "bytes"
    BYTEARRAY = "bytearray"
    LIST = "list"
    TUPLE = "tuple"
    SET = "set"
    FROZENSET = "frozenset"
    QUEUE = "queue"
    MAPPING = "mapping"
    NAMED_TUPLE = "named tuple"
    STRUCT = "struct"
    EXCEPTION = "exception"
    FIELDS = "fields"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """What was found out about a class.

    Attributes:
        full_name: ``module.QualName``, what ``type`` patterns are compared with.
        name: the same without ``builtins.``.
        form: how instances are captured.
        write: with TEXT, gives the text or None; with NUMBER, the Python scalar.
        fields: with STRUCT and NAMED_TUPLE, the field names; for a STRUCT with whether it is a
            slot, or stands in the instance's dictionary. No descriptor: it would keep the class.
        has_dictionary: with STRUCT, a field stands in the instance's dictionary.
        hidden: how many fields their class keeps out of its own ``repr``.
        may_repr: the class is not a builtin one, so that its ``__repr__`` may be asked for.
        read: with FIELDS, gives the first pairs of field and value, and how many there are.
    """

    full_name: str
    name: str
    form: Form
    write: Callable[[Any], Any] | None = None
    fields: tuple[tuple[str, bool], ...] = ()
    has_dictionary: bool = False
    hidden: int = 0
    may_repr: bool = True
    read: ReadFields | None = None


_BASES: Final[tuple[tuple[type, Form], ...]] = (
    (str, Form.STRING),
    (int, Form.INTEGER),
    (float, Form.FLOAT),
    (bytes, Form.BYTES),
    (bytearray, Form.BYTEARRAY),
    (dict, Form.MAPPING),
    (list, Form.LIST),
    (tuple, Form.TUPLE),
    (set, Form.SET),
    (frozenset, Form.FROZENSET),
    (deque, Form.QUEUE),
    (BaseException, Form.EXCEPTION),
)


class ClassFactsCache:
    """Facts about classes, found once for each and forgotten with it.

    Keyed by identity: hashing a class may run the code of its metaclass.
    """

    __slots__ = ("_facts", "_modules", "_wanted")

    def __init__(self, modules: Mapping[str, Any], wanted: Wanted = wants_nothing) -> None:
        self._modules = modules
        self._wanted = wanted
        self._facts: dict[int, tuple[ClassFacts, weakref.ref[type]]] = {}

    def facts(self, cls: type) -> ClassFacts:
        """Return what is known about ``cls``."""
        known = self._facts.get(id(cls))
        return known[0] if known is not None else self._find_out(cls)

    def _find_out(self, cls: type) -> ClassFacts:
        facts = find_facts(cls, self._modules, self._wanted)
        if len(self._facts) >= _MAX_CLASSES:
            self._facts.clear()
        key, known = id(cls), self._facts
        known[key] = facts, weakref.ref(cls, lambda _: known.pop(key, None))
        return facts


def find_facts(cls: type, modules: Mapping[str, Any], wanted: Wanted = wants_nothing) -> ClassFacts:
    """Find out how instances of ``cls`` are captured.

    Args:
        cls: any class.
        modules: ``sys.modules``.
        wanted: whether the fields of an object that has no form of its own are read.
    """
    full_name = class_name(cls)
    name = full_name.removeprefix("builtins.")
    may_repr = name == full_name
    write = short_form(cls, modules)
    if write is not None:
        return ClassFacts(full_name, name, Form.TEXT, write, may_repr=may_repr)
    fields = _struct_fields(cls)
    if fields is not None:
        return _struct_facts(cls, full_name, name, fields)
    facts = _facts_from_bases(cls, full_name, name, modules, may_repr=may_repr)
    read = None
    if facts.form is Form.OBJECT and may_repr:
        read = field_reader(cls, modules, wanted)
    elif facts.form is Form.EXCEPTION:
        read = exception_reader(cls, wanted)
    return facts if read is None else ClassFacts(full_name, name, Form.FIELDS, read=read)


def _struct_facts(
    cls: type, full_name: str, name: str, fields: list[tuple[str, bool]]
) -> ClassFacts:
    shown = tuple((field, _is_slot(cls, field)) for field, is_shown in fields if is_shown)
    return ClassFacts(
        full_name,
        name,
        Form.STRUCT,
        fields=shown,
        has_dictionary=not all(is_slot for _, is_slot in shown),
        hidden=len(fields) - len(shown),
    )


def _facts_from_bases(
    cls: type, full_name: str, name: str, modules: Mapping[str, Any], *, may_repr: bool
) -> ClassFacts:
    order = class_order(cls)
    for base, form in _BASES:
        if any(entry is base for entry in order):
            names = _tuple_names(cls) if form is Form.TUPLE else None
            if names is not None:
                return ClassFacts(full_name, name, Form.NAMED_TUPLE, None, names)
            return ClassFacts(full_name, name, form, may_repr=may_repr)
    generic = module_attribute(modules, "numpy", "generic")
    if any(entry is generic for entry in order):
        item = class_attribute(generic, "item")
        if type(item) is types.MethodDescriptorType:
            return ClassFacts(full_name, name, Form.NUMBER, item)
    return ClassFacts(full_name, name, Form.OBJECT, may_repr=may_repr)


def _struct_fields(cls: type) -> list[tuple[str, bool]] | None:
    """Return (name, shown in repr) for the fields of a dataclass or attrs class, else None."""
    fields = class_attribute(cls, "__dataclass_fields__")
    if type(fields) is dict:
        return [field for field in map(_dataclass_field, dict.values(fields)) if field is not None]
    ours = fields_of(fields)
    if ours is not None:
        return ours
    attributes = class_attribute(cls, "__attrs_attrs__")
    if attributes is not MISSING and derives(type(attributes), tuple):
        described = map(_named_field, tuple.__iter__(attributes))
        return [field for field in described if field is not None]
    return None


def _dataclass_field(field: object) -> tuple[str, bool] | None:
    """Return a field, None for what only looks like one: class variables have their own kind."""
    if type(field) is not Field:
        return None
    kind = exact_text(instance_attributes(read_slot(field, "_field_type")).get("name"))
    return _named_field(field) if kind == "_FIELD" else None


def _named_field(field: object) -> tuple[str, bool] | None:
    name = exact_text(read_slot(field, "name"))
    return None if name is None else (name, read_slot(field, "repr") is not False)


def _tuple_names(cls: type) -> tuple[tuple[str, bool], ...] | None:
    names = class_attribute(cls, "_fields")
    if type(names) is not tuple or not all(type(name) is str for name in names):
        return None
    return tuple((name, False) for name in names)


def _is_slot(cls: type, name: str) -> bool:
    return type(class_attribute(cls, name)) is types.MemberDescriptorType
