from __future__ import annotations

import pytest
from tests.filters.chains import KINDS, action, classifier, decide, filter_text, rule

from codetracer_otel.filters.types import Action, CodeIdentity

APP = "pkg:app.*"


@pytest.mark.parametrize("kind", ["arg", "local", "global"])
@pytest.mark.parametrize("given", ["allow", "redact", "drop"])
def test_a_pattern_of_the_kind_decides(kind, given):
    decision = decide(filter_text(rule(APP, (f"{kind}:x", given)), values="redact"))
    assert action(decision, kind, "x") == given
    assert action(decision, kind, "y") == "redact"


def test_deny_is_redact():
    assert action(decide(filter_text(rule(APP, ("arg:x", "deny")))), "arg", "x") == "redact"
    assert action(decide(filter_text(values="deny")), "arg", "x") == "redact"


def test_the_first_pattern_of_a_rule_that_hits_decides():
    text = filter_text(rule(APP, ("arg:x", "allow"), ("arg:*", "drop")))
    assert [action(decide(text), "arg", name) for name in "xy"] == ["allow", "drop"]


def test_the_newest_rule_that_hits_decides():
    text = filter_text(rule(APP, ("arg:*", "redact")) + rule("obj:*.f", ("arg:x", "allow")))
    assert [action(decide(text), "arg", name) for name in "xy"] == ["allow", "redact"]


def test_a_newer_rule_without_patterns_keeps_older_patterns():
    text = filter_text(rule(APP, ("arg:x", "redact")) + rule(APP, exec="trace"))
    assert action(decide(text), "arg", "x") == "redact"


def test_rules_that_do_not_match_have_no_say():
    assert action(decide(filter_text(rule("pkg:b", ("arg:x", "drop")))), "arg", "x") == "allow"


@pytest.mark.parametrize(
    ("older", "newer_default", "expected"),
    [
        ("allow", "redact", "redact"),
        ("drop", "redact", "drop"),
        ("redact", "drop", "drop"),
        ("redact", "allow", "redact"),
        ("allow", "allow", "allow"),
    ],
)
@pytest.mark.parametrize("where", ["rule", "file"])
def test_under_a_newer_default_an_older_pattern_only_makes_stricter(
    older, newer_default, expected, where
):
    first = filter_text(rule(APP, ("arg:x", older)))
    if where == "rule":
        second = filter_text(rule(APP, value_default=newer_default), values="inherit")
    else:
        second = filter_text(values=newer_default)
    decision = decide(first, second)
    assert action(decision, "arg", "x") == expected
    assert action(decision, "arg", "y") == newer_default


def test_a_pattern_may_loosen_the_default_of_its_own_rule_and_of_its_own_file():
    own_rule = filter_text(rule(APP, ("arg:x", "allow"), value_default="drop"))
    own_file = filter_text(rule(APP, ("arg:x", "allow")), values="redact")
    assert action(decide(own_rule), "arg", "x") == "allow"
    assert action(decide(own_file), "arg", "x") == "allow"


def test_a_newer_pattern_loosens_an_older_default():
    text = filter_text(rule(APP, value_default="redact") + rule(APP, ("arg:x", "allow")))
    assert action(decide(text), "arg", "x") == "allow"


def test_the_verdict_says_which_rule_decided():
    first = filter_text(rule(APP, ("arg:x", "allow")))
    decision = decide(first, filter_text(values="redact"))
    verdict = decision.value_verdict(*_arg("x"))
    assert (verdict.source.file, verdict.source.line) == ("<inline:f1>", 6)


def _arg(name):
    from codetracer_otel.filters.types import ValueKind

    return ValueKind.ARG, name


# ------------------------------------------------------------------ arguments and locals


@pytest.mark.parametrize(("own", "other"), [("arg", "local"), ("local", "arg")])
@pytest.mark.parametrize("given", ["redact", "drop"])
def test_a_pattern_on_arguments_hides_the_local_of_that_name_and_back(own, other, given):
    assert action(decide(filter_text(rule(APP, (f"{own}:x", given)))), other, "x") == given


@pytest.mark.parametrize(("own", "other"), [("arg", "local"), ("local", "arg")])
def test_an_allow_of_the_other_kind_allows_nothing(own, other):
    text = filter_text(rule(APP, (f"{own}:x", "allow")), values="redact")
    assert action(decide(text), other, "x") == "redact"


@pytest.mark.parametrize(("own", "other"), [("arg", "local"), ("local", "arg")])
def test_a_pattern_of_the_own_kind_in_any_rule_wins(own, other):
    text = filter_text(rule(APP, (f"{own}:x", "allow")) + rule(APP, (f"{other}:x", "drop")))
    assert action(decide(text), own, "x") == "allow"


def test_a_pattern_of_the_other_kind_does_not_loosen_the_default():
    text = filter_text(rule(APP, ("arg:x", "redact")), values="drop")
    assert [action(decide(text), kind, "x") for kind in ("arg", "local")] == ["redact", "drop"]


def test_globals_stand_alone():
    text = filter_text(rule(APP, ("global:x", "drop")))
    assert [action(decide(text), kind, "x") for kind in ("arg", "local")] == ["allow", "allow"]


# -------------------------------------------------------------------------------- returns


@pytest.mark.parametrize(
    ("selector", "qualname", "expected"),
    [
        ("ret:app.mod.f", "f", "redact"),
        ("ret:f", "f", "allow"),
        ("ret:*.K.*", "K.f", "redact"),
        (r"ret:regex:\.get_", "K.get_x", "redact"),
        ("ret:literal:app.mod.K.f", "K.f", "redact"),
        ("ret:words:token$", "K.make_token", "redact"),
        ("ret:words:token$", "Token.make", "allow"),
    ],
)
def test_ret_is_compared_with_the_function(selector, qualname, expected):
    text = filter_text(rule(APP, (selector, "redact")))
    assert action(decide(text, qualname=qualname), "ret", "") == expected


@pytest.mark.parametrize("ending", ["<yield>", "<unwind>"])
def test_yields_and_exceptions_can_be_named(ending):
    decision = decide(filter_text(rule(APP, (f"ret:literal:{ending}", "redact"))))
    asked = [action(decision, "ret", name) for name in _ENDINGS]
    assert asked == ["redact" if name == ending else "allow" for name in _ENDINGS]


_ENDINGS = ("<return>", "<yield>", "<unwind>")


def test_without_an_ending_the_strictest_answer_counts():
    redacts = decide(filter_text(rule(APP, ("ret:literal:<yield>", "redact"))))
    allows = decide(filter_text(rule(APP, ("ret:literal:<yield>", "allow")), values="redact"))
    assert [action(each, "ret", "") for each in (redacts, allows)] == ["redact", "redact"]


def test_any_module_name_counts_for_ret():
    asked = classifier(filter_text(rule("file:**", ("ret:tool.f", "drop"))))
    decision = asked.classify(CodeIdentity(("__main__", "tool"), "/tool.py", "f"))
    assert action(decision, "ret", "") == "drop"


# ------------------------------------------------------------------------- inside values


def test_without_patterns_there_is_nothing_to_consult():
    decision = decide(filter_text(rule(APP, ("arg:x", "drop"))))
    assert (decision.attribute_rules, decision.text_rules) == (None, None)


def test_attr_patterns_judge_keys():
    attribute_rules = decide(
        filter_text(rule(APP, ("attr:*_id", "redact"), ("attr:x", "drop")))
    ).attribute_rules
    assert attribute_rules is not None
    found = [attribute_rules.attribute_action(name) for name in ("user_id", "x", "y")]
    assert found == [Action.REDACT, Action.DROP, Action.ALLOW]
    assert attribute_rules.has_type_patterns is False


def test_type_patterns_judge_classes():
    patterns = [("type:app.Secret", "drop"), ("type:app.*", "redact")]
    attribute_rules = decide(filter_text(rule(APP, *patterns))).attribute_rules
    assert attribute_rules is not None
    found = [attribute_rules.type_action(name) for name in ("app.Secret", "app.X", "builtins.dict")]
    assert found == [Action.DROP, Action.REDACT, Action.ALLOW]
    assert attribute_rules.has_type_patterns is True


def test_repr_is_allowed_by_the_pattern_that_decides():
    allow = rule(APP, ("type:app.*", "allow")) + "repr = true\n"
    attribute_rules = decide(filter_text(allow)).attribute_rules
    assert attribute_rules is not None
    assert [attribute_rules.allows_repr(name) for name in ("app.X", "m.Y")] == [True, False]
    assert attribute_rules.has_type_patterns is False
    newer = decide(filter_text(allow + rule(APP, ("type:app.X", "redact")))).attribute_rules
    assert newer is not None
    assert newer.allows_repr("app.X") is False


def test_a_newer_allow_frees_a_key_that_an_older_rule_redacts():
    text = filter_text(rule(APP, ("attr:token*", "redact")) + rule(APP, ("attr:token_x", "allow")))
    attribute_rules = decide(text).attribute_rules
    assert attribute_rules is not None
    found = [attribute_rules.attribute_action(name) for name in ("token", "token_x")]
    assert found == [Action.REDACT, Action.ALLOW]


def test_under_a_stricter_newer_default_an_older_allow_frees_no_key():
    first = filter_text(rule(APP, ("attr:token*", "redact")) + rule(APP, ("attr:token_x", "allow")))
    attribute_rules = decide(first, filter_text(values="redact")).attribute_rules
    assert attribute_rules is not None
    assert attribute_rules.attribute_action("token_x") == Action.REDACT


def test_value_patterns_redact_text_wherever_it_stands():
    content = decide(filter_text(rule(APP, ("value:regex:[0-9]{3}", "redact")))).text_rules
    assert content is not None
    assert content.redact_texts(["a 123 b", "ab"]) == ["a <redacted> b", "ab"]


def test_a_newer_allow_of_a_text_frees_it():
    older, newer = ("value:regex:[0-9]+", "redact"), ("value:literal:42", "allow")
    content = decide(filter_text(rule(APP, older) + rule(APP, newer))).text_rules
    assert content is not None
    assert content.redact_texts(["42", "43"]) == ["42", "<redacted>"]


def test_many_hostile_keys_do_not_fill_the_memory():
    attribute_rules = decide(filter_text(rule(APP, ("attr:x*", "redact")))).attribute_rules
    assert attribute_rules is not None
    for number in range(5000):
        attribute_rules.attribute_action(f"x{number}")
    attribute_rules.attribute_action("x" * 1_000_000)
    assert len(attribute_rules._known) <= 1024


def reason(decision, kind, name):
    """Return the line of the rule that decides about a value."""
    return decision.value_verdict(KINDS[kind], name).source.line


@pytest.mark.parametrize("given", ["redact", "drop"])
def test_a_pattern_of_the_other_kind_as_strict_as_the_default_is_the_reason(given):
    text = filter_text(rule(APP, ("local:x", given)), values=given)
    decision = decide(text)
    assert reason(decision, "local", "x") == reason(decision, "arg", "x")
    assert reason(decision, "arg", "x") != reason(decision, "arg", "y")


@pytest.mark.parametrize("given", ["redact", "drop"])
def test_an_older_pattern_as_strict_as_a_newer_default_is_the_reason(given):
    older, newer = filter_text(rule(APP, ("arg:x", given))), filter_text(values=given)
    decision = decide(older, newer)
    assert decision.value_verdict(KINDS["arg"], "x").source.file == "<inline:f0>"
    assert decision.value_verdict(KINDS["arg"], "y").source.file == "<inline:f1>"
