"""What a program writes to the span of a function is kept as the SDK keeps it on its own spans."""

from __future__ import annotations

import collections
import datetime as dt
import enum
from typing import NamedTuple

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanContext
from tests.conformance.validator import assert_valid
from tests.conftest import only
from tests.exporters.collector import running_collector

import codetracer_otel


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Pair(NamedTuple):
    a: int
    b: str


VALUES = {
    "text": "x",
    "number": 7,
    "large": 2**63 - 1,
    "real": 0.5,
    "truth": True,
    "nothing": None,
    "raw": b"\x00\xff",
    "texts": ["a", "b"],
    "pair": ("a", 1),
    "mixed": [1, "a", 2.5, None, True, b"z"],
    "nested": [[1], ["a"], []],
    "map": {"a": 1, "b": {"c": [1, {"d": None}]}, "": 1},
    "keys": {3: "three", None: "none", (1, 2): "pair"},
    "ordered": collections.OrderedDict(a=1),
    "named": Pair(1, "x"),
    "level": Level.HIGH,
    "empty": [],
}
LINKED = SpanContext(1, 2, is_remote=True)


def write(span):
    span.set_attributes(VALUES)
    for key, value in VALUES.items():
        span.set_attribute(f"one.{key}", value)
    span.add_event("told", VALUES)
    span.add_link(LINKED, VALUES)
    span.add_link(SpanContext(0, 0, is_remote=False))


def traced():
    write(trace.get_current_span())


def library():
    with trace.get_tracer("library").start_as_current_span("library's") as span:
        write(span)


@pytest.fixture(scope="module")
def spans():
    rule = "[[scope.rules]]\nselector = 'obj:glob:*.write'\nexec = 'skip'\n"
    with running_collector() as collector:
        with codetracer_otel.configure(
            only(__file__, rule), f"otlp={collector.url}", builtin_filter=False
        ):
            traced()
            library()
        return {span.name.rpartition(".")[2]: span for span in assert_valid(collector.requests)}


def attributes(holder):
    """Return the attributes that the program wrote, each as bytes of protobuf."""
    return {
        item.key: item.value.SerializeToString(deterministic=True)
        for item in holder.attributes
        if not item.key.startswith(("code.", "codetracer."))
    }


def parts(span):
    return (span, *span.events, *span.links)


def test_a_functions_span_has_what_the_sdks_has(spans):
    ours, theirs = parts(spans["traced"]), parts(spans["library's"])
    for own, their in zip(map(attributes, ours), map(attributes, theirs), strict=True):
        assert {key for key in own.keys() | their.keys() if own.get(key) != their.get(key)} == set()
    assert len(attributes(ours[0])) == 2 * len(VALUES)


def test_names_of_keys_that_are_no_text_are_told_as_text(spans):
    (shown,) = [item.value for item in spans["traced"].attributes if item.key == "keys"]
    assert [item.key for item in shown.kvlist_value.values] == ["3", "(1, 2)"]


def test_an_object_stands_there_without_its_own_code(record):
    class Talkative:
        def __str__(self):
            raise AssertionError

        __repr__ = __str__

    def setting():
        span = trace.get_current_span()
        span.set_attribute("object", Talkative())
        span.set_attribute("in", [Talkative(), Color.RED])
        span.set_attribute("when", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))

    with record() as spans:
        setting()
    shown = spans[0].attributes
    assert shown["object"].endswith(".Talkative>")
    assert shown["in"][0] == shown["object"]
    assert "RED" in shown["in"][1]
    assert shown["when"].startswith("2026-01-02")
