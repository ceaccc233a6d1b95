"""Data classes whose methods are shared closures: nothing is compiled for them at import.

`dataclasses.dataclass` looks at each annotation, writes the source of six methods for each class
and compiles it: 0.4 ms for a class. Here a class is made once, with its methods in it, and what
`dataclasses` says about it (`fields`, `asdict`) is found out when somebody asks. A method costs
about the same when it is called.

A class with `NamedTuple` as its base becomes what `typing` makes of one, which also compiles each
annotation: 60 us for a class.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field, dataclass, replace
    from inspect import Signature
    from typing import NamedTuple

    Decorator = Callable[[type], type]

__all__ = ["NamedTuple", "dataclass", "fields_of", "replace"]

_set: Final = object.__setattr__
_MISSING: Final = dataclasses.MISSING
_FIELDS: Final = "__dataclass_fields__"
_PARAMS: Final = "__dataclass_params__"

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
        """Do what `dataclasses.dataclass` does with these arguments.

        A class must have its annotations as texts, and of pseudo-fields only `ClassVar`.
        """

        def decorate(cls: type) -> type:
            facts = _Facts(cls, frozen=frozen, slots=slots, eq=eq, repr=repr)
            members = facts.members(cls)
            if slots:
                return _with_slots(cls, facts, members)
            for name, value in members.items():
                setattr(cls, name, value)
            facts.settle(cls)
            return cls

        return decorate if cls is None else decorate(cls)

    def replace(obj: Any, /, **changes: object) -> Any:
        """Do what `dataclasses.replace` does."""
        # Of the class itself, not inherited: a base's method knows fewer fields. Before 3.13 the
        # standard library makes none.
        make = vars(type(obj)).get("__replace__")
        return dataclasses.replace(obj, **changes) if make is None else make(obj, **changes)

    class _TupleMaker(type):
        """Makes a named tuple of a class body whose annotations are texts."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.pop("__annotations__")
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024 - the fields are known now
            made.__annotations__ = made.__new__.__annotations__ = fields
            for key, value in body.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_TupleMaker):
        """Stands for `typing.NamedTuple` as the base of a class."""


class _Facts:
    """What is known of a data class.

    Attributes:
        fields: name -> default, `dataclasses.Field` or MISSING; inherited ones come first.
        cls: the finished class.
    """

    cls: Any = None

    def __init__(self, cls: Any, **options: bool) -> None:
        self.options = options
        values, annotations = vars(cls), cls.__annotations__
        self._own = {
            name: values.get(name, _MISSING)
            for name, shown in annotations.items()
            if not shown.startswith("ClassVar")
        }
        self._shown = cls.__name__, cls.__module__, annotations
        self._bases = [base for base in cls.__mro__[:0:-1] if _FIELDS in vars(base)]
        self.fields: dict[str, Any] = {}
        for base in self._bases:
            fact = vars(base)[_FIELDS]
            self.fields |= fact.facts.fields if isinstance(fact, _Fact) else fact
        self.fields |= self._own
        self._asked: Any = None

    def names(self, use: str) -> list[str]:
        """Return the fields of which `dataclasses.field` was not told to leave out ``use``."""
        return [
            name
            for name, value in self.fields.items()
            if not isinstance(value, dataclasses.Field) or getattr(value, use)
        ]

    def members(self, cls: Any) -> dict[str, Any]:
        """Return what the class gets beside what its body states."""
        body, methods = vars(cls), _methods_of(self, has_more=hasattr(cls, "__post_init__"))
        members: dict[str, Any] = {}
        for name, method in methods.items():
            if name not in body:
                method.__qualname__ = f"{cls.__qualname__}.{name}"
                members[name] = method
        if self.options["eq"] and not self.options["frozen"]:
            members["__hash__"] = None
        members["__signature__"] = _LazySignature(members.get("__init__", body.get("__init__")))
        members["__match_args__"] = tuple(self.names("init"))
        return members | {name: _Fact(self, name) for name in (_FIELDS, _PARAMS)}

    def settle(self, cls: Any) -> None:
        """Take note of the finished class, which has defaults where its body has fields."""
        self.cls = cls
        for name, value in self._own.items():
            if not isinstance(value, dataclasses.Field) or self.options["slots"]:
                continue
            if value.default is _MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, value.default)

    def ask(self) -> Any:
        """Return a class that `dataclasses` has made with the same fields and options."""
        if self._asked is None:
            name, module, annotations = self._shown
            stated = {key: value for key, value in self._own.items() if value is not _MISSING}
            body = {**stated, "__module__": module, "__annotations__": annotations}
            make = dataclasses.dataclass(init=False, repr=False, eq=False)
            asked: Any = make(type(name, (), body))
            inherited: dict[str, Any] = {}
            for base in self._bases:
                inherited |= getattr(base, _FIELDS)
            asked.__dataclass_fields__ = inherited | asked.__dataclass_fields__
            settings = asked.__dataclass_params__
            settings.init = True
            for option, value in self.options.items():
                setattr(settings, option, value)
            self._asked = asked
        return self._asked


class _Fact:
    """An attribute by which `dataclasses` knows a data class, found out when it is asked for."""

    def __init__(self, facts: _Facts, name: str) -> None:
        self.facts = facts
        self._name = name

    def __get__(self, instance: object, cls: object) -> Any:
        return getattr(self.facts.ask(), self._name)


def fields_of(stated: object) -> list[tuple[str, bool]] | None:
    """Return (name, shown in repr) for what a class of ours has as its ``__dataclass_fields__``.

    None for anything else. Unlike `dataclasses.fields` it makes nothing, and runs no other code.
    """
    if type(stated) is not _Fact:
        return None
    shown = stated.facts.names("repr")
    return [(name, name in shown) for name in stated.facts.fields]


def _with_slots(cls: Any, facts: _Facts, members: dict[str, Any]) -> type:
    """Return the class anew: what has slots has them from the beginning."""
    inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    left_out = {*facts.fields, "__dict__", "__weakref__"}
    body = {name: value for name, value in vars(cls).items() if name not in left_out}
    body["__slots__"] = tuple(name for name in facts.fields if name not in inherited)
    body["__qualname__"] = cls.__qualname__
    made: type = type(cls)(cls.__name__, cls.__bases__, body | members)
    facts.settle(made)
    return made


def _methods_of(facts: _Facts, *, has_more: bool) -> dict[str, Any]:
    options = facts.options
    methods: dict[str, Callable[..., Any]] = {"__init__": _init_of(facts, has_more=has_more)}
    methods["__replace__"] = _replacing(facts.names("init"))
    if options["repr"]:
        methods["__repr__"] = _repr_of(facts.names("repr"))
    if options["eq"]:
        methods |= _comparing(facts.names("compare"), options["frozen"])
    if options["frozen"]:
        methods |= _freezing(facts)
    if options["frozen"] and options["slots"]:
        methods |= _pickling(facts)
    return methods


def _init_of(facts: _Facts, *, has_more: bool) -> Callable[..., None]:
    names = tuple(facts.names("init"))
    count = len(names)
    fill = _filler(facts, names)
    made_here = [
        (name, value.default_factory)
        for name, value in facts.fields.items()
        if name not in names and value.default_factory is not _MISSING
    ]

    def __init__(self: Any, *values: object, **named: object) -> None:  # noqa: N807
        if named or len(values) != count:
            values = fill(values, named)
        for name, value in zip(names, values, strict=True):
            _set(self, name, value)
        for name, make in made_here:
            _set(self, name, make())
        if has_more:
            self.__post_init__()

    return __init__


def _replacing(names: list[str]) -> Callable[..., Any]:
    def __replace__(self: Any, /, **changes: object) -> Any:  # noqa: N807
        return self.__class__(**{name: getattr(self, name) for name in names} | changes)

    return __replace__


def _filler(
    facts: _Facts, names: tuple[str, ...]
) -> Callable[[tuple[object, ...], dict[str, object]], tuple[object, ...]]:
    """Return what puts arguments and defaults into the order of the fields."""
    defaults = [(name, *_default(facts.fields[name])) for name in names]

    def fill(values: tuple[object, ...], named: dict[str, object]) -> tuple[object, ...]:
        if len(values) > len(names):
            given = f"takes {len(names)} arguments, got {len(values)}"
            raise TypeError(f"{facts.cls.__name__}() {given}")
        filled = list(values)
        for name, default, make in defaults[len(values) :]:
            if name in named:
                filled.append(named.pop(name))
            elif default is not _MISSING:
                filled.append(default)
            elif make is not _MISSING:
                filled.append(make())
            else:
                raise TypeError(f"{facts.cls.__name__}() is missing the argument {name!r}")
        if named:
            raise TypeError(f"{facts.cls.__name__}() {_misplaced(next(iter(named)), names)}")
        return tuple(filled)

    return fill


def _misplaced(name: str, names: tuple[str, ...]) -> str:
    if name in names:
        return f"got multiple values for argument {name!r}"
    return f"got an unexpected keyword argument {name!r}; expected {', '.join(names)}"


def _default(stated: Any) -> tuple[Any, Any]:
    if isinstance(stated, dataclasses.Field):
        return stated.default, stated.default_factory
    return stated, _MISSING


def _repr_of(names: list[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:  # noqa: N807
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return __repr__


def _comparing(names: list[str], is_frozen: bool) -> dict[str, Callable[..., Any]]:  # noqa: FBT001
    values_of: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(values_of(self) == values_of(other))

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash((self.__class__, values_of(self)))

    return {"__eq__": __eq__, "__hash__": __hash__} if is_frozen else {"__eq__": __eq__}


def _freezing(facts: _Facts) -> dict[str, Callable[..., Any]]:
    known = frozenset(facts.fields)

    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        if type(self) is facts.cls or name in known:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(facts.cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is facts.cls or name in known:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(facts.cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def _pickling(facts: _Facts) -> dict[str, Callable[..., Any]]:
    """Slots of a frozen class are read and set one by one."""
    names = list(facts.fields)

    def names_of(cls: Any) -> list[str]:  # a subclass made by the standard library has more fields
        return names if cls is facts.cls else [each.name for each in dataclasses.fields(cls)]

    def __getstate__(self: Any) -> list[object]:  # noqa: N807
        return [getattr(self, name) for name in names_of(type(self))]

    def __setstate__(self: Any, state: list[object]) -> None:  # noqa: N807
        for name, value in zip(names_of(type(self)), state, strict=True):
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
    return vars(dataclasses)["_HAS_DEFAULT_FACTORY"]  # what `dataclasses` shows in signatures
