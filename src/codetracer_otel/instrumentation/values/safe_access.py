"""Reading objects and classes without running a line of the traced program."""

from __future__ import annotations

import types
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.main_module import module_called

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# The C descriptors of `type`, bound here because attribute access on a class may run the code of
# its metaclass, and access on an instance that of its class.
_read_mro = type.__dict__["__mro__"].__get__
_read_namespace = type.__dict__["__dict__"].__get__
_read_module = type.__dict__["__module__"].__get__
_read_qualname = type.__dict__["__qualname__"].__get__

_MAX_NAME: Final = 200
_UNKNOWN: Final = "?"
_ATTEMPTS: Final = 4
MISSING: Final = object()


def class_order(cls: type) -> tuple[type, ...]:
    """Return the method resolution order."""
    order: tuple[type, ...] = _read_mro(cls)
    return order


def namespace(cls: type) -> Mapping[str, Any]:
    """Return a view of the class's own dictionary."""
    own: Mapping[str, Any] = _read_namespace(cls)
    return own


def derives(cls: type, base: type) -> bool:
    """Return whether ``base`` is in the method resolution order; `issubclass` runs hooks."""
    return any(entry is base for entry in class_order(cls))


def exact_text(value: object) -> str | None:
    """Return a text as an exact ``str``, None for anything else."""
    if type(value) is str:
        return value
    return str.__str__(value) if derives(type(value), str) else None


def class_name(cls: type) -> str:
    """Return ``module.QualName``, with ``?`` for what the program replaced by something else."""
    try:
        module = exact_text(_read_module(cls))
    except AttributeError:
        module = None
    qualname = exact_text(_read_qualname(cls))
    return f"{module_called(module or _UNKNOWN)[:_MAX_NAME]}.{(qualname or _UNKNOWN)[:_MAX_NAME]}"


def class_attribute(cls: type, name: str) -> Any:
    """Return what the class or its bases have under ``name``, descriptors as they are."""
    for entry in class_order(cls):
        own = namespace(entry)
        if name in own:
            return own[name]
    return MISSING


def has_dictionary(cls: type) -> bool:
    """Return whether instances have a dictionary that C hands out."""
    return type(class_attribute(cls, "__dict__")) is types.GetSetDescriptorType


def instance_dictionary(value: object) -> dict[Any, Any] | None:
    """Return the instance's dictionary itself, None where it has none that C hands out."""
    descriptor = class_attribute(type(value), "__dict__")
    if type(descriptor) is not types.GetSetDescriptorType:
        return None
    own: dict[Any, Any] = descriptor.__get__(value)
    return own


def instance_attributes(value: object) -> dict[str, Any]:
    """Return a copy of the instance's dictionary, keys that are exact texts only.

    Other keys could run code of the program when they are compared.
    """
    own = instance_dictionary(value)
    if own is None:
        return {}
    return {key: item for key, item in list(dict.items(own)) if type(key) is str}


def slot(cls: type, name: str) -> Any:
    """Return the descriptor of a slot, `MISSING` where no class of the order has such a slot.

    It refers to its class: who keeps it keeps the class alive.
    """
    for entry in class_order(cls):
        found = namespace(entry).get(name)
        if type(found) is types.MemberDescriptorType:
            return found
    return MISSING


def read_slot(value: object, name: str) -> Any:
    """Return what a slot or C member holds, `MISSING` where there is none or it is empty."""
    return read_member(value, class_attribute(type(value), name))


def read_member(value: object, descriptor: Any) -> Any:
    """Return what a descriptor made by C reads, `MISSING` for others and for other classes."""
    kind = type(descriptor)
    if kind is not types.MemberDescriptorType and kind is not types.GetSetDescriptorType:
        return MISSING
    try:
        return descriptor.__get__(value)
    except (AttributeError, TypeError):
        return MISSING


def module_attribute(modules: Mapping[str, Any], module: str, name: str) -> Any:
    """Return what a loaded module has under ``name``; a lazy module stays unloaded."""
    loaded = modules.get(module)
    if type(loaded) is not types.ModuleType:
        return MISSING
    attributes = object.__getattribute__(loaded, "__dict__")
    return attributes.get(name, MISSING)


def first_pairs(table: dict[Any, Any], count: int) -> tuple[tuple[Any, Any], ...]:
    """Return the first items of a dictionary that other threads may change meanwhile."""
    return _first(lambda: dict.items(table), lambda: list(dict.items(table)), count)


def first_members(members: Any, base: Any, count: int) -> tuple[Any, ...]:
    """Return some members of a ``set`` or ``frozenset``, as ``base`` says."""
    return _first(lambda: base.__iter__(members), lambda: frozenset(members), count)


def first_queued(queue: deque[Any], count: int) -> tuple[Any, ...]:
    """Return the first items of a queue; each is read at once."""
    items = []
    for index in range(min(count, deque.__len__(queue))):
        try:
            items.append(deque.__getitem__(queue, index))
        except IndexError:
            break
    return tuple(items)


def _first(
    view: Callable[[], Iterable[Any]], copy: Callable[[], Iterable[Any]], count: int
) -> tuple[Any, ...]:
    # Another thread may change the container between making the iterator and running it. A copy
    # is atomic, but takes all items, so it is the last resort.
    for _ in range(_ATTEMPTS):
        try:
            return tuple(islice(view(), count))
        except RuntimeError:  # changed size during iteration
            continue
    return tuple(islice(copy(), count))
