"""Values that compiled code captures are what the Python recorder captures, whatever they hold."""

import gc
from abc import ABC
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, IntFlag
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import only, rule
from tests.depth import examples

from codetracer_otel._core import load
from codetracer_otel.instrumentation.spans.recorder import PythonRecorder
from codetracer_otel.model.record import ARGUMENTS, CODE, RESULT
from codetracer_otel.model.value import REDACTED_NODE, Node
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.sdk.settings.limits import Limits

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no compiled core: {NATIVE.reason}")


class Thing:
    pass


def echo(value):
    return value


def keywords(*values, **named):
    return len(named)


def named_pair(key, value, /, header_name=None, new_value=None):
    return None


def look_up(key, found):
    return found


def each_of(header, found):
    yield found
    return found


def hides(password, user):
    return user


def new_password(value):
    return value


CALLS = {
    "echo": echo,
    "method": lambda value: Owner(value, value).keeps(value),
    "keywords": lambda value: keywords(value, name=value, password=value, key="token", value=value),
    "keywords of a mapping": lambda value: keywords(**{str(n): value for n in range(34)}),
    "no keywords": lambda _value: keywords(),
    "pair of names": lambda value: named_pair("password", value, value, value),
    "pair of values": lambda value: named_pair(value, value),
    "result of a name": lambda value: look_up("api_key", value),
    "result of a value": lambda value: look_up(value, value),
    "result of a generator": lambda value: list(each_of("Authorization", value)),
    "hides": lambda value: hides(value, value),
    "hides its result": new_password,
}


class Color(Enum):
    RED = 1
    GREEN = "green"


class Flags(IntFlag):
    A = 1
    B = 2


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Real(float):
    pass


class Words(list):
    pass


class Table(dict):
    pass


@dataclass
class Point:
    x: object
    y: object = 0
    name: str = field(default="n", repr=False)


@dataclass
class Header:
    name: object
    value: object


class Unset(Point):
    def __init__(self, value):
        self.y = value  # the others are missing


@dataclass(slots=True)
class Slotted:
    first: object
    password: object = None


class Owner:
    def __init__(self, first, second):
        self.first = first
        self.password = second
        self.__dict__["__hidden"] = first
        self.__dict__[7] = second
        self._second = second

    def __repr__(self):
        return "an owner"

    def keeps(self, value):
        return value


class Narrow:
    __slots__ = ("__dict__", "__own", "kept", "name", "unset", "value")

    def __init__(self, name, value):
        self.name, self.value, self.kept, self.__own = name, value, value, name
        self.more = value


class Wide:
    def __init__(self, value):
        self.__dict__.update({f"field_{number}": value for number in range(70)})


class Changed:
    def __init__(self, value):
        self.__dict__ = {"gone": value, "value": value, "last": value}
        del self.gone
        self.gone = value


class Nine:
    def __init__(self, value):
        self.__dict__.update({f"field_{number}": number for number in range(8)}, password=value)


class Pair(NamedTuple):
    left: object
    right: object = None


class Short(tuple):
    __slots__ = ()
    _fields = ("only",)


def cyclic(value):
    outer = [value]
    outer.append({"again": outer})
    return outer


def joined(parts):
    return PurePosixPath(*parts)


def shown(path):
    str(path)
    return path


names = st.one_of(
    st.sampled_from(
        ["name", "value", "key", "password", "token", "id", "Header", "content", "x" * 1030, ""]
    ),
    st.text(max_size=3),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=200),
    st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010), max_size=4),
    st.integers(min_value=2**60, max_value=2**70),
    st.sampled_from(
        ["a" * 1025, "\u00e9" * 1024, "\U0001f600" * 1030, 2**3100, "--token", "-p", "-", "--"]
    ),
)
leaves = st.one_of(
    scalars,
    st.binary(max_size=4),
    st.sampled_from(
        [
            Thing(), Thing, len, range(3), Color.RED, Color.GREEN, Flags.A, Flags.A | Flags.B, echo,
            bytearray(b"ab"), b"c" * 1100, Text("text"), Text("t" * 1030), Number(7), Number(2**70),
            Real(0.5), 1j, Short((1,)), Short(()), date(2020, 1, 2), deque([1]), Ellipsis, type,
            ABC, object(), OrderedDict(b=1, a=2), frozenset({1}), Path("/tmp"),
        ]
    ),
)  # fmt: skip
parts = st.lists(st.sampled_from(["a", "/b", "c/", "", "/", "d//", "\u00e9"]), max_size=3)
keys = st.one_of(
    names,
    st.integers(),
    st.none(),
    st.sampled_from([2**80, b"password", (1, 2), Color.RED, Flags.B, Text("password"), Thing]),
)


def containers(inner):
    return st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=3).map(tuple),
        st.tuples(names, inner),
        st.tuples(st.sampled_from([b"password", b"x"]), inner),
        st.lists(inner, min_size=30, max_size=35),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(names, inner, min_size=7, max_size=11),
        st.builds(Words, st.lists(inner, max_size=2)),
        st.builds(deque, st.lists(inner, max_size=5)),
        st.builds(Table, st.dictionaries(names, inner, max_size=2)),
        st.frozensets(scalars, max_size=4),
        st.frozensets(scalars, max_size=4).map(set),
        st.builds(Point, inner, inner),
        st.builds(Header, names, inner),
        st.builds(Unset, inner),
        st.builds(Slotted, inner, inner),
        st.builds(Pair, inner, inner),
        st.builds(Owner, inner, inner),
        st.builds(Narrow, names, inner),
        st.builds(Wide, inner),
        st.builds(Nine, inner),
        st.builds(Changed, inner),
        st.builds(ValueError, inner),
        st.builds(cyclic, inner),
        st.builds(joined, parts),
        st.builds(shown, st.builds(joined, parts)),
    )


values = st.recursive(leaves, containers, max_leaves=12)
calls = st.lists(st.tuples(st.sampled_from(sorted(CALLS)), values), max_size=8)
OPTIONS = {
    "as shipped": {},
    "without rules": {"builtin_filter": False},
    "small": {"limits": Limits(max_depth=2, max_items=3, max_string=10)},
    "deep": {"limits": Limits(max_depth=100, max_items=4)},
    "with repr": {"capture_repr": True},
}


def captured(core, program, options, *rules):
    """Return what a core records of calls: code, captured arguments, captured result."""
    return [
        (record[CODE].co_name, repr(record[ARGUMENTS]), repr(record[RESULT]))
        for record in recorded(core, program, options, *rules)
    ]


def recorded(core, program, options, *rules):
    """Return the records of calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODETRACER_OTEL_CORE", core)
        drain = PythonRecorder.drain
        # In C, for the worker's call would be traced: nothing, whatever the limit.
        patch.setattr(PythonRecorder, "drain", staticmethod([].__mul__))
        policy = {"on_recorder_error": "abort"}
        with configure(only(__file__, *rules), "none", policy=policy, **options):
            recorder = active_session()._leading.recorder
            for name, value in program:
                CALLS[name](value)
            return list(drain(recorder, 1_000))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@settings(max_examples=examples(25))
@given(program=calls)
def test_both_cores_capture_the_same(options, program):
    assert captured("c", program, options) == captured("python", program, options)


def falls(self, depth, value):
    return falls(self, depth - 1, value) if depth else self


@pytest.mark.parametrize("core", ["c", "python"])
def test_none_as_the_object_of_a_method_stays_none_once_its_class_is_known(core, monkeypatch):
    # What Python has to capture keeps the other arguments from the fast way.
    monkeypatch.setitem(CALLS, "falls", lambda value: falls(value, 3, 1j))
    monkeypatch.setitem(CALLS, "echoes", lambda value: echo(echo(value)))
    records = recorded(core, [("echoes", type(None)), ("falls", None)], {})
    given = [record[ARGUMENTS][0] for record in records if record[CODE] is falls.__code__]
    assert given == [None] * 4


def decorated(_value):
    """Make a class that is an argument before it is a data class, and show an instance."""

    @dataclass
    @echo
    class Late:
        shown: int
        left_out: str = field(repr=False)

    return echo(Late(1, "left out"))


def derived(_value):
    """Make classes that are arguments of their metaclass before they derive from anything."""

    class Meta(type):
        def mro(cls):
            echo(cls)
            echo([cls])
            return type.mro(cls)

    class Words(dict, metaclass=Meta):
        pass

    class Odd(ValueError, metaclass=Meta):
        pass

    return echo([Words(a=1), Odd("odd")])


CALLS |= {"decorated": decorated, "derived": derived}


@pytest.mark.parametrize("name", ["decorated", "derived"])
@pytest.mark.parametrize("core", ["c", "python"])
def test_a_class_that_was_an_argument_while_it_was_made_is_known_as_it_became(core, name):
    found = captured(core, [(name, 1), (name, 2)], {})
    told = repr([arguments for code, arguments, _ in found if code == "echo"])
    if name == "decorated":
        assert "left out" not in told
        assert told.count("shown") == 2
    else:
        assert told.count("'odd'") == told.count("'a'") == 2
    assert found == captured("python", [(name, 1), (name, 2)], {})


def test_a_type_whose_repr_a_rule_asks_for_is_asked(monkeypatch):
    pattern = "selector = 'type:glob:*Thing'\naction = 'allow'\nrepr = true"
    asks = rule("obj:glob:*.echo", f"exec = 'trace'\n[[scope.rules.value_patterns]]\n{pattern}")
    monkeypatch.setattr(Thing, "__repr__", lambda _self: "its own text", raising=False)
    found = {core: captured(core, [("echo", Thing())], {}, asks) for core in ("c", "python")}
    assert found["c"] == found["python"]
    assert "its own text" in found["c"][0][1]


class Plain:
    def __init__(self, first, second):
        self.first = first
        self.password = second
        self.third = [first]


class Shuffled(Plain):
    def __init__(self, first, second):
        self.third = self.fourth = second
        super().__init__(first, second)
        del self.password
        self.fifth = first
        self.password = second


class WithSlots(Plain):
    __slots__ = ("slot",)

    def __init__(self, first, second):
        self.slot = second
        super().__init__(first, second)


class Error(Exception):
    def __init__(self, first, second):
        super().__init__(first)
        self.second = second


def with_dictionary(first, second):
    made = Shuffled(first, second)
    vars(made)["sixth"] = first
    return made


def many(first, second):
    made = Plain(first, second)
    for number in range(40):  # more than instances of one class share
        setattr(made, f"field_{number}", second)
    return made


# The outermost call is captured in Python, so objects are made below it.
MAKERS = {
    it.__name__: it for it in (Plain, Shuffled, WithSlots, Error, Point, with_dictionary, many)
}
CALLS |= {
    f"made by {name}": lambda value, make=make: echo(make(value, [value]))
    for name, make in MAKERS.items()
}
CALLS |= {
    f"a {name} in a list": lambda value, make=make: echo([make(value, value)])
    for name, make in MAKERS.items()
}


@pytest.mark.parametrize("value", ["text", {"a": (1,)}, None], ids=repr)
def test_attributes_are_captured_wherever_they_are_kept(value):
    program = [(name, value) for name in CALLS]
    assert captured("c", program, {}) == captured("python", program, {})


def test_an_object_whose_fields_are_shown_gets_no_dictionary():
    kept = []

    def keeps(_value):
        kept.append(Plain(1, 2))
        echo(kept[0])

    CALLS["keeps"] = keeps
    try:
        recorded = captured("c", [("keeps", None)], {})
    finally:
        del CALLS["keeps"]
    assert any("third" in arguments for _, arguments, _ in recorded)
    assert not [held for held in gc.get_referents(kept[0]) if type(held) is dict]


def test_the_collector_does_not_look_at_what_is_made_of_a_finished_call():
    records = recorded("c", [("made by Plain", {"a": [1, (2, "text")]})], {})
    (record,) = [record for record in records if record[CODE].co_name == "echo"]
    made = [record, record[ARGUMENTS], record[RESULT]]
    for item in made:  # grows
        if type(item) is Node:
            made.append(item.items)
        elif type(item) is tuple:
            made.extend(item)
    assert len(made) > 20
    assert not [it for it in made if gc.is_tracked(it) and it is not REDACTED_NODE]
