"""Two arguments, fields or items of which one names a secret and the other holds it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.exporters.every_exporter import leaks, shown_by_every_exporter

import codetracer_otel
from codetracer_otel.instrumentation.values.adjacent_secrets import paired_variables
from codetracer_otel.model.value import REDACTED

PASSWORD = "hush-4711-hush"
KEPT = "kept-4711-kept"


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
