"""Rules that matched nothing are told of, with what was probably meant."""

from __future__ import annotations

import json

import pytest
from tests.filters.chains import classifier, filter_text, rule

from codetracer_otel.filters.types import CodeIdentity

SEEN = [
    ("order", "sign_in"),
    ("order", "price"),
    ("shop.cart", "Cart.total"),
    ("shop.cart", "<module>"),
]


def asked(*selectors):
    text = filter_text("".join(map(rule, selectors)), execute="inherit", values="inherit")
    found = classifier(text, builtin=True)
    for module, qualname in SEEN:
        found.classify(CodeIdentity((module,), f"/srv/{module.replace('.', '/')}.py", qualname))
    return found.hits


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        ("obj:ordr.sign_in", "; did you mean order.sign_in?"),
        ("obj:order.signin", "; did you mean order.sign_in?"),
        ("pkg:shpo.*", "; did you mean shop?"),
        ("pkg:shop.crat", "; did you mean shop.cart?"),
        ("obj:Cart.total", ": it matches the qualified name alone"),
        ("obj:sign_in", ": it matches the qualified name alone"),
        ("pkg:shop", ": it matches 'shop' alone, not what is inside it"),
    ],
)
def test_a_selector_that_nearly_names_something_is_told_of(selector, meant):
    (line,) = asked(selector).unmatched()
    assert line.startswith(f"rule <inline:f0>:7 `{selector}` matched nothing")
    assert meant in line


def test_a_rule_for_what_did_not_run_is_none_of_a_slip():
    hits = asked("pkg:{requests,requests.*}", "obj:order.price")
    assert hits.unmatched() == []
    assert hits.stats() == {"<inline:f0>:7": 0, "<inline:f0>:9": 1}


def test_names_that_the_builtin_filter_leaves_out_are_not_meant():
    found = asked("obj:shutil.copyy")
    assert found.unmatched() == []


def test_placeholders_work_in_a_users_filter():
    text = filter_text(rule("file:literal:@stdlib", exec="trace"), execute="skip")
    decision = classifier(text).classify(CodeIdentity(("json",), json.__file__, "dumps"))
    assert decision.traces
