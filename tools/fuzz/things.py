"""Values of every kind, many of them hostile, for the programs that the fuzzer makes."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


class Slotted:
    __slots__ = ("first", "password", "unset")

    def __init__(self) -> None:
        self.first, self.password = 1, "hunter2"


class Plain:
    def __init__(self) -> None:
        self.name, self.token, self.more = "plain", "hidden", [1, {"api_key": "x"}]


class Empty:
    pass


@dataclasses.dataclass
class Point:
    x: object
    secret: object = "hidden"


@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    x: object
    y: object = None


class Pair(NamedTuple):
    left: object
    right: object


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Hostile:
    """Every question that is asked of it fails."""

    def __getattribute__(self, name: str) -> Any:
        raise ValueError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        raise RuntimeError("hash")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")


class Lying:
    """Says that it is another class, with a dictionary that is none."""

    @property
    def __class__(self) -> type:
        return dict

    @property
    def __dict__(self) -> Any:
        return 7


class Meta(type):
    @property
    def __name__(cls) -> Any:
        return 5

    @property
    def __module__(cls) -> Any:
        raise ValueError("module")

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__qualname__", "__dataclass_fields__"):
            raise KeyError(name)
        return type.__getattribute__(cls, name)

    def __instancecheck__(cls, other: object) -> bool:
        raise RuntimeError("instancecheck")


class OfMeta(metaclass=Meta):
    def __init__(self) -> None:
        self.inner = [1]


class Described:
    """Attributes that are descriptors, and a class attribute that shadows."""

    @property
    def name(self) -> str:
        raise RuntimeError("property")

    value = types.DynamicClassAttribute(lambda _self: 1)

    def __init__(self) -> None:
        self.__dict__["name"] = "beneath the property"
        self.__dict__[3] = "a key that is no text"
        self.__dict__["\ud800"] = "a surrogate"


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Items(list):
    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        return 1 << 40


class Mapping(dict):
    def items(self) -> Any:
        raise RuntimeError("items")

    def __getitem__(self, key: object) -> Any:
        raise RuntimeError("getitem")


class Finalized:
    """Runs something when it goes, whoever lets it go."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __del__(self) -> None:
        self.act()


def endless() -> Any:
    value: list[Any] = [1]
    value.append({"again": value, "tuple": (value,)})
    return value


def endless_object() -> Any:
    value = Plain()
    value.more = [value, {"self": value}]
    return value


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for level in range(levels):
        value = [value] if level % 3 else {"deep": value, "password": level}
    return value


def made_class(number: int) -> Any:
    """An instance of a class that nobody has seen before and that goes with it."""
    names = [f"field_{index}" for index in range(number % 70)]
    kind = type(f"Made{number}", (), {"__slots__": names} if number % 2 else {})
    value = kind()
    for name in names:
        setattr(value, name, number)
    return value


def grown() -> Any:
    """An instance whose attributes do not fit where its class keeps them, and which lost some."""
    value = Empty()
    for index in range(50):
        setattr(value, f"field_{index}", index)
    del value.field_3
    return value


def with_own_dict() -> Any:
    value = Empty()
    value.__dict__ = {"password": "x", "other": [1], "third": None}
    return value


def abandoned() -> Any:
    generator = (item for item in [1, 2])
    next(generator)
    return generator


MAKERS: tuple[Callable[[random.Random], Any], ...] = (
    lambda _: None,
    lambda pick: pick.random() < 0.5,
    lambda pick: pick.randrange(-5, 300),
    lambda pick: pick.choice((1, -1)) << pick.randrange(0, 200),
    lambda pick: pick.choice((2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 2**64, 10**4000)),
    lambda pick: pick.choice((0.0, -0.0, 1e300, float("nan"), float("inf"), 5e-324)),
    lambda pick: complex(pick.random(), 1),
    lambda pick: "x" * pick.randrange(0, 300),
    lambda pick: "é" * pick.randrange(0, 200),
    lambda pick: "\U0001f600" * pick.randrange(0, 200),
    lambda pick: "\ud800" * pick.randrange(1, 5) + "x" * pick.randrange(0, 130),
    lambda pick: "0\0\n\"'\\\x7f\u2028" * pick.randrange(1, 20),
    lambda pick: pick.choice(("password=hunter2", "Bearer abcdef0123456789", "4111111111111111")),
    lambda pick: "y" * pick.choice((1023, 1024, 1025, 70_000)),
    lambda pick: bytes(pick.randrange(256) for _ in range(pick.randrange(0, 200))),
    lambda pick: b"z" * pick.choice((0, 127, 128, 129, 5000)),
    lambda _: bytearray(b"abc"),
    lambda _: memoryview(b"abc"),
    lambda pick: list(range(pick.randrange(0, 40))),
    lambda pick: [str(index) for index in range(pick.randrange(0, 40))],
    lambda pick: tuple([1.5] * pick.randrange(0, 9)),
    lambda pick: {str(index): index for index in range(pick.randrange(0, 40))},
    lambda _: {1: "one", None: 2, (1, 2): 3, "password": "x", "\ud800": 4, Text("t"): 5},
    lambda _: {1, 2, 3},
    lambda _: frozenset({"a"}),
    lambda pick: collections.deque(range(5), maxlen=pick.randrange(1, 9)),
    lambda _: collections.OrderedDict(a=1, secret=2),
    lambda _: collections.defaultdict(list, a=[1]),
    lambda _: collections.Counter("abca"),
    lambda _: collections.ChainMap({"a": 1}, {"b": 2}),
    lambda _: types.MappingProxyType({"a": 1}),
    lambda _: types.SimpleNamespace(a=1, token="x"),
    lambda _: range(5),
    lambda _: slice(1, None),
    lambda _: Ellipsis,
    lambda _: endless(),
    lambda _: endless_object(),
    lambda pick: deep(pick.choice((3, 4, 5, 30, 500))),
    lambda _: Slotted(),
    lambda _: Plain(),
    lambda _: Empty(),
    lambda pick: Point(pick.randrange(9)),
    lambda pick: Frozen(Point([Frozen(pick.randrange(9))])),
    lambda _: Pair(1, Pair(2, Plain())),
    lambda pick: pick.choice((Colour.RED, Flags.A | Flags.B)),
    lambda _: Hostile(),
    lambda _: [Hostile(), {"key": Hostile()}, Point(Hostile())],
    lambda _: Lying(),
    lambda _: OfMeta(),
    lambda _: Described(),
    lambda _: Text("a text of another class"),
    lambda _: Number(7),
    lambda _: Items([1, 2]),
    lambda _: Mapping(a=1, password=2),
    lambda pick: made_class(pick.randrange(1000)),
    lambda _: grown(),
    lambda _: with_own_dict(),
    lambda _: abandoned(),
    lambda _: weakref.proxy(Colour),
    lambda _: uuid.UUID(int=7),
    lambda _: decimal.Decimal("1.50"),
    lambda _: fractions.Fraction(1, 3),
    lambda _: dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    lambda _: pathlib.PurePosixPath("/a/b"),
    lambda _: re.compile("x"),
    lambda _: ValueError("an error", 1),
    lambda _: ExceptionGroup("group", [ValueError(1), TypeError(2)]),
    lambda _: types,
    lambda _: MAKERS,
    lambda _: made_class,
    lambda _: Plain,
    lambda _: OfMeta,
    lambda _: [None, True, 1, "x", b"x", 1.0, (), [], {}],
)


def thing(pick: random.Random) -> Any:
    """A random value; one in four within a container of others."""
    if pick.random() < 0.75:
        return pick.choice(MAKERS)(pick)
    several = [pick.choice(MAKERS)(pick) for _ in range(pick.randrange(6))]
    shape = pick.randrange(4)
    if shape == 0:
        return several
    if shape == 1:
        return tuple(several)
    if shape == 2:
        return {f"key_{index}": value for index, value in enumerate(several)}
    return Point(several)


class Surprise(Exception):
    """What signals and programs raise."""


class BadText(Exception):
    def __str__(self) -> str:
        raise ValueError("str")


class Late(BaseException):
    """Passes those who catch `Exception` alone."""


def error(pick: random.Random) -> BaseException:
    """A random exception, with causes, notes, groups and arguments of every kind."""
    kind = pick.randrange(12)
    made: BaseException
    if kind == 0:
        made = ExceptionGroup("group", [ValueError(1), ExceptionGroup("inner", [TypeError("x")])])
    elif kind == 1:
        made = BadText("x")
    elif kind == 2:
        made = Late("late")
    elif kind == 3:
        made = MemoryError()
    elif kind == 4:
        made = KeyError(thing(pick))
    elif kind == 5:
        made = StopIteration(1)
    elif kind == 6:
        made = OSError(2, "gone", "\udc80")
    elif kind == 7:
        made = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
    elif kind == 8:
        made = GeneratorExit()
    else:
        made = Surprise("password=hunter2", pick.randrange(9))
    if pick.random() < 0.3:
        made.__cause__ = ValueError("cause")
    if pick.random() < 0.1:
        made.__context__ = made.__cause__
        made.add_note("a note \ud800")
    if pick.random() < 0.1:
        other = Surprise("circle")
        other.__cause__, made.__context__ = made, other
    return made
