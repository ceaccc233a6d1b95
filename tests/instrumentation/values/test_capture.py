"""Values are captured bounded, without a line of the program's code, and never raise."""

import array
import collections
import contextvars
import datetime as dt
import decimal
import enum
import fractions
import gc
import ipaddress
import pathlib
import sys
import threading
import time
import types
import typing
import uuid
import weakref
import zoneinfo
from dataclasses import InitVar, dataclass, field

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel import data_classes
from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.values.capture import build_capture
from codetracer_otel.instrumentation.values.limits import ValueLimits
from codetracer_otel.model.value import (
    DROPPED_NODE,
    REDACTED_NODE,
    Node,
    NodeKind,
    attribute_value,
    plain_value,
)

HERE = __name__


class Rules:
    """Walk rules from plain dictionaries."""

    def __init__(self, attributes=None, types=None, reprs=()):
        self.attributes = attributes or {}
        self.types = types or {}
        self.reprs = reprs
        self.has_type_patterns = bool(types)

    def attribute_action(self, name):
        return self.attributes.get(name, Action.ALLOW)

    def type_action(self, name):
        return self.types.get(name, Action.ALLOW)

    def allows_repr(self, name):
        return name in self.reprs


def capture(value, attribute_rules=None, *, allow_repr=False, modules=None, **limits):
    build = build_capture(
        ValueLimits(**limits), attribute_rules, allow_repr=allow_repr, modules=modules
    )
    return build(value)


def plain(value, attribute_rules=None, **options):
    return plain_value(capture(value, attribute_rules, **options))


SECRET = Rules({"password": Action.REDACT, "token": Action.DROP})


class Ran(BaseException):
    """Code of the program has run."""


def trap(*_args, **_kwargs):
    raise Ran


DUNDERS = """
__repr__ __str__ __eq__ __hash__ __len__ __iter__ __bool__ __format__ __bytes__ __int__ __float__
__index__ __complex__ __contains__ __getitem__ __getattr__ __lt__ __next__ __reduce__ __reduce_ex__
__dir__ __sizeof__ __copy__ __deepcopy__ __call__ __abs__ __neg__ __length_hint__ __reversed__
__missing__ __fspath__ __setattr__ keys items values get copy isoformat utcoffset tzname args
"""


class TrappedMeta(type):
    __hash__ = __eq__ = __repr__ = __str__ = __instancecheck__ = __subclasscheck__ = trap
    __len__ = __iter__ = __bool__ = __contains__ = trap
    armed = False

    def __getattribute__(cls, name):
        if TrappedMeta.armed:
            raise Ran
        return super().__getattribute__(name)


def trapped(*bases, meta=type, **extra):
    """Return a class whose every method, and reading any attribute, ends the test."""
    body = dict.fromkeys(DUNDERS.split(), trap)
    body["__class__"] = property(trap)
    body.update({name: property(trap) for name in ("name", "value", "shape", "dtype")})
    body.update(extra)
    created = type.__new__(meta, "Trapped", bases or (object,), {"__module__": "evil", **body})
    if "__getattribute__" not in extra:
        type.__setattr__(created, "__getattribute__", trap)
    return created


@pytest.fixture
def armed():
    TrappedMeta.armed = True
    yield
    TrappedMeta.armed = False


def filled(kind, content):
    """Return an instance of a trapped subclass of a builtin, without running its code."""
    cls = trapped(kind)
    if kind in (str, bytes, int, float, tuple, frozenset, complex):
        return kind.__new__(cls, content)
    value = kind.__new__(cls)
    kind.__init__(value, content)
    return value


@pytest.mark.parametrize("meta", [type, TrappedMeta])
def test_no_code_of_a_class_or_its_metaclass_runs(meta, armed):
    value = object.__new__(trapped(meta=meta))
    assert capture(value) == Node(NodeKind.OBJECT, "evil.Trapped")
    assert plain([value, {"k": value}]) == ["<evil.Trapped>", {"k": "<evil.Trapped>"}]
    assert capture(value, SECRET) == Node(NodeKind.OBJECT, "evil.Trapped")
    assert capture(value, Rules(types={"evil.Trapped": Action.REDACT})) is REDACTED_NODE
    assert capture({1: (value,)}, Rules(types={"x": Action.DROP})).kind is NodeKind.MAPPING


@pytest.mark.parametrize("meta", [type, TrappedMeta])
def test_a_trapped_class_itself_is_a_value_too(meta, armed):
    assert plain(trapped(meta=meta)) == "<class evil.Trapped>"


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (str, "text", "text"),
        (int, 5, 5),
        (float, 1.5, 1.5),
        (complex, 1j, "1j"),
        (bytes, b"ab", "b'ab'"),
        (bytearray, b"ab", "b'ab'"),
        (list, [1, "a"], [1, "a"]),
        (tuple, (1, "a"), [1, "a"]),
        (dict, {"a": 1}, {"a": 1}),
        (collections.OrderedDict, {"a": 1}, {"a": 1}),
        (collections.Counter, {"a": 1}, {"a": 1}),
        (set, {1}, [1]),
        (frozenset, {1}, [1]),
        (collections.deque, [1, 2], [1, 2]),
    ],
)
def test_subclasses_of_builtins_are_read_by_the_builtins_own_code(kind, content, expected):
    value = filled(kind, content) if kind is not collections.Counter else None
    if value is None:
        value = dict.__new__(trapped(kind))
        dict.update(value, content)
    captured = capture(value)
    assert plain_value(captured) == expected
    assert_holds_only_builtins(captured)


def test_the_result_is_an_exact_builtin():
    for value, kind in [
        (filled(str, "x"), str),
        (filled(int, 7), int),
        (filled(float, 1.0), float),
    ]:
        assert type(capture(value)) is kind


def assert_holds_only_builtins(value):
    if type(value) is Node:
        assert type(value.type_name) is str
        assert type(value.omitted) is int
        assert_holds_only_builtins(value.items)
    elif type(value) is tuple:
        for item in value:
            assert_holds_only_builtins(item)
    else:
        assert value is None or type(value) in (bool, int, float, str, bytes)


def test_a_key_that_is_a_trap_is_neither_hashed_nor_compared():
    class Key(str):
        __slots__ = ("armed",)

        def __hash__(self):
            return hash(str(self)) if not getattr(self, "armed", False) else trap()

        def __eq__(self, other):
            return trap() if getattr(self, "armed", False) else str.__eq__(self, other)

    key = Key("password")
    value = {key: "hunter2"}
    key.armed = True
    assert plain(value, SECRET) == {"password": "<redacted>"}
    assert plain(value) == {"password": "hunter2"}


def test_an_instance_dictionary_with_trapped_keys_is_not_searched():
    class Key(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            raise Ran

    @dataclass
    class Point:
        x: int
        y: int

    point = Point.__new__(Point)
    object.__getattribute__(point, "__dict__")[Key("x")] = 5
    object.__getattribute__(point, "__dict__")["y"] = 6
    assert capture(point).items == (("y", 6),)


def test_a_name_of_a_class_that_is_no_plain_text_is_not_asked_for_one():
    class Text(str):
        __slots__ = ()
        __str__ = __repr__ = __format__ = __getitem__ = __len__ = __add__ = trap

    class Renamed:
        pass

    Renamed.__module__ = property(trap)
    assert plain(Renamed()).endswith(
        "?.test_a_name_of_a_class_that_is_no_plain_text_is_not_asked_for_one.<locals>.Renamed>"
    )
    Renamed.__module__ = Text("app")
    Renamed.__qualname__ = Text("Named")
    captured = capture(Renamed())
    assert captured == Node(NodeKind.OBJECT, "app.Named")
    assert type(captured.type_name) is str
    Renamed.__qualname__ = "N" * 10_000
    assert len(capture(Renamed()).type_name) < 500


def test_a_class_whose_dictionary_is_a_property_is_an_object_without_fields():
    @dataclass
    class Hidden:
        x: int
        __dict__ = property(trap)

    assert capture(Hidden.__new__(Hidden)).items == ()


def test_our_own_data_classes_are_captured_as_those_of_the_standard_library():
    @data_classes.dataclass(frozen=True, slots=True)
    class Place:
        x: "int"
        key: "str" = field(default="k", repr=False)

    @data_classes.dataclass(frozen=True, slots=True)
    class Space(Place):
        z: "int" = 3

    assert plain(Space(1)) == {"x": 1, "z": 3, "...": "1 more"}


def test_attributes_of_fields_that_are_properties_are_not_read():
    @dataclass
    class Guarded:
        x: int
        y: int

    value = Guarded(1, 2)
    Guarded.x = property(trap)
    Guarded.__getattr__ = trap
    assert plain(value) == {"x": 1, "y": 2}
    del value.__dict__["y"]
    assert plain(value) == {"x": 1, "...": "1 more"}


def test_a_lazily_loaded_module_stays_unloaded():
    class Lazy(types.ModuleType):
        def __getattribute__(self, name):
            raise Ran

    modules = {name: Lazy(name) for name in ("numpy", "pandas", "decimal", "uuid", "pathlib")}
    assert capture(object(), modules=modules) == Node(NodeKind.OBJECT, "object")
    assert plain([Lazy("lazy")]) == [f"<{Lazy.__module__}.{Lazy.__qualname__}>"]


def test_scalars_pass_as_they_are():
    for value in (None, True, False, 0, -5, 2**64, 1.5, float("inf"), "", "text", "\ud800"):
        assert capture(value) is value or capture(value) == value
        assert type(capture(value)) is type(value)
    assert attribute_value(capture(2**64)) == "18446744073709551616"


def test_texts_and_bytes_are_cut_and_say_so():
    assert capture("abcdef", max_string=4) == Node(NodeKind.CUT_TEXT, "str", "abcd", 6)
    assert capture("abcd", max_string=4) == "abcd"
    assert capture("\ud800" * 6, max_string=4) == Node(NodeKind.CUT_TEXT, "str", "\ud800" * 4, 6)
    assert capture(filled(str, "abcdef"), max_string=4).items == "abcd"
    assert capture(b"abcdef", max_string=4) == Node(NodeKind.BYTES, "bytes", b"abcd", 6)
    assert capture(bytearray(b"ab")) == Node(NodeKind.BYTES, "bytearray", b"ab", 2)
    assert plain(["abcdef"], max_string=4) == ["abcd... [6 in all]"]


def test_a_huge_integer_is_told_by_its_size():
    assert capture(10**900) == 10**900
    assert capture(1 << 80_000_000) == Node(NodeKind.TEXT, "int", "<integer of 80000001 bits>")
    assert capture(-(1 << 80_000_000)).kind is NodeKind.TEXT
    assert plain([1 << 80_000]) == ["<integer of 80001 bits>"]
    assert capture(1 << 80_000, max_string=10**12).kind is NodeKind.TEXT  # quadratic to write
    assert capture(2**64, max_string=0) == Node(NodeKind.TEXT, "int", "<integer of 65 bits>")


def test_containers_are_walked_to_their_limits():
    assert plain({"a": [1, (2, {3})], "b": None}) == {"a": [1, [2, [3]]], "b": None}
    assert capture(list(range(5)), max_items=3) == Node(NodeKind.LIST, "list", (0, 1, 2), 2)
    assert capture({1: 1, 2: 2}, max_items=1) == Node(NodeKind.MAPPING, "dict", ((1, 1),), 1)
    assert plain([[[[[]]]]]) == [[[["<list ...>"]]]]
    assert plain([[1]], max_depth=1) == ["<list ...>"]
    assert plain([], max_depth=0) == "<list ...>"
    assert plain({(1, 2): b"x"}) == {"[1,2]": "b'x'"}


def test_a_cycle_is_marked_and_what_stands_twice_is_not_one():
    loop = [1]
    loop.append(loop)
    assert plain(loop) == [1, "<cycle list>"]
    table = {}
    table["me"] = [table]
    assert plain(table) == {"me": ["<cycle dict>"]}
    shared = [0]
    assert plain([shared, shared]) == [[0], [0]]


def count(value):
    if type(value) is tuple:
        return sum(map(count, value))
    return 1 + (count(value.items) if type(value) is Node else 0)


def test_all_items_together_are_bounded_and_what_is_left_out_is_said():
    wide = [[[[0] * 40] * 40] * 40] * 40
    captured = capture(wide)
    assert count(captured) <= 1001
    assert captured.omitted == 8
    assert "more" in str(plain_value(captured))
    assert (
        count(
            capture(
                {
                    n: {n: {n: list(range(40)) for n in range(40)} for n in range(40)}
                    for n in range(40)
                }
            )
        )
        <= 2002
    )
    assert plain([[1, 2], [3, 4]], max_nodes=3) == [[1, "... 1 more"], ["... 2 more"]]


def test_deep_recursion_of_the_program_is_not_followed():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert plain(deep, max_depth=3) == [[["<list ...>"]]]
    while deep:
        deep = deep[0]


@dataclass
class Point:
    x: int
    label: str = "p"
    kind: typing.ClassVar[str] = "k"
    start: InitVar[int] = 0
    secret: str = field(default="s", repr=False)


@dataclass(slots=True)
class Slotted:
    x: int
    y: object = None


@attrs.define
class Defined:
    x: int
    password: str = "p"


@attrs.define(slots=False)
class Loose:
    x: int
    hidden: str = attrs.field(default="h", repr=False)


class Pair(typing.NamedTuple):
    left: int
    password: str


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Word(enum.StrEnum):
    HELLO = "hello"


def test_records_show_their_fields():
    assert capture(Point(1)) == Node(
        NodeKind.STRUCT, f"{HERE}.Point", (("x", 1), ("label", "p")), 1
    )
    assert plain(Slotted(1, [2])) == {"x": 1, "y": [2]}
    assert plain(Defined(1)) == {"x": 1, "password": "p"}
    assert plain(Loose(1)) == {"x": 1, "...": "1 more"}
    assert capture(Pair(1, "a")) == Node(
        NodeKind.STRUCT, f"{HERE}.Pair", (("left", 1), ("password", "a"))
    )
    assert plain(Slotted.__new__(Slotted)) == {"...": "2 more"}


def test_a_record_that_holds_itself_is_a_cycle():
    value = Slotted(1)
    value.y = value
    assert plain(value) == {"x": 1, "y": f"<cycle {HERE}.Slotted>"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Colour.RED, "Colour.RED"),
        (Level.HIGH, "Level.HIGH"),
        (Word.HELLO, "Word.HELLO"),
        (Mode.READ | Mode.WRITE, "Mode.READ|WRITE"),
        (Mode(0), "Mode(0)"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (dt.datetime.fromisoformat("2024-01-02T03:04:05"), "2024-01-02T03:04:05"),
        (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), "2024-01-02T00:00:00+00:00"),
        (dt.time(1, 2, 3), "01:02:03"),
        (dt.timedelta(days=1, seconds=2), "1 day, 0:00:02"),
        (decimal.Decimal("1.50"), "1.50"),
        (decimal.Decimal("NaN"), "NaN"),
        (decimal.Decimal("sNaN"), "sNaN"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (pathlib.PurePosixPath("/a", "b", "c"), "/a/b/c"),
        (pathlib.Path("a/b"), "a/b"),
        (pathlib.PurePosixPath("/a", "/b"), "/b"),
        (pathlib.PurePosixPath(), "."),
        (range(3), "range(0, 3, 1)"),
        (range(10**30), f"range(0, {10**30}, 1)"),
        (slice(1, None, -2), "slice(1, None, -2)"),
        (fractions.Fraction(2, -6), "-1/3"),
        (fractions.Fraction(4), "4"),
        (1j, "1j"),
        (Point, f"<class {HERE}.Point>"),
        (int, "<class builtins.int>"),
        (plain, "<function plain>"),
    ],
)
def test_well_known_types_have_a_short_form(value, text):
    captured = capture(value)
    assert (captured.kind, captured.items) == (NodeKind.TEXT, text)


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "10.0.0.255", "10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0"),
        *("::", "::1", "1::", "1:0:2::3", "1::2:0:0:3:4", "1:2:3:4:5:6:7:0", "::ffff:1.2.3.4"),
        *("fe80::1%eth0", "2001:db8::/32", "2001:db8::1/128", "0:1:2:3:4:5:6:7", "1::2:0:0:0:3"),
    ],
)
def test_an_address_is_shown_as_its_text(text):
    read = ipaddress.ip_interface if "/" in text else ipaddress.ip_address
    value = read(text)
    assert plain(value) == str(value)
    if "/" in text:
        assert plain(value.network) == str(value.network)


@pytest.mark.parametrize(
    "value",
    [
        slice("a", "b"),
        slice(True),
        slice(2**2000),
        range(2**2000),
        fractions.Fraction(1, 2**2000),
        ipaddress.IPv4Address.__new__(ipaddress.IPv4Address),
        ipaddress.IPv6Network.__new__(ipaddress.IPv6Network),
        fractions.Fraction.__new__(fractions.Fraction)._from_coprime_ints("a", 2),
    ],
)
def test_what_holds_no_plain_numbers_is_named_by_its_class(value):
    assert capture(value).kind is NodeKind.OBJECT


def test_a_path_that_was_asked_for_its_text_shows_that():
    path = pathlib.PurePosixPath("a//b/../c")
    str(path)
    assert plain(path) == "a/b/../c"


def test_an_exception_shows_its_arguments():
    class Failure(Exception):
        __str__ = __repr__ = trap

    assert plain(ValueError("bad", 1)) == {"args": ["bad", 1]}
    assert capture(Failure("x")).type_name.endswith("Failure")
    assert plain(Failure("x")) == {"args": ["x"]}


class Zone(dt.tzinfo):
    utcoffset = tzname = dst = trap


def test_a_time_zone_of_the_program_is_not_asked_for_its_offset():
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=Zone())
    assert plain(moment) == f"2024-01-02T03:04:05 {HERE}.Zone"
    assert plain(dt.time(3, 4, tzinfo=Zone())) == f"03:04 {HERE}.Zone"


def test_a_subclass_of_datetime_is_read_by_the_c_code():
    cls = trapped(dt.datetime, year=property(trap), toordinal=trap, tzinfo=property(trap))
    assert plain(dt.datetime.__new__(cls, 2024, 1, 2)) == "2024-01-02T00:00:00"
    cls = trapped(dt.date, year=property(trap))
    assert plain(dt.date.__new__(cls, 2024, 1, 2)) == "2024-01-02"


def test_a_zone_made_by_c_is_asked_only_for_exact_datetimes():
    zone = zoneinfo.ZoneInfo.no_cache("UTC") if "UTC" in zoneinfo.available_timezones() else None
    if zone is None:
        zone = dt.UTC
    exact = dt.datetime(2024, 1, 2, tzinfo=zone)
    assert plain(exact) == "2024-01-02T00:00:00+00:00"
    cls = trapped(dt.datetime, toordinal=trap, hour=property(trap), minute=property(trap))
    own = dt.datetime.__new__(cls, 2024, 1, 2, tzinfo=zone)
    assert plain(own).startswith("2024-01-02T00:00:00")


def test_decimals_leave_the_programs_context_alone():
    value = decimal.Decimal("1.5")

    def look():
        before = len(contextvars.copy_context())
        assert plain(value) == "1.5"
        return len(contextvars.copy_context()) - before

    assert contextvars.Context().run(look) == 0


def test_unknown_objects_are_their_class_alone():
    assert plain(object()) == "<object>"
    assert plain(threading.Lock()) == "<_thread.lock>"
    assert plain(array.array("i", [1])) == "<array.array>"
    assert plain(types.MappingProxyType({"a": 1})) == "<mappingproxy>"
    assert plain({}.keys()) == "<dict_keys>"
    assert plain(x for x in ()) == "<generator>"
    assert plain(memoryview(b"x")) == "<memoryview>"


def test_numpy_arrays_and_frames_have_a_short_form_without_an_import():
    class Base:
        __slots__ = ("dtype", "shape")

    class DType:
        __slots__ = ("itemsize", "kind")

    class Manager:
        __slots__ = ("axes",)

    class Frame:
        pass

    class Index:
        pass

    array_, dtype, manager, frame, index = Base(), DType(), Manager(), Frame(), Index()
    array_.shape, array_.dtype = (3, 4), dtype
    dtype.kind, dtype.itemsize = "f", 8
    index._data = array_
    other = Index()
    other._range = range(7)
    manager.axes = [index, other]
    frame._mgr = manager
    numpy, pandas = types.ModuleType("numpy"), types.ModuleType("pandas")
    numpy.ndarray, numpy.dtype, numpy.generic = Base, DType, type("generic", (), {})
    pandas.DataFrame, pandas.Series = Frame, type("Series", (), {})
    modules = {"numpy": numpy, "pandas": pandas}
    assert plain(array_, modules=modules) == "ndarray(shape=(3, 4), dtype=float64)"
    assert plain(frame, modules=modules).endswith("Frame(shape=(7, 3))")
    del manager.axes
    assert plain(frame, modules=modules).endswith("Frame>")
    del array_.dtype
    assert plain(array_, modules=modules).endswith("Base>")
    assert "numpy" not in sys.modules


def test_secret_names_are_redacted_or_dropped_at_every_level():
    value = {"password": "a", "n": [{"password": object(), "token": 1, "x": 1}], "token": 2}
    assert plain(value, SECRET) == {
        "password": "<redacted>",
        "n": [{"password": "<redacted>", "x": 1}],
    }
    assert plain(Defined(1), SECRET) == {"x": 1, "password": "<redacted>"}
    assert plain(Pair(1, "a"), SECRET) == {"left": 1, "password": "<redacted>"}
    assert plain({b"password": "a"}, SECRET) == {"b'password'": "<redacted>"}
    assert plain({"password": 1}, SECRET) == {"password": "<redacted>"}


def test_a_pair_under_a_secret_name_is_a_header_in_a_list():
    headers = [(b"host", b"x"), (b"password", b"hunter2"), ("token", "t"), ("password", "a", "b")]
    assert plain(headers, SECRET) == [
        ["b'host'", "b'x'"],
        ["b'password'", "<redacted>"],
        ["token", "<redacted>"],
        ["password", "a", "b"],
    ]


def test_a_pair_of_a_list_under_a_secret_name_is_a_header_too():
    assert plain([["password", "x"], [b"password", b"x"], ["n", "x"]], SECRET) == [
        ["password", "<redacted>"],
        ["b'password'", "<redacted>"],
        ["n", "x"],
    ]


def test_what_follows_a_secret_flag_of_a_command_line_is_redacted():
    assert plain(["run", "--password", "x", "--n", "y", "--password"], SECRET) == [
        "run",
        "--password",
        "<redacted>",
        "--n",
        "y",
        "--password",
    ]
    assert plain(("--password", "--n", 1), SECRET) == ["--password", "--n", 1]
    assert plain(["--password", "x"], None) == ["--password", "x"]


def test_the_value_of_an_object_that_is_named_like_a_secret_is_redacted():
    assert plain([{"name": "password", "value": "x"}, {"Key": "password", "Value": 1}], SECRET) == [
        {"name": "password", "value": "<redacted>"},
        {"Key": "password", "Value": "<redacted>"},
    ]
    assert plain({"name": "n", "value": "x"}, SECRET) == {"name": "n", "value": "x"}
    assert plain({"title": "password", "value": "x"}, SECRET) == {
        "title": "password",
        "value": "x",
    }


def test_a_redacted_value_is_not_even_looked_at():
    class Untouchable:
        __class__ = property(trap)

    value = Untouchable()
    references = sys.getrefcount(value)
    assert plain({"password": value}, SECRET) == {"password": "<redacted>"}
    assert sys.getrefcount(value) == references


def test_type_patterns_hold_at_every_level():
    rules = Rules(types={f"{HERE}.Point": Action.REDACT, f"{HERE}.Slotted": Action.DROP})
    assert capture(Point(1), rules) is REDACTED_NODE
    assert capture(Slotted(1), rules) is DROPPED_NODE
    assert plain([1, Point(1), {"a": Slotted(1), "b": (Point(2),)}, Slotted(2)], rules) == [
        1,
        "<redacted>",
        {"b": ["<redacted>"]},
    ]
    numbers = Rules(types={"builtins.int": Action.REDACT, "builtins.str": Action.DROP})
    assert plain([1, 2.5, "a", True, {"k": 1}, {1: 2.5}], numbers) == [
        "<redacted>",
        2.5,
        True,
        {},
        {"<redacted>": 2.5},
    ]
    assert capture(1, numbers) is REDACTED_NODE
    assert capture("x", numbers) is DROPPED_NODE


def test_a_name_decides_before_a_type_can_be_asked():
    class Forbidden(Rules):
        def type_action(self, name):
            assert name != f"{HERE}.Point"
            return Action.ALLOW

    rules = Forbidden({"password": Action.REDACT}, {"x": Action.DROP})
    assert plain({"password": Point(1)}, rules) == {"password": "<redacted>"}


class Speaking:
    def __repr__(self):
        return "I speak"


class Long:
    def __repr__(self):
        return "x" * 5000


class Failing:
    def __init__(self, error):
        self.error = error

    def __repr__(self):
        raise self.error


class Odd:
    def __repr__(self):
        return filled(str, "odd")


def test_a_repr_runs_only_where_it_was_asked_for():
    assert plain(Speaking()) == f"<{HERE}.Speaking>"
    assert plain(Speaking(), allow_repr=True) == "I speak"
    assert plain([Speaking()], allow_repr=True) == ["I speak"]
    assert plain([Speaking(), Long()], Rules(reprs=(f"{HERE}.Speaking",))) == [
        "I speak",
        f"<{HERE}.Long>",
    ]
    assert capture(Long(), allow_repr=True) == Node(
        NodeKind.CUT_TEXT, f"{HERE}.Long", "x" * 1007, 5000
    )
    assert type(capture(Odd(), allow_repr=True).items) is str


def test_builtin_containers_are_walked_even_where_every_repr_may_run():
    class Everything(Rules):
        def allows_repr(self, name):
            return True

    rules = Everything({"password": Action.REDACT})
    assert plain({"password": 1, "x": [Speaking()]}, rules) == {
        "password": "<redacted>",
        "x": ["I speak"],
    }


@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), GeneratorExit(), RecursionError()])
def test_an_error_in_a_repr_leaves_the_class(error):
    assert plain(Failing(error), allow_repr=True) == f"<{HERE}.Failing>"


def test_an_interrupt_in_a_repr_reaches_the_program():
    build = build_capture(ValueLimits(), None, allow_repr=True)
    with pytest.raises(KeyboardInterrupt):
        build([Failing(KeyboardInterrupt())])
    assert plain_value(build(Speaking())) == "I speak"


def test_a_repr_that_captures_does_not_run_reprs_again():
    build = build_capture(ValueLimits(), None, allow_repr=True)
    seen = []

    class Nested:
        def __repr__(self):
            seen.append(plain_value(build([self, Speaking()])))
            return "nested"

    assert plain_value(build(Nested())) == "nested"
    assert seen == [[f"<{Nested.__module__}.{Nested.__qualname__}>", f"<{HERE}.Speaking>"]]
    assert plain_value(build(Speaking())) == "I speak"


def test_what_cannot_be_read_is_an_object_and_redacted_where_patterns_stand():
    class Broken(Rules):
        def attribute_action(self, name):
            raise RuntimeError

    assert capture({"a": 1}, Broken({"x": Action.DROP})) is REDACTED_NODE
    assert plain([1, {"a": 1}, 2], Broken()) == [1, "<redacted>", 2]

    class Fields:
        __dataclass_fields__ = typing.ClassVar[dict]

    assert plain(Fields()) == f"<{Fields.__module__}.{Fields.__qualname__}>"


def test_the_captured_value_keeps_no_object_of_the_program_alive():
    class Held:
        pass

    class Name(str):
        __slots__ = ("__weakref__",)

    held, name = Held(), Name("text")
    references = [weakref.ref(held), weakref.ref(name), weakref.ref(Held)]
    build = build_capture(ValueLimits(), SECRET, allow_repr=False)
    captured = build([held, name, {name: held}, (held,), {"password": held}])
    assert_holds_only_builtins(captured)
    del held, name, Held, Name
    gc.collect()
    assert [reference() for reference in references] == [None, None, None]


def test_a_class_made_at_the_place_of_a_dead_one_is_not_mistaken_for_it():
    build = build_capture(ValueLimits(), None, allow_repr=False)
    for number in range(200):
        cls = type(f"C{number}", (), {"__module__": "m"})
        assert plain_value(build(cls())) == f"<m.C{number}>"
        del cls
        if number % 20 == 0:
            gc.collect()


def test_facts_about_classes_are_bounded():
    from codetracer_otel.instrumentation.values.class_info import ClassFactsCache

    cache = ClassFactsCache({})
    kept = [type(f"C{number}", (), {}) for number in range(2500)]
    for cls in kept:
        cache.facts(cls)
    assert len(cache._facts) <= 2048


def test_containers_that_other_threads_change_are_captured_all_the_same():
    table, queue, numbers = {}, collections.deque(), set()
    stop = threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            number = (number + 1) % 50
            table[number] = number
            table.pop((number * 7) % 50, None)
            queue.append(number)
            if len(queue) > 40:
                queue.popleft()
            numbers.add(number)
            numbers.discard((number * 7) % 50)

    threads = [threading.Thread(target=change) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    for thread in threads:
        thread.start()
    try:
        ends = time.monotonic() + 0.5
        build = build_capture(ValueLimits(), None, allow_repr=False)
        while time.monotonic() < ends:
            captured = build([table, queue, numbers])
            assert [node.kind for node in captured.items] == [
                NodeKind.MAPPING,
                NodeKind.LIST,
                NodeKind.SET,
            ]
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        for thread in threads:
            thread.join()


def test_capturing_near_the_recursion_limit_does_not_raise():
    build = build_capture(ValueLimits(), None, allow_repr=False)
    value = {"a": [{"b": Slotted(1)}]}

    def fall():
        build(value)
        fall()

    with pytest.raises(RecursionError):
        fall()
    assert plain_value(build(value)) == {"a": [{"b": {"x": 1, "y": None}}]}


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(codec=None), max_size=8),
        st.binary(max_size=8),
        st.decimals(),
        st.datetimes(),
        st.uuids(),
        st.builds(Slotted, st.integers()),
        st.sampled_from([Colour.RED, Level.HIGH, object, Speaking()]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=4), inner, max_size=4),
        st.builds(Slotted, st.integers(), inner),
    ),
    max_leaves=12,
)


@settings(max_examples=examples(150))
@given(value=VALUES, patterns=st.sampled_from([None, SECRET, Rules(types={"x.Y": Action.DROP})]))
def test_whatever_is_captured_can_be_exported(value, patterns):
    captured = capture(value, patterns, max_string=5, max_items=3, max_depth=3)
    assert_holds_only_builtins(captured)
    attribute_value(captured)
    assert captured == capture(
        value, patterns, max_string=5, max_items=3, max_depth=3
    ) or "nan" in (repr(captured))
