"""Reads the fields of objects: what C finds in a slot or in the instance's dictionary."""

from __future__ import annotations

from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.values.objects.web import WEB_TYPES
from codetracer_otel.instrumentation.values.safe_access import (
    MISSING,
    class_attribute,
    class_order,
    first_pairs,
    has_dictionary,
    instance_dictionary,
    module_attribute,
    namespace,
    read_member,
    slot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Pairs = list[tuple[str, Any]]
    # the first pairs of an object, and how many there are
    ReadFields = Callable[[Any], tuple[Pairs, int]]
    # whether a filter wants the fields of a class read; None where it says nothing
    Wanted = Callable[[type], bool | None]

_MOST: Final = 64  # fields of one object that are looked at
MOST_INSIDE: Final = 8  # fields of an object that is shown as them inside of another one
# Base classes whose instances are data wherever their class was written, and what is not data.
_DATA_CLASSES: Final[tuple[tuple[str, str, frozenset[str]], ...]] = (
    ("pydantic.main", "BaseModel", frozenset()),
    ("pydantic.v1.main", "BaseModel", frozenset()),
    ("django.db.models.base", "Model", frozenset({"_state", "_prefetched_objects_cache"})),
    ("msgspec", "Struct", frozenset()),
)
_read_arguments: Final = BaseException.__dict__["args"].__get__
_SQLALCHEMY_MARK: Final = "_sa_class_manager"
_SQLALCHEMY_STATE: Final = frozenset({"_sa_instance_state"})


def wants_nothing(_cls: type) -> bool | None:
    """Stand for the filter where there is none."""
    return None


def field_reader(
    cls: type, modules: Mapping[str, Any], wanted: Wanted = wants_nothing
) -> ReadFields | None:
    """Return what reads the fields of a class's instances, None where its name is all there is.

    Args:
        cls: any class.
        modules: ``sys.modules``; nothing is imported.
        wanted: what the filter says.
    """
    answer = wanted(cls)
    if answer is False:
        return None
    order = class_order(cls)
    for module, name, read in WEB_TYPES:
        base = module_attribute(modules, module, name)
        if any(entry is base for entry in order):
            return read
    for module, name, left_out in _DATA_CLASSES:
        base = module_attribute(modules, module, name)
        if any(entry is base for entry in order):
            return _reader(cls, left_out, is_model=True)
    if class_attribute(cls, _SQLALCHEMY_MARK) is not MISSING:
        return _reader(cls, _SQLALCHEMY_STATE, is_model=True)
    return _reader(cls, frozenset()) if answer else None


def exception_reader(cls: type, wanted: Wanted) -> ReadFields | None:
    """Return what reads arguments and fields of a class of exceptions; None for arguments alone."""
    if not wanted(cls) or class_attribute(cls, "__dict__") is MISSING:
        return None
    read = FieldReader(cls, frozenset())

    def pairs_of(value: Any) -> tuple[Pairs, int]:
        pairs, count = read(value)
        return [("args", _read_arguments(value)), *pairs], count + 1

    return pairs_of


class FieldReader:
    """Reads the slots of a class's instances, and the contents of their dictionaries.

    Descriptors are looked up each time: one that is kept keeps its class alive.

    Attributes:
        slots: their names.
        left_out: names that are no data, beside those with two underscores.
        has_dictionary: whether the instances have a dictionary.
        is_model: the class is a library's form of data.
    """

    __slots__ = ("has_dictionary", "is_model", "left_out", "slots")

    def __init__(self, cls: type, left_out: frozenset[str], *, is_model: bool = False) -> None:
        self.is_model = is_model
        self.left_out = left_out
        self.slots = [name for name in _slots(cls) if _is_data(name, left_out)]
        self.has_dictionary = has_dictionary(cls)

    def __call__(self, value: Any) -> tuple[Pairs, int]:
        """Return the first pairs of an object, and how many there are."""
        held = [(name, read_member(value, slot(type(value), name))) for name in self.slots]
        pairs = [pair for pair in held if pair[1] is not MISSING]
        own = instance_dictionary(value) if self.has_dictionary else None
        if own is None:
            return pairs, len(pairs)
        more = first_pairs(own, _MOST)
        shown = [pair for pair in more if type(pair[0]) is str and _is_data(pair[0], self.left_out)]
        unseen = dict.__len__(own) - len(more)
        return pairs + shown, len(pairs) + len(shown) + max(unseen, 0)


def is_part(read: ReadFields, total: int) -> bool:
    """Return whether an object is shown as its fields inside of another one.

    Objects lead to all others. What is small or a model belongs to the one that holds it; what has
    many fields is mostly the application, the document, the connection that everything knows.

    Args:
        read: its class's.
        total: how many fields it has.
    """
    return total <= MOST_INSIDE or type(read) is not FieldReader or read.is_model


def _reader(cls: type, left_out: frozenset[str], *, is_model: bool = False) -> FieldReader | None:
    """Return what reads slots and dictionary, None where the class has neither."""
    read = FieldReader(cls, left_out, is_model=is_model)
    return read if read.slots or read.has_dictionary else None


def _slots(cls: type) -> list[str]:
    found = (
        name
        for entry in reversed(class_order(cls))
        for name, member in list(namespace(entry).items())
        if type(name) is str and type(member) is MemberDescriptorType
    )
    return list(dict.fromkeys(found))


def _is_data(name: str, left_out: frozenset[str]) -> bool:
    return name not in left_out and not name.startswith("__")
