"""An object that is captured again is what it is by then, whatever has become of it."""

import gc
import random
import sys
import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import only
from tests.depth import examples

from codetracer_otel._core import load
from codetracer_otel.instrumentation.spans.recorder import PythonRecorder
from codetracer_otel.model.record import ARGUMENTS, CODE
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.sdk.settings.limits import Limits

NATIVE = load()
pytestmark = pytest.mark.skipif(NATIVE.module is None, reason=f"no compiled core: {NATIVE.reason}")
FILLER = "long enough to be worth a memo of it, and then as long again as that"


def echo(value):
    return None


def run(program):
    program()


def stay(_made):
    """Change nothing."""


class Thing:
    def __init__(self, held):
        self.filler = FILLER
        self.number = 12345.5
        self.held = held


class Other:
    pass


class Slots:
    __slots__ = ("__dict__", "held", "number")

    def __init__(self, held):
        self.held = held
        self.more = FILLER


class Bare:
    pass


class Text(str):
    __slots__ = ()


class Words(list):
    pass


class Table(dict):
    pass


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Pair(NamedTuple):
    left: object
    right: object


@dataclass
class Point:
    x: object
    y: object = FILLER


class Many:
    def __init__(self, held, count=40):
        for number in range(count):
            setattr(self, f"field_{number}", number)
        self.held = held


def arguments_of(core, program, **options):
    """Return what a core captures of the arguments of ``echo``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODETRACER_OTEL_CORE", core)
        drain = PythonRecorder.drain
        # In C, for the worker's call would be traced: nothing, whatever the limit.
        patch.setattr(PythonRecorder, "drain", staticmethod([].__mul__))
        with configure(only(__file__), "none", policy={"on_recorder_error": "abort"}, **options):
            recorder = active_session()._leading.recorder
            run(program)
            found = list(drain(recorder, 100_000))
            arguments_of.remembered = recorder._core.remembered if core == "c" else 0
    return [repr(record[ARGUMENTS]) for record in found if record[CODE].co_name == "echo"]


def numbered(start, stop):
    return {f"key_{number}": number for number in range(start, stop)}


def function(name):
    def made():
        return None

    made.__qualname__ = name
    return made


def exchange_floats(made):
    # A float that goes leaves its place to the next one.
    made.number += 1.0


def text(number):
    return f"made {number}"


def reuse_a_place(make):
    def change(made):
        place = id(made.held)
        made.held = None
        others = [make()]
        while id(others[-1]) != place and len(others) < 100:
            others.append(make())
        made.held = others[-1]

    return change


def rename(made):
    made.held.__qualname__ = "renamed"


def change_class(made):
    made.held.__class__ = Other


def take_the_last_away(made):
    name, _ = vars(made.held).popitem()
    vars(made.held)["__" + name] = 1


def with_dictionary(count):
    made = Bare()
    made.__dict__ = {f"field_{number}": number for number in range(count)}
    return made


def fill_again(made):
    # The same number of names, in memory that was just given back: only the names differ.
    held = vars(made.held)
    held.clear()
    for number in range(8):
        held[f"field_{number}"] = number
    held["__field_8"] = 8


KEPT = []


def replace(name, value):
    """Return what gives something another value while the old one stays where it is."""

    def change(made):
        KEPT.append(getattr(made.held, name))
        setattr(made.held, name, value)

    return change


def write_in_place(made, text="cd"):
    # The characters of the new text stand where those of the old one stood.
    made.held = None
    made.held = Text(text)


def replace_item(made):
    KEPT.append(made.held.pop())
    made.held.append([2])


def replace_value(made):
    KEPT.append(made.held["a"])
    made.held["a"] = [2]


def replace_dictionary(made):
    made.__dict__ = {"filler": FILLER, "held": 5}


def with_fields(count):
    # Of a class of its own: what another instance has or had decides where the fields are.
    made = type("Few", (), {})()
    for number in range(count):
        setattr(made, f"field_{number}", number)
    return made


def set_again(made):
    # The same names and values, in memory that was not moved: only their order differs.
    number = made.held.field_0
    del made.held.field_0
    made.held.field_0 = number


def another_class_at_its_place(made):
    place = id(type(made.held))
    made.held = None
    gc.collect()  # a class is in a cycle with itself
    others = [type("Second", (), {"__slots__": ()})]
    while id(others[-1]) != place and len(others) < 20:
        others.append(type("Second", (), {"__slots__": ()}))
    made.held = others[-1]()


def in_another_thread(change):
    def begin(made):
        thread = threading.Thread(target=change, args=(made,))
        thread.start()
        thread.join()

    return begin


def nested(depth, leaf):
    for _ in range(depth):
        leaf = [leaf]
    return Thing(leaf)


CHANGES = {
    "nothing": (lambda: Thing([1, {"a": 2.5}]), stay),
    "a field": (lambda: Thing([]), lambda made: setattr(made, "held", 7)),
    "a float": (lambda: Thing([]), exchange_floats),
    "a text": (lambda: Thing(text(1)), reuse_a_place(lambda: text(2))),
    "a field more": (lambda: Thing([]), lambda made: setattr(made, "more", 1)),
    "a field less": (lambda: Thing([]), lambda made: delattr(made, "number")),
    "a dictionary is asked for": (lambda: Thing([]), vars),
    "a dictionary asked for and changed": (
        lambda: Thing([]), lambda made: vars(made).update(number=2, added=FILLER),
    ),
    "a dictionary of its own": (lambda: Thing([]), replace_dictionary),
    "its class": (lambda: Thing([]), lambda made: setattr(made, "__class__", Other)),
    "an item": (lambda: Thing([1, 2, [3]]), lambda made: made.held[2].append(4)),
    "an item for another": (lambda: Thing([1, 2, 3]), lambda made: made.held.__setitem__(1, "b")),
    "an item far away": (
        lambda: Thing([*map(str, range(40))]), lambda made: made.held.__setitem__(31, "--token"),
    ),
    "a key": (lambda: Thing({"a": 1}), lambda made: made.held.update(b=2)),
    "another value": (lambda: Thing({"a": 1}), lambda made: made.held.update(a=2)),
    "another key": (
        lambda: Thing({"a": 1, "b": 2}), lambda made: (made.held.popitem(), made.held.update(c=2)),
    ),
    "a key that is no text": (lambda: Thing({1000: 1}), lambda made: made.held.update({1000: 2})),
    "an empty dictionary": (lambda: Thing({}), lambda made: made.held.update(a=2)),
    "what is hidden": (
        lambda: Thing({"password": "hunter2 hunter2"}),
        lambda made: made.held.update(password="other secret"),
    ),
    "what stands where something was hidden": (
        lambda: Thing({"password": "hunter2 hunter2", "a": 1}),
        lambda made: made.held.update(a="hunter2 hunter2"),
    ),
    "an object of another class at the same place": (lambda: Thing(Thing(1)), change_class),
    "another object of the class": (lambda: Thing(Thing(1)), reuse_a_place(lambda: Thing(2))),
    "another list": (lambda: Thing([1]), reuse_a_place(lambda: [2])),
    "another tuple": (lambda: Thing((1.5, 2)), reuse_a_place(lambda: (2.5, 2))),
    "another named tuple": (lambda: Thing(Pair(1, [2])), reuse_a_place(lambda: Pair(1, [3]))),
    "another text of a class": (lambda: Thing(Text("ab")), reuse_a_place(lambda: Text("cd"))),
    "another number of a class": (lambda: Thing(Level.LOW), reuse_a_place(lambda: Level.HIGH)),
    "other bytes": (lambda: Thing(bytes([1, 2])), reuse_a_place(lambda: bytes([3, 4]))),
    "a byte": (lambda: Thing(bytearray(b"ab")), lambda made: made.held.append(3)),
    "a set": (lambda: Thing({1}), lambda made: made.held.add(2)),
    "items of a set in the same memory": (
        lambda: Thing({1, 2, 3}), lambda made: (made.held.clear(), made.held.update((1, 2, 4))),
    ),
    "an item of a set that was taken out": (
        lambda: Thing({1, 2, 3}), lambda made: made.held.remove(2),
    ),
    "an item of a set beyond those that are shown": (
        lambda: Thing(set(range(40))), lambda made: (made.held.remove(39), made.held.add(40)),
    ),
    "a queue": (lambda: Thing(deque([1])), lambda made: made.held.append(2)),
    "an error": (lambda: Thing(ValueError(1)), lambda made: setattr(made.held, "args", (2,))),
    "a function": (lambda: Thing(function("named")), rename),
    "a class": (lambda: Thing(Thing), lambda made: setattr(made, "held", Other)),
    "a path": (lambda: Thing(PurePosixPath("a", "b")), lambda made: str(made.held)),
    "another path": (
        lambda: Thing(PurePosixPath("a", "b")), reuse_a_place(lambda: PurePosixPath("a", "c")),
    ),
    "the value of a member": (
        lambda: Thing(Enum("Made", {"ONE": "one"}).ONE),
        lambda made: setattr(made.held, "_value_", "two"),
    ),
    "the name of a member": (
        lambda: Thing(Enum("Made", {"ONE": "one"}).ONE),
        lambda made: setattr(made.held, "_name_", "TWO"),
    ),
    "a slot": (lambda: Slots(1), lambda made: setattr(made, "held", [FILLER])),
    "a slot more": (lambda: Slots(1), lambda made: setattr(made, "number", FILLER)),
    "a point": (lambda: Point([1]), lambda made: made.x.append(2)),
    "a list": (lambda: [FILLER, {"a": [1]}], lambda made: made[1]["a"].append(1)),
    "a long list": (lambda: [FILLER] * 40, lambda made: made.append(FILLER)),
    "a list of a class": (lambda: Words([FILLER, []]), lambda made: made[1].append(1)),
    "a mapping": (lambda: {"filler": FILLER, "held": []}, lambda made: made["held"].append(1)),
    "a large mapping": (lambda: numbered(0, 40), lambda made: made.update(numbered(30, 50))),
    "one of many fields": (lambda: Many([1]), lambda made: setattr(made, "field_3", "x")),
    "the number of fields": (
        lambda: Thing(Many(1, count=8)), lambda made: delattr(made.held, "field_3"),
    ),
    "names of fields": (lambda: Thing(with_dictionary(9)), take_the_last_away),
    "names in the same memory": (lambda: Thing(with_dictionary(9)), fill_again),
    "characters in the same memory": (lambda: Thing(Text("ab")), write_in_place),
    "wide characters in the same memory": (
        lambda: Thing(Text("\N{SNOWMAN}\N{SNOWMAN}")),
        lambda made: write_in_place(made, "\N{SNOWMAN}\N{COMET}"),
    ),
    "arguments of an error that are still there": (
        lambda: Thing(ValueError([1])), replace("args", ([2],)),
    ),
    "a name of a function that is still there": (
        lambda: Thing(function("named")), replace("__qualname__", "renamed"),
    ),
    "a field that is still there": (lambda: Thing(Thing([1])), replace("held", [2])),
    "a slot that is still there": (lambda: Thing(Slots([1])), replace("held", [2])),
    "an item that is still there": (lambda: Thing([0, [1]]), replace_item),
    "a value that is still there": (lambda: Thing({"a": [1]}), replace_value),
    "a dictionary that is still there": (
        lambda: Thing(Bare()), replace("__dict__", {"held": [2]}),
    ),
    "more fields": (lambda: Thing(Many(1, count=7)), lambda made: setattr(made.held, "more", 1)),
    **{
        f"the order of {count} fields": (
            lambda count=count: Thing(with_fields(count)), set_again,
        )
        for count in (2, 5, 6, 7)
    },
    "the class of one of several": (
        lambda: Thing([Thing(1), Thing(2)]),
        lambda made: setattr(made.held[1], "__class__", Other),
    ),
    "the last of several of a class": (
        lambda: Thing([Slots(1), Slots(2), Slots(3)]),
        lambda made: setattr(made.held[2], "held", 4),
    ),
    "another class at the same place": (
        lambda: Thing(type("First", (), {"__slots__": ()})()), another_class_at_its_place,
    ),
    "a class of which something is set": (
        lambda: Thing([Thing(1)]), lambda made: setattr(Thing, "of_the_class", id(made)),
    ),
    "a mapping of a class": (
        lambda: Thing(Table(a=1)), lambda made: made.held.update(a=[2]),
    ),
    "an empty list": (lambda: Thing([[], ()]), lambda made: made.held[0].append(1)),
    "an empty mapping": (lambda: Thing([{}, 1]), lambda made: made.held[0].update(a=1)),
    "what was not empty": (lambda: Thing([[1], {"a": 1}]), lambda made: made.held[0].clear()),
    **{
        f"a list in {depth} others": (
            lambda depth=depth: nested(depth, []), lambda made: made.held.append(FILLER),
        )
        for depth in range(1, 8)
    },
    "what another thread changes": (
        lambda: Thing([1, {"a": []}]),
        in_another_thread(lambda made: made.held[1]["a"].append(2)),
    ),
    "none": (lambda: Thing(Bare()), lambda made: setattr(made.held, "first", 1)),
    "itself": (lambda: Thing([]), lambda made: made.held.append(made)),
}  # fmt: skip


def several(changes):
    """Return a program that captures each thing several times before and after it is changed."""

    def program():
        for name, (make, change) in changes.items():
            made = make()
            for _ in range(4):
                echo(made)
            change(made)
            for _ in range(3):
                echo(made)
            echo(name)

    return program


@pytest.mark.parametrize("options", [{}, {"limits": Limits(max_items=3)}], ids=["", "small"])
def test_a_change_is_seen(options):
    found = arguments_of("c", several(CHANGES), **options)
    wanted = arguments_of("python", several(CHANGES), **options)
    differ = [
        index for index, pair in enumerate(zip(found, wanted, strict=True)) if len({*pair}) > 1
    ]
    assert not differ, [(found[it], wanted[it], list(CHANGES)[it // 8]) for it in differ]


def test_what_does_not_change_is_written_again():
    program = several({"nothing": (lambda: Thing([1, {"a": Thing(None)}]), stay)})
    arguments_of("c", program)
    assert arguments_of.remembered >= 6


def test_nothing_of_the_program_is_kept_once_recording_ends_or_pauses(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    held = f"made at run time, and long enough to be worth it: {id(NATIVE)}"
    before = sys.getrefcount(held)
    with configure(only(__file__), "none") as session:
        recorder = active_session()._leading.recorder
        thing = Thing(held)
        for _ in range(5):
            echo(thing)
        del thing
        recorder.drain(100)
        assert sys.getrefcount(held) > before
        session.pause()
        assert sys.getrefcount(held) == before
        session.resume()
        echo(Thing(held))
        recorder.drain(100)
    assert sys.getrefcount(held) == before


def remembered_of(make):
    """Return how often a thing that comes ten times is written as the last time; both agree."""
    thing = make()

    def program():
        for _ in range(10):
            echo(thing)

    assert arguments_of("c", program) == arguments_of("python", program)
    arguments_of("c", program)
    return arguments_of.remembered


@pytest.mark.parametrize(
    "make",
    [
        # 400 texts, which is more than a memo holds
        lambda: Thing([[f"text {row}.{column}" for column in range(20)] for row in range(20)]),
        # more words than a memo has: each tuple has a size, items, a class
        lambda: Thing([[(None, True)] * 20 for _ in range(20)]),
        # larger than a sixteenth of what all memos may take together, in characters of each size
        lambda: Thing("x" * 270_000),
        lambda: Thing("\N{SNOWMAN}" * 135_000),
        lambda: Thing("\N{GRINNING FACE}" * 68_000),
        lambda: Thing(b"x" * 270_000),
        # less than 64 bytes
        lambda: [1],
        # texts so few that they are written at once
        lambda: [FILLER] * 4,
    ],
    ids=["texts", "words", "narrow", "wide", "wider", "bytes", "small", "few"],
)
def test_of_what_is_too_large_or_too_small_there_is_no_memo(make):
    assert remembered_of(make) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Thing("x" * 250_000),
        lambda: Thing("\N{SNOWMAN}" * 125_000),
        lambda: Thing(b"x" * 250_000),
        lambda: Thing([f"text {number}" for number in range(20)]),
        lambda: [FILLER] * 5,
    ],
    ids=["narrow", "wide", "bytes", "texts", "list"],
)
def test_of_what_is_large_there_is_one(make):
    assert remembered_of(make) >= 8  # a memo is made once it comes again


def test_all_memos_hold_no_more_than_four_mebibytes(monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "c")
    texts = [f"{number}" * 100_000 for number in range(10, 70)]
    before = {number: sys.getrefcount(texts[number]) for number in range(60)}

    def held():
        return sum(sys.getrefcount(texts[number]) > before[number] for number in range(60))

    with configure(only(__file__), "none"):
        recorder = active_session()._leading.recorder
        things = [Thing(text) for text in texts]
        for _ in range(3):
            for thing in things:
                echo(thing)
            recorder.drain(1000)
        del things, thing
        assert 10 <= held() <= 20
    assert held() == 0


MAKERS = [
    Thing,
    Slots,
    Point,
    ValueError,
    Many,
    lambda held: Many(held, 7),
    lambda held: [held, FILLER],
    lambda held: {"a": held, "password": FILLER},
    lambda held: (held, 1.5),
    lambda held: Pair(held, "right"),
    lambda held: Words([held]),
    lambda held: Text(f"of {type(held)}"),
    lambda held: f"of {type(held)}",
    lambda _held: Level.LOW,
    lambda _held: {1},
]
WITH_FIELDS = (Thing, Point, Many, Slots)


def grow(draw, depth):
    held = grow(draw, depth - 1) if depth else draw.choice([None, 1.5, "text", 10**6, b"bytes"])
    return draw.choice(MAKERS)(held)


def within(made, found):
    """Collect what can be changed in something."""
    if not isinstance(made, (list, dict, tuple, *WITH_FIELDS)) or any(made is it for it in found):
        return found
    if not isinstance(made, tuple):
        found.append(made)
    inner = made if isinstance(made, list | tuple) else dict.values(
        made if isinstance(made, dict) else vars(made)
    )  # fmt: skip
    for it in list(inner):
        within(it, found)
    return found


def alter(draw, root):
    """Change something somewhere."""
    part = draw.choice(within(root, []))
    new = grow(draw, draw.randrange(2))
    removes = draw.random() < 0.3
    if isinstance(part, list):
        part[0:1] = [] if removes else [new]
    elif isinstance(part, dict):
        part[draw.choice(["a", "b", "password", 7])] = new
        if removes:
            part.popitem()
    else:
        name = draw.choice(["held", "number", "field_1", "more", "x"])
        if removes:
            vars(part).pop(name, None)
        else:
            setattr(part, name, new)


@settings(max_examples=examples(25))
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_changes_by_chance_are_seen(seed):
    def program():
        draw = random.Random(seed)
        roots = [draw.choice(WITH_FIELDS)(grow(draw, 3)) for _ in range(2)]
        for _ in range(60):
            echo(draw.choice(roots))
            if draw.random() < 0.3:
                alter(draw, draw.choice(roots))

    assert arguments_of("c", program) == arguments_of("python", program)
