"""Two arguments, fields or items of which one names a secret and the other holds it."""

from __future__ import annotations

import array
import asyncio
import collections
import contextlib
import types
from dataclasses import dataclass
from itertools import zip_longest

import pytest
from tests.exporters.every_exporter import leaks, shown_by_every_exporter

import codetracer_otel
from codetracer_otel.instrumentation.steps import recorder
from codetracer_otel.instrumentation.values.adjacent_secrets import paired_variables
from codetracer_otel.model.value import REDACTED

PASSWORD = "hush-4711-hush"
KEPT = "kept-4711-kept"
PASSWORDS = []


class Headers(dict):
    def __setitem__(self, key, value):
        super().__setitem__(key, value)


class Request:
    def putheader(self, header, *values):
        return len(values)

    def add(self, *pair):
        return len(pair)


@dataclass
class Header:
    Header: str
    Value: str


def put(name, value):
    return name


def configured(field_name, new_value, flag="x", content=None):
    return field_name


class Settings:
    def __getattr__(self, name):
        return PASSWORDS[0]


class Found:
    def __init__(self, name):
        self.called = name


def look_up(key):
    return PASSWORDS[0]


def ask_for(option):
    raise LookupError(f"it is {PASSWORDS[0]}")


def each_of(header):
    yield 1
    return PASSWORDS[0]


async def fetch(setting):
    return PASSWORDS[0]


def each_of_counted(header):
    header = len(header)
    yield header
    yield header
    return PASSWORDS[0]


async def fetch_counted(setting):
    setting = len(setting)
    await asyncio.sleep(0)
    return PASSWORDS[0]


def call_inside(name):
    by_hand("x", None)  # what is done by hand takes the open calls out of compiled code
    return PASSWORDS[0]


def declare(field_name):
    return Found(field_name)


class Account:
    _kept = ""

    @property
    def password(self):
        return self._kept

    @password.setter
    def password(self, value):
        self._kept = value


def set_api_key(new_value, retries):
    return retries


def check_password(cls, v):
    return len(v)


def set_colour(value):
    return value


def get(key, default):
    return key


def set_attribute(attr, v):
    return attr


def fill(selector, value):
    return selector


def take(_given):
    return None


def take_all(**more):
    return len(more)


@codetracer_otel.instrument
def by_hand(header, value):
    return header


def keep_locals(shown):
    key, value = ("X-Api-Key", shown[0])
    return len(value) and key


def look_up_all(secret_name, bytes_name):
    """Call what finds what is kept, by names."""
    look_up(secret_name)
    look_up(bytes_name)
    getattr(Settings(), secret_name)
    list(each_of(secret_name))
    list(each_of_counted(secret_name))
    asyncio.run(fetch(secret_name))
    asyncio.run(fetch_counted(secret_name))
    call_inside(secret_name)
    with contextlib.suppress(LookupError):
        ask_for(secret_name)


def find_secrets():
    PASSWORDS[:] = [PASSWORD]
    look_up_all("DB_PASSWORD", b"x-api-key")
    PASSWORDS[:] = [{"found": [PASSWORD.encode()]}]
    look_up_all("--token", b"authorization")
    PASSWORDS[:] = [KEPT]
    look_up_all("colour", b"accept")


def program(secret=PASSWORD, kept=KEPT):
    Headers()["X-Api-Key"] = secret
    Headers()["Accept"] = kept
    Request().putheader("Authorization", secret)
    Request().putheader("Accept", kept)
    Request().add("Authorization", secret)
    Request().add(b"authorization", secret.encode())
    put("password", secret)
    put(b"password", [secret])
    put(value=secret, name="api_key")
    put("colour", kept)
    configured("db_password", secret)
    configured("x", "y", "--token", {"deep": secret})
    get("API_KEY", secret)
    set_attribute("password", secret)
    fill("#password", secret)
    Account().password = secret
    set_api_key(secret, 3)
    check_password(Account, secret)
    set_colour(kept)
    take({"parameter": "api_key", "value": secret})
    take({"ParameterKey": "DbPassword", "ParameterValue": secret, "UsePreviousValue": False})
    take({"field": "password", "old_value": [secret], "newValue": secret})
    take({"fieldName": "colour", "newValue": kept, "environment": kept})
    take_all(header_name="X-Api-Key", headerValue=secret)
    take({"label": "Password", "v": secret})
    take({("db", "password"): secret, ("db", b"token", 1): secret, ("db", "user"): kept})
    take({("password",): {"deep": secret}})
    take({"Header": "X-Api-Key", "Value": secret})
    take({"FIELD": "password", "VALUE": [secret], "enabled": True})
    take([{"flag": "--password", "val": secret}, {"key": "colour", "value": kept}])
    take(Header("Authorization", secret))
    take(["http", "-a", f"bob:{secret}", "https://example.org"])
    take(("run", "-password", secret, "--token", secret, "-v"))
    take([("X-Api-Key", secret), ["Cookie", secret]])
    take_all(header="X-Api-Key", value=secret)
    take_all(name=b"password", content=[secret], other=1)
    by_hand("Authorization", secret)
    with codetracer_otel.span("s", key="api_key", value=secret):
        codetracer_otel.event("e", header="Cookie", value={"deep": secret})
    with codetracer_otel.span("s", **{"tool.name": "password", "message.content": kept}):
        pass
    keep_locals([secret])


def call_program():
    program(PASSWORD, KEPT)


def test_no_exporter_shows_what_a_neighbour_names(tmp_path, capsys):
    rules = (
        "[[scope.rules]]\nselector = 'pkg:**'\n[[scope.rules.value_patterns]]\n"
        'selector = "arg:literal:secret"\naction = "redact"\n'
        '[[scope.rules.value_patterns]]\nselector = "arg:literal:shown"\naction = "redact"\n'
        '[[scope.rules.value_patterns]]\nselector = "arg:literal:pair"\naction = "allow"\n'
    )
    # A secret that was learned at one place would be hidden at all others.
    options = {"capture": {"args", "return", "locals"}, "learn_secrets": False}
    shown = shown_by_every_exporter(call_program, tmp_path, capsys, rules, **options)
    assert leaks(shown, PASSWORD) == {}
    assert set(leaks(shown, KEPT)) == set(shown)
    assert REDACTED in shown["jsonl"]


def test_no_exporter_shows_a_result_that_an_argument_names(tmp_path, capsys, core):
    options = {"capture": {"args", "return"}, "learn_secrets": False}
    shown = shown_by_every_exporter(find_secrets, tmp_path, capsys, **options)
    assert leaks(shown, PASSWORD) == {}
    assert set(leaks(shown, KEPT)) == set(shown)


def find_by_turns():
    PASSWORDS[:] = [PASSWORD]
    list(zip_longest(each_of_counted("password"), each_of_counted("api_key")))


def test_no_exporter_shows_what_a_forgotten_generator_returns(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(recorder, "_MAX_SUSPENDED", 1)
    options = {"capture": {"args", "return"}, "learn_secrets": False}
    shown = shown_by_every_exporter(find_by_turns, tmp_path, capsys, **options)
    assert "each_of_counted" in shown["native"]
    assert leaks(shown, PASSWORD) == {}


def test_a_result_that_an_argument_names_is_known_from_then_on(record, core):
    PASSWORDS[:] = [PASSWORD]
    with record() as spans:
        look_up("colour")
        look_up("api_key")
        put("colour", f"<{PASSWORD}>")
    assert results(spans)[1] == REDACTED
    assert PASSWORD not in repr(spans[-1].attributes)


@pytest.mark.parametrize(
    "found",
    [
        bytearray(b"x"),
        collections.ChainMap({"x": "y"}),
        collections.Counter("x"),
        collections.OrderedDict(x="y"),
        collections.UserDict(x="y"),
        collections.UserList("x"),
        collections.UserString("x"),
        collections.defaultdict(list, x="y"),
        collections.deque("x"),
        collections.namedtuple("Pair", "x y")("x", "y"),  # noqa: PYI024 - the type is what matters
        array.array("B", b"x"),
        frozenset("x"),
        memoryview(b"x"),
        types.MappingProxyType({"x": "y"}),
        {"x": "y"}.items(),
        {"x": "y"}.keys(),
        {"x": "y"}.values(),
    ],
    ids=lambda found: type(found).__name__,
)
def test_whatever_texts_are_in_is_hidden_where_it_is_named(record, core, found):
    PASSWORDS[:] = [found]
    with record(learn_secrets=False) as spans:
        look_up("password")
        asyncio.run(fetch("password"))
        look_up("colour")
    assert results(spans)[:2] == [REDACTED, REDACTED] != results(spans)[1:]


@pytest.mark.parametrize(
    "found", [None, False, 7, 0.5, Found("x")], ids=lambda found: type(found).__name__
)
def test_what_holds_no_text_is_shown_whatever_names_it(record, core, found):
    PASSWORDS[:] = [found]
    with record() as spans:
        look_up("password")
        look_up("colour")
    assert results(spans)[0] == results(spans)[1] != REDACTED


def test_a_field_that_is_made_by_its_name_is_shown(record, core):
    with record() as spans:
        declare("password")
    assert "called" in repr(results(spans)[-1])


def test_a_rule_shows_a_result_whatever_names_it(record, core):
    PASSWORDS[:] = [KEPT]
    allow = """
[[scope.rules]]
selector = "pkg:**"
[[scope.rules.value_patterns]]
selector = "ret:glob:**.look_up"
action = "allow"
"""
    with record(allow, learn_secrets=False) as spans:
        look_up("password")
        asyncio.run(fetch("password"))
    assert results(spans) == [KEPT, REDACTED]


def results(spans):
    return [span.attributes.get("codetracer.return") for span in spans]


@pytest.fixture(params=["c", "python"])
def core(request, monkeypatch):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", request.param)


def test_a_value_is_shown_where_its_neighbour_names_no_secret(record):
    with record() as spans:
        put("colour", KEPT)
        put("password", PASSWORD)
        put(7, KEPT)
    values = [span.attributes["codetracer.arg.value"] for span in spans]
    assert values == [KEPT, REDACTED, KEPT]


@pytest.mark.parametrize(
    ("names", "paired"),
    [
        (("self", "key", "value"), ((1, 2),)),
        (("header", "values"), ((0, 1),)),
        (("field_name", "new_value", "content"), ((0, 1), (0, 2))),
        (("attr", "v"), ((0, 1),)),
        (("setting", "default"), ((0, 1),)),
        (("headerName", "newValue"), ((0, 1),)),
        (("user", "amount"), ()),
        (("key",), ()),
        (("key_count", "values_of"), ()),
    ],
)
def test_the_last_word_of_a_variable_tells_its_part(names, paired):
    assert paired_variables(names) == paired
