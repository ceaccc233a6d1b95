"""What is kept for one traced code object, and how its arguments are read."""

import sys

import pytest

from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.plan_builder import PlannedCode
from codetracer_otel.instrumentation.spans.traced_code import (
    SHORT_TEXT,
    HookCode,
    TracedCode,
    judged_keywords,
)
from codetracer_otel.model.record import Plan, Variable
from codetracer_otel.model.value import REDACTED_NODE, Node


def site_of(function, *names, keywords=None, judge=lambda _: Action.ALLOW, **plan):
    code = function.__code__
    variables = tuple(Variable(name, f"codetracer.arg.{name}", redacted=False) for name in names)
    made = Plan("n", "f", "file", 1, arguments=variables, argument_names=names, **plan)
    return TracedCode(code, PlannedCode(made, judge, keywords), captured, lambda _: None)


def captured(value):
    return ("captured", value)


def frame_of(first, *rest, key=2, **more):
    later = key
    del later
    return sys._getframe()


def test_the_arguments_are_read_in_the_order_of_the_plan():
    traced_code = site_of(frame_of, "key", "first")
    assert traced_code.read_arguments(frame_of(1)) == (2, 1)


def test_arguments_and_a_result_alone_need_nothing_special():
    def plain(first):
        return first

    assert not site_of(plain, "first").is_special


def test_a_single_argument_is_a_tuple_too():
    assert site_of(frame_of, "first").read_arguments(frame_of(1)) == (1,)


def test_without_arguments_nothing_is_read():
    traced_code = site_of(frame_of)
    assert traced_code.read is None
    assert traced_code.read_arguments(frame_of(1)) == ()


@pytest.mark.parametrize("value", [None, True, 1, 0.5, "x" * SHORT_TEXT])
def test_plain_values_pass_as_they_are(value):
    assert site_of(frame_of, "first").capture_quickly(value) is value


@pytest.mark.parametrize("value", [[1], {}, object(), "x" * (SHORT_TEXT + 1), b"b"])
def test_other_values_are_captured(value):
    assert site_of(frame_of, "first").capture_quickly(value) == ("captured", value)


def test_keys_of_keyword_arguments_are_judged_one_by_one():
    verdicts = {"a": Action.ALLOW, "b": Action.REDACT, "c": Action.DROP}
    traced_code = site_of(frame_of, "more", keywords="more", judge=verdicts.get)
    (node,) = traced_code.read_arguments(frame_of(1, a=1, b="s3cret", c="gone"))
    assert type(node) is Node
    assert node.items == (("a", 1), ("b", REDACTED_NODE))
    assert traced_code.is_special


def test_keyword_arguments_beyond_the_limit_are_counted():
    traced_code = site_of(frame_of)
    planned = PlannedCode(traced_code.plan, lambda _: Action.ALLOW, None)
    node = judged_keywords({f"k{n}": n for n in range(40)}, planned, traced_code)
    assert (len(node.items), node.omitted) == (32, 8)


@pytest.mark.parametrize("kind", ["generator", "coroutine", "async_generator"])
def test_what_can_be_suspended_takes_the_special_road(kind):
    traced_code = site_of(frame_of, kind=kind)
    assert (traced_code.suspends, traced_code.is_special) == (True, True)


def test_a_hook_has_no_plan():
    traced_code = HookCode(frame_of.__code__, lambda *_: True, lambda _: None)
    assert (traced_code.plan, traced_code.is_special, traced_code.suspends) == (None, True, False)
