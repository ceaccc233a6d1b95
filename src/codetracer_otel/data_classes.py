"""Data classes whose methods are shared closures: nothing is compiled for them at import.

`dataclasses.dataclass` writes the source of six methods for each class and compiles it. Measured on
CPython 3.12: 4.7 million instructions (0.4 ms) for a class, a third of what a start took; 0.5
million here. A method costs about the same when it is called.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field, dataclass
    from inspect import Signature

    Decorator = Callable[[type], type]

__all__ = ["dataclass"]

_set: Final = object.__setattr__
_MISSING: Final = dataclasses.MISSING

if not TYPE_CHECKING:

    def dataclass(
        cls: type | None = None,
        /,
        *,
        frozen: bool = False,
        slots: bool = False,
        eq: bool = True,
        repr: bool = True,  # noqa: A002 - the name in `dataclasses`
    ) -> type | Decorator:
        """Do what `dataclasses.dataclass` does with these arguments."""

        def decorate(cls: type) -> type:
            make = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=slots, frozen=_inherits_frozen(cls)
            )
            made = make(cls)
            settings = made.__dataclass_params__
            settings.init, settings.repr, settings.eq, settings.frozen = True, repr, eq, frozen
            for name, method in _methods_of(made, is_frozen=frozen, is_slotted=slots).items():
                if name not in cls.__dict__:
                    method.__qualname__ = f"{cls.__qualname__}.{name}"
                    setattr(made, name, method)
            if eq and not frozen:
                made.__hash__ = None
            made.__signature__ = _LazySignature(made.__init__)
            return made

        return decorate if cls is None else decorate(cls)


def _inherits_frozen(cls: type) -> bool:
    """Return whether `dataclasses` asks for a class that is frozen as its bases are."""
    settings = (getattr(base, "__dataclass_params__", None) for base in cls.__bases__)
    return any(each.frozen for each in settings if each is not None)


def _methods_of(cls: Any, *, is_frozen: bool, is_slotted: bool) -> dict[str, Callable[..., Any]]:
    fields = dataclasses.fields(cls)
    settings = cls.__dataclass_params__
    methods: dict[str, Callable[..., Any]] = {"__init__": _init_of(cls, fields)}
    if settings.repr:
        methods["__repr__"] = _repr_of([field.name for field in fields if field.repr])
    if settings.eq:
        methods |= _comparing(cls, [field.name for field in fields if field.compare], is_frozen)
    if is_frozen:
        methods |= _freezing(cls, [field.name for field in fields])
    if is_frozen and is_slotted:
        methods |= _pickling([field.name for field in fields])
    return methods


def _init_of(cls: Any, fields: tuple[Field[Any], ...]) -> Callable[..., None]:
    names = tuple(field.name for field in fields if field.init)
    count = len(names)
    fill = _filler(cls, fields, names)
    made_here = [(field.name, field.default_factory) for field in fields if not field.init]
    then: Callable[[Any], object] | None = getattr(cls, "__post_init__", None)

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
        if named or len(values) != count:
            values = fill(values, named)
        for name, value in zip(names, values, strict=True):
            _set(self, name, value)
        for name, make in made_here:
            if make is not _MISSING:
                _set(self, name, make())
        if then is not None:
            then(self)

    return __init__


def _filler(
    cls: Any, fields: tuple[Field[Any], ...], names: tuple[str, ...]
) -> Callable[[tuple[object, ...], dict[str, object]], tuple[object, ...]]:
    """Return what puts arguments and defaults into the order of the fields."""
    defaults = [(f.name, f.default, f.default_factory) for f in fields if f.init]

    def fill(values: tuple[object, ...], named: dict[str, object]) -> tuple[object, ...]:
        if len(values) > len(names):
            raise TypeError(f"{cls.__name__}() takes {len(names)} values, got {len(values)}")
        filled = list(values)
        for name, default, make in defaults[len(values) :]:
            if name in named:
                filled.append(named.pop(name))
            elif default is not _MISSING:
                filled.append(default)
            elif make is not _MISSING:
                filled.append(make())
            else:
                raise TypeError(f"{cls.__name__}() lacks a value for {name!r}")
        if named:
            raise TypeError(f"{cls.__name__}() has no place for {', '.join(named)}")
        return tuple(filled)

    return fill


def _repr_of(names: list[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:  # noqa: N807
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return __repr__


def _comparing(cls: Any, names: list[str], is_frozen: bool) -> dict[str, Callable[..., Any]]:  # noqa: FBT001
    values_of: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(values_of(self) == values_of(other))

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash((cls, values_of(self)))

    return {"__eq__": __eq__, "__hash__": __hash__} if is_frozen else {"__eq__": __eq__}


def _freezing(cls: Any, names: list[str]) -> dict[str, Callable[..., Any]]:
    known = frozenset(names)

    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        if type(self) is cls or name in known:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in known:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def _pickling(names: list[str]) -> dict[str, Callable[..., Any]]:
    """Slots of a frozen class are read and set one by one."""

    def __getstate__(self: Any) -> list[object]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: Any, state: list[object]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            _set(self, name, value)

    return {"__getstate__": __getstate__, "__setstate__": __setstate__}


class _LazySignature:
    """Lets `inspect.signature` of a class name its fields; nothing is made before it is asked.

    Args:
        init: of the data class; a class below it may have another.
    """

    def __init__(self, init: object) -> None:
        self._init = init

    def __get__(self, instance: object, cls: Any) -> Signature:
        """Return the signature of ``cls``."""
        from inspect import Parameter, Signature, signature  # noqa: PLC0415 - seldom needed

        if cls.__init__ is not self._init:
            stated = signature(cls.__init__)
            return stated.replace(parameters=list(stated.parameters.values())[1:])
        kind, empty = Parameter.POSITIONAL_OR_KEYWORD, Parameter.empty
        parameters = [
            Parameter(field.name, kind, default=_shown_default(field, empty), annotation=field.type)
            for field in dataclasses.fields(cls)
            if field.init
        ]
        return Signature(parameters, return_annotation=None)


def _shown_default(field: Field[Any], empty: object) -> object:
    if field.default is not _MISSING:
        return field.default
    if field.default_factory is _MISSING:
        return empty
    return vars(dataclasses)["_HAS_DEFAULT_FACTORY"]  # the sign that `dataclasses` shows, too
