from __future__ import annotations

import pytest
from tests.filters.chains import classifier, filter_text, rule

from codetracer_otel.filters.decisions.explanations import explain_code
from codetracer_otel.filters.types import Action


def function(user, password):
    session = TABLE[user]  # noqa: F821 - a global that is only named
    return session, password


def explain(*texts, asked=()):
    return explain_code(
        classifier(*texts), ("app.mod",), "/srv/app/mod.py", function.__code__, asked
    )


def values(explanation):
    return {(value.kind, value.name): value for value in explanation.values}


def test_the_verdict_names_the_rule_that_decided_and_all_that_match():
    text = filter_text(rule("pkg:app.*", exec="skip") + rule("obj:*.function", exec="trace"))
    explanation = explain(text)
    assert (explanation.traces, explanation.source.selector) == (True, "obj:*.function")
    matching = [matching.selector.text for matching in explanation.matching]
    assert matching == ["pkg:app.*", "obj:*.function"]
    assert explanation.line == function.__code__.co_firstlineno


def test_every_name_of_a_function_is_judged_with_its_reason():
    found = values(explain(filter_text(rule("pkg:app.mod", ("arg:password", "redact")))))
    assert list(found) == [
        ("arg", "user"),
        ("arg", "password"),
        ("local", "session"),
        ("global", "TABLE"),
        ("ret", "<return>"),
    ]
    password = found["arg", "password"]
    assert (password.action, password.source.selector) == (Action.REDACT, "arg:password")


def test_a_value_leaves_only_if_it_is_captured_and_allowed():
    found = values(explain(filter_text(rule("pkg:app.mod", ("arg:password", "redact")))))
    leaving = [name for (_kind, name), value in found.items() if value.leaves]
    assert leaving == ["user", "<return>"]
    assert found["local", "session"].captured is False


def test_nothing_of_skipped_code_leaves():
    explanation = explain(filter_text(execute="skip"))
    assert [value.name for value in explanation.values if value.leaves] == []


def test_a_name_that_was_asked_for_is_judged_as_variable_and_as_key():
    text = filter_text(rule("pkg:app.mod", ("attr:pin", "drop")))
    found = values(explain(text, asked=("pin", "other")))
    kinds = [kind for kind, name in found if name == "pin"]
    assert kinds == ["arg", "local", "global", "attr"]
    assert found["attr", "pin"].action is Action.DROP
    assert found["attr", "other"].action is Action.ALLOW


def test_what_decides_about_whole_traces_is_shown_with_its_table_or_its_rule():
    text = filter_text(rule("pkg:app.mod")) + "[scope.tail]\nratio = 0.5\n"
    shown, source = explain(text).settings["tail"]
    assert "ratio=0.5" in shown
    assert source.selector == "[scope.tail]"
    own = rule("pkg:app.mod") + "root = true\n[scope.rules.tail]\nratio = 0.25\n"
    shown, source = explain(filter_text(own) + "[scope.tail]\nratio = 0.5\n").settings["tail"]
    assert "ratio=0.25" in shown
    assert source.selector == "pkg:app.mod"


def test_times_are_shown_as_a_filter_has_them():
    text = filter_text(rule("pkg:app.mod")) + "[scope.tail]\nslower_than_ms = 2.5\n"
    shown, _ = explain(text).settings["tail"]
    assert shown == "slower_than_ms=2.5"
    own = rule("pkg:app.mod") + "[scope.rules.sampling]\nmin_duration_ms = 250\n"
    assert explain(filter_text(own)).settings["sampling"][0] == "min_duration_ms=250"


def test_folding_is_shown_with_the_table_that_asks_for_it():
    text = filter_text(rule("pkg:app.mod")) + "[scope.fold]\nafter = 7\n"
    shown, source = explain(text).settings["fold"]
    assert shown == "after 7 calls below one parent, what is shorter than 100 us"
    assert source.line == text.splitlines().index("[scope.fold]") + 1
    assert source.selector == "[scope.fold]"


@pytest.mark.parametrize(
    ("extra", "key", "shown"),
    [
        ("capture = ['args', 'locals']\n", "capture", "args, locals"),
        ("capture = ['error_locals']\n", "capture", "error_locals"),
        ("capture = []\n", "capture", "nothing"),
        ("root = true\n", "root", "each call starts its own trace"),
        ("always = true\n", "always", "a bound on the overhead leaves it alone"),
        ("[scope.rules.sampling]\nratio = 0.5\n", "sampling", "ratio=0.5"),
        ("[scope.rules.events]\nlines = true\n", "events", "lines=True"),
    ],
)
def test_a_setting_is_shown_with_the_rule_that_made_it(extra, key, shown):
    explanation = explain(filter_text(rule("pkg:app.mod") + extra))
    text, source = explanation.settings[key]
    assert (text, source.selector) == (shown, "pkg:app.mod")


def test_a_rule_that_misses_by_a_usual_slip_is_a_hint():
    explanation = explain(filter_text(rule("obj:function", exec="skip")))
    assert [hint.startswith("<inline:f0>:7: obj:function ") for hint in explanation.hints] == [True]
