from __future__ import annotations

import copy
import sys

from tests.filters.chains import action, classifier, filter_text, rule

from codetracer_otel.filters.types import CodeIdentity


def test_code_that_matches_the_same_rules_shares_a_profile():
    asked = classifier(filter_text(rule("pkg:app.*", exec="skip")))
    first, second, other = (
        asked.classify(CodeIdentity((name,), "/x.py", "f")) for name in ("app.a", "app.b", "lib")
    )
    assert first.profile is second.profile
    assert other.profile is not first.profile


def test_return_values_of_one_profile_are_judged_by_the_name_of_their_function():
    asked = classifier(filter_text(rule("pkg:app", ("ret:app.secret", "redact"))))
    decisions = [
        asked.classify(CodeIdentity(("app",), "/x.py", name)) for name in ("secret", "open")
    ]
    assert [action(decision, "ret", "<return>") for decision in decisions] == ["redact", "allow"]


def test_the_value_that_a_function_with_a_secrets_name_takes_is_judged_by_that_name():
    patterns = ("arg:*password*", "redact"), ("arg:literal:content", "allow")
    asked = classifier(filter_text(rule("pkg:app", *patterns)))
    names = ("User.set_password", "User.set_colour", "set_password.<locals>.inner")
    decisions = [asked.classify(CodeIdentity(("app",), "/x.py", name)) for name in names]
    taken = ("new_value", "v", "content", "user")
    assert [[action(decision, "arg", name) for name in taken] for decision in decisions] == [
        ["redact", "redact", "allow", "allow"],
        ["allow"] * 4,
        ["allow"] * 4,
    ]


def test_a_decision_without_patterns_has_nothing_to_walk_for():
    decision = classifier(filter_text()).classify(CodeIdentity(("app",), "/x.py", "f"))
    assert (decision.attribute_rules, decision.text_rules) == (None, None)
    assert (decision.capture, decision.root, decision.sampling) == (None, False, None)


def test_a_decision_is_small_and_answers_for_the_profile_that_it_shares():
    made = classifier(filter_text(rule("pkg:app", exec="trace")))
    one, other = (made.classify(CodeIdentity(("app",), "/srv/app.py", name)) for name in "ab")
    assert one.profile is other.profile
    assert (one.traces, one.source) == (one.profile.traces, one.profile.source)
    assert sys.getsizeof(one) <= 64
    assert not hasattr(one, "__dict__")
    changed = copy.copy(one)
    changed.capture = frozenset({"args"})
    assert (one.capture, changed.capture, changed.traces) == (None, frozenset({"args"}), True)
    assert not hasattr(one, "no_such_setting")
