"""Our data classes do what those of the standard library do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
from dataclasses import FrozenInstanceError, field, fields, replace
from types import SimpleNamespace
from typing import ClassVar, get_type_hints
from typing import NamedTuple as TypingNamedTuple

import pytest

from codetracer_otel.data_classes import NamedTuple, dataclass
from codetracer_otel.data_classes import replace as our_replace
from codetracer_otel.model.record_block import Tally

MAKERS = [dataclasses.dataclass, dataclass]
OPTIONS = [{"frozen": True, "slots": True}, {"slots": True}, {"frozen": True}, {"eq": False}]


def classes(make, **options):
    """Return a data class, and one that adds a field to it."""

    @make(**options)
    class Point:
        """A place."""

        x: int
        names: list[str] = field(default_factory=list, compare=False)
        y: int = 2
        hidden: str = field(default="secret", repr=False)
        count: int = field(default=0, init=False) if not options.get("slots") else 0

        def moved(self, by: int):
            return replace(self, x=self.x + by)

    class Origin(Point):
        """A point that takes something else than its fields."""

        def __init__(self, name: str) -> None:
            super().__init__(0, [name])

    @make(**options)
    class Space(Point):
        """A place above others."""

        z: int = 3

    return SimpleNamespace(point=Point, space=Space, origin=Origin)


@pytest.fixture(params=OPTIONS, ids=str)
def pair(request):
    return [classes(make, **request.param) for make in MAKERS]


def outcome(step):
    try:
        return step()
    except FrozenInstanceError:
        return TypeError  # as 3.12 raises for a new name on a class with slots
    except Exception as error:
        return type(error)


STEPS = [
    lambda c: repr(c.point(1)),
    lambda c: repr(c.space(1, ["a"], y=5, z=7)),
    lambda c: c.point(),
    lambda c: c.point(1, nothing=2),
    lambda c: c.point(1, x=2),
    lambda c: c.point(1, [], 2, "", 4, 5, 6),
    lambda c: c.point(1) == c.point(1, ["other"]),
    lambda c: c.point(1) == c.point(2),
    lambda c: c.point(1) == c.space(1),
    lambda c: c.point(1) == (1, [], 2, "secret"),
    lambda c: len({c.point(1), c.point(1), c.point(2)}),
    lambda c: repr(c.point(1).moved(3)),
    lambda c: repr(copy.deepcopy(c.space(1, ["a"]))),
    lambda c: setattr(c.point(1), "x", 2),
    lambda c: setattr(c.point(1), "new", 2),
    lambda c: delattr(c.point(1), "x"),
    lambda c: [each.name for each in fields(c.space)],
    lambda c: c.point.__match_args__,
    lambda c: str(inspect.signature(c.space)),
    lambda c: str(inspect.signature(c.origin)),
    lambda c: c.point(1).names is not c.point(1).names,
    lambda c: c.point.__hash__ is None,
    lambda c: hasattr(c.point(1), "__dict__"),
    lambda c: repr(copy.replace(c.point(1), x=9)) if sys.version_info > (3, 13) else "",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_class_does_what_one_of_the_standard_library_does(pair, step):
    theirs, ours = pair
    assert outcome(lambda: step(ours)) == outcome(lambda: step(theirs))


@dataclass(frozen=True, slots=True)
class Kept:
    number: int
    text: str = "t"

    def __post_init__(self):
        if self.number < 0:
            raise ValueError(self.number)


@pytest.mark.parametrize(
    ("values", "named", "message"),
    [
        ((1,), {"nams": []}, "got an unexpected keyword argument 'nams'; expected x, names, y, "),
        ((1,), {"x": 2}, r"got multiple values for argument 'x'$"),
        ((), {}, "is missing the argument 'x'"),
        ((1, [], 2, "", 3, 4), {}, r"takes 5 arguments, got 6$"),
    ],
)
def test_a_wrong_argument_is_named(values, named, message):
    point = classes(dataclass, frozen=True, slots=True).point
    with pytest.raises(TypeError, match=message):
        point(*values, **named)


def test_an_object_survives_pickle_and_stays_frozen():
    back = pickle.loads(pickle.dumps(Kept(1)))
    assert back == Kept(1)
    with pytest.raises(FrozenInstanceError, match="number"):
        back.number = 2


def test_what_a_class_checks_is_checked():
    with pytest.raises(ValueError):
        Kept(-1)


def test_what_a_class_defines_itself_stays():
    @dataclass(frozen=True, slots=True)
    class Own:
        number: int

        def __repr__(self):
            return "own"

        def __hash__(self):
            return 5

    assert (repr(Own(1)), hash(Own(1))) == ("own", 5)


def test_a_class_of_the_standard_library_may_be_made_of_one_of_ours():
    @dataclasses.dataclass(frozen=True)
    class More(Kept):
        more: int = 1

    assert More(1) == More(1, "t", 1)


@dataclasses.dataclass(frozen=True)
class Extended(Kept):
    more: int = 1


@pytest.mark.parametrize(
    "step",
    [
        lambda extended: pickle.loads(pickle.dumps(extended)),
        copy.copy,
        copy.deepcopy,
        our_replace,
        replace,
        lambda extended: our_replace(our_replace(extended, text="u"), text="t"),
    ],
)
def test_a_class_of_the_standard_library_above_one_of_ours_keeps_its_own_fields(step):
    assert step(Extended(1, more=5)) == Extended(1, "t", 5)


def test_a_class_below_may_check_something_else():
    class Lenient(Kept):
        def __post_init__(self):
            """Take negative numbers as well."""

    assert Lenient(-1).number == -1


def test_nothing_is_asked_of_the_standard_library_before_somebody_asks(monkeypatch):
    asked = []
    make = dataclasses.dataclass
    monkeypatch.setattr(
        dataclasses, "dataclass", lambda **given: asked.append(given) or make(**given)
    )
    point = classes(dataclass, frozen=True, slots=True).point
    moved = our_replace(point(1), x=5)
    assert (moved.x, asked) == (5, [])
    assert [each.name for each in fields(point)][:2] == ["x", "names"]
    assert len(asked) == 1


def test_what_belongs_to_the_class_is_no_field():
    @dataclass(slots=True)
    class Counted:
        made: ClassVar[int] = 0
        number: int

    assert [each.name for each in fields(Counted)] == ["number"]
    assert (Counted.made, Counted(3).number) == (0, 3)


def test_objects_of_the_standard_librarys_classes_are_replaced_as_well():
    theirs = classes(dataclasses.dataclass, frozen=True).point
    assert our_replace(theirs(1), x=2).x == 2


def place_class(base):
    class Place(base):
        """A place in a text.

        Attributes:
            before: bytes before it.
        """

        before: int
        length: int = 3
        names: tuple[str, ...] = ()

        @property
        def end(self) -> int:
            return self.before + self.length

    return Place


@pytest.mark.parametrize(
    "show",
    [
        lambda cls: (cls.__name__, cls.__doc__, cls.__module__, cls.__bases__, cls.__slots__),
        lambda cls: (cls._fields, cls._field_defaults, cls.__match_args__),
        lambda cls: (cls(1), cls(1, 2, ("a",)).end, cls(before=2), cls(1) == (1, 3, ())),
        lambda cls: cls(1)._replace(length=5)._asdict(),
        lambda cls: (copy.copy(cls(1)), hash(cls(1)), cls._make([1, 2, ()])),
        lambda cls: [str(each) for each in inspect.signature(cls).parameters],
        outcome,
        lambda cls: outcome(lambda: cls(1, 2, 3, 4)),
        lambda cls: outcome(lambda: setattr(cls(1), "other", 1)),
        get_type_hints,
    ],
)
def test_a_named_tuple_is_what_typing_makes(show):
    theirs, ours = place_class(TypingNamedTuple), place_class(NamedTuple)
    assert show(ours) == show(theirs)


def test_a_named_tuple_survives_a_pickle():
    tally = Tally(*range(len(Tally._fields)))
    assert pickle.loads(pickle.dumps(tally)) == tally
    assert type(pickle.loads(pickle.dumps(tally))) is Tally
