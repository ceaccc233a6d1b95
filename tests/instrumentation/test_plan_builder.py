"""From a decision about a code object to the plan that the recorder works by."""

import sys

import pytest
from tests.conftest import HEADER, rule

from codetracer_otel.filters import filter_from_text
from codetracer_otel.filters.decisions.classifier import compile_chain
from codetracer_otel.filters.language.loader import load_chain
from codetracer_otel.filters.types import Action, CodeIdentity
from codetracer_otel.instrumentation.plan_builder import PlanBuilder, kind_of
from codetracer_otel.model.record import NOT_CAPTURED
from codetracer_otel.model.value import DROPPED_NODE, REDACTED_NODE

EVERYTHING = frozenset({"args", "return", "locals", "globals"})
FRAME = sys._getframe()


def function(first, *rest, key=None, **more):
    local = first
    return [item for item in (local, rest, key, more, EVERYTHING)]  # noqa: C416 - a comprehension


def generator():
    yield


async def coroutine():
    pass


async def async_generator():
    yield


def build(code, *more, capture=EVERYTHING, on_skip=lambda _: None):
    classifier = compile_chain(load_chain([filter_from_text(HEADER + "".join(more))]))

    def identify(code, hint):
        return CodeIdentity((hint,), code.co_filename, code.co_qualname)

    return PlanBuilder(classifier, identify, capture, on_skip).build(code, FRAME)


def traced(*patterns):
    rows = "".join(
        f"[[scope.rules.value_patterns]]\nselector = '{selector}'\naction = '{action}'\n"
        for selector, action in patterns
    )
    return rule("obj:glob:*.function") + rows


def names(variables):
    return [variable.name for variable in variables]


def test_code_that_the_filter_skips_has_none_and_the_rule_is_told():
    skipped = []
    assert build(function.__code__, on_skip=skipped.append) is None
    assert len(skipped) == 1


def test_a_plan_names_the_function_its_file_and_its_variables():
    plan = build(function.__code__, traced()).plan
    assert plan.name == f"{__name__}.function"
    assert (plan.file, plan.line) == (__file__, function.__code__.co_firstlineno)
    assert names(plan.arguments) == ["first", "key", "rest", "more"]
    assert plan.argument_names == ("first", "key", "rest", "more")
    assert "local" in names(plan.locals)
    assert "EVERYTHING" in names(plan.globals)
    assert plan.captures_return


def test_what_is_not_asked_for_is_not_planned():
    plan = build(function.__code__, traced(), capture=frozenset()).plan
    assert (plan.arguments, plan.locals, plan.globals) == ((), (), ())
    assert plan.fixed_result is NOT_CAPTURED
    assert not plan.captures_return


def test_a_redacted_name_is_planned_but_never_read_and_a_dropped_one_is_gone():
    plan = build(function.__code__, traced(("arg:first", "redact"), ("arg:key", "drop"))).plan
    assert [(v.name, v.redacted) for v in plan.arguments] == [
        ("first", True),
        ("rest", False),
        ("more", False),
    ]
    assert plan.argument_names == ("rest", "more")
    assert ("argument", 1) in plan.redactions


@pytest.mark.parametrize(("action", "result"), [("redact", REDACTED_NODE), ("drop", DROPPED_NODE)])
def test_a_result_that_is_judged_by_rule_is_fixed(action, result):
    plan = build(function.__code__, traced(("ret:*", action))).plan
    assert plan.fixed_result is result
    assert not plan.captures_return


def test_keys_of_keyword_arguments_are_judged_like_arguments():
    planned = build(function.__code__, traced(("arg:password", "redact")))
    assert planned.keywords_name == "more"
    assert planned.judge_keyword("password") is Action.REDACT
    assert planned.judge_keyword("user") is Action.ALLOW


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (function.__code__, "function"),
        (generator.__code__, "generator"),
        (coroutine.__code__, "coroutine"),
        (async_generator.__code__, "async_generator"),
        (compile("1", "f.py", "exec"), "module"),
        (compile("class A: pass", "f.py", "exec").co_consts[0], "class"),
    ],
)
def test_the_kind_of_code_is_told(code, kind):
    assert kind_of(code) == kind
