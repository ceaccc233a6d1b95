from __future__ import annotations

import enum

import pytest

from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.values.attribute_values import (
    LEFT_OUT,
    attribute_texts,
    clean_attribute,
    map_attribute,
    without_named,
)
from codetracer_otel.model.value import REDACTED, REDACTED_NODE, Node, NodeKind


class Color(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (True, True),
        (1, 1),
        (1.5, 1.5),
        ("text", "text"),
        (b"\xff", b"\xff"),
        ([1, 2], (1, 2)),
        (("a", None, "b"), ("a", None, "b")),
        (Color.RED, "red"),
        (Size.BIG, 3),
        (None, None),
        (object(), LEFT_OUT),
        ({"a": 1, Color.RED: [Size.BIG], "": 1, 3: 1}, {"a": 1, "red": (3,), "3": 1}),
        ({"a": None, "b": object()}, {"a": None}),
        ([1, [2], ("a", object()), {}], (1, (2,), ("a",), {})),
    ],
)
def test_attributes_become_what_opentelemetry_takes(value, clean):
    assert clean_attribute(value) == clean
    assert type(clean_attribute(value)) is type(clean)


def actions(name):
    if name == "gone":
        return Action.DROP
    return Action.REDACT if "password" in name.lower() else Action.ALLOW


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"password": "x", "user": "ada"}, {"password": REDACTED, "user": "ada"}),
        ({"gone": 1, "user": {"password": {"a": 1}}}, {"user": {"password": REDACTED}}),
        (({"password": b"x"},), ({"password": REDACTED},)),
        ((("password", "x"), ("user", "ada")), (("password", REDACTED), ("user", "ada"))),
        ((b"password", b"x"), (b"password", REDACTED)),
        ({"name": "Password", "value": "x"}, {"name": "Password", "value": REDACTED}),
        (("run", "--password", "x"), ("run", "--password", REDACTED)),
        (REDACTED_NODE, REDACTED),
    ],
)
def test_what_stands_under_or_beside_a_secret_name_is_hidden_at_any_depth(value, shown):
    assert without_named(value, actions) == shown
    assert without_named([value], actions) == (shown,)


def test_a_value_without_secrets_is_the_same_object():
    value = {"a": (1, {"b": [b"c", None]}), "d": "e"}
    assert without_named(value, actions) is value


def test_texts_are_found_and_replaced_at_any_depth_and_bytes_stay_bytes():
    node = Node(NodeKind.CUT_TEXT, "str", "cut", 9)
    value = {"k": ("a", [b"\xff b", {"c": "d"}], 1, None, node)}
    texts = ["k", "a", "\xff b", "c", "d", "cut"]
    assert [text for text, _ in attribute_texts(value)] == texts
    assert [cut for _, cut in attribute_texts(value)] == [False] * 5 + [True]
    changed = map_attribute(value, lambda text, _: text.upper() if text.isascii() else text)
    assert changed == {"K": ("A", (b"\xff b", {"C": "D"}), 1, None, "CUT")}
