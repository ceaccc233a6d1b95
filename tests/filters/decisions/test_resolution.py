from __future__ import annotations

from tests.filters.chains import action, classifier, decide, filter_text, rule

from codetracer_otel.filters.types import CodeIdentity, EventRules, Sampling

SKIP = {"exec": "skip"}
TRACE = {"exec": "trace"}


def test_the_last_matching_rule_wins():
    text = filter_text(rule("pkg:app.*", **SKIP) + rule("obj:*.f", **TRACE) + rule("pkg:other"))
    decision = decide(text)
    assert (decision.traces, decision.source.selector) == (True, "obj:*.f")


def test_a_rule_without_exec_does_not_decide():
    decision = decide(filter_text(rule("pkg:app.*", **SKIP) + rule("obj:*.f", reason="x")))
    assert (decision.traces, decision.source.selector) == (False, "pkg:app.*")


def test_the_last_file_that_does_not_inherit_sets_the_defaults():
    skip, inherit = filter_text(execute="skip"), filter_text(execute="inherit", values="inherit")
    redact = filter_text(execute="inherit", values="redact")
    decision = decide(skip, redact, inherit)
    assert (decision.traces, decision.source.file) == (False, "<inline:f0>")
    assert action(decision, "arg", "x") == "redact"


def test_a_rule_of_an_older_file_beats_a_newer_default():
    decision = decide(filter_text(rule("pkg:app.*", **SKIP)), filter_text(execute="trace"))
    assert decision.traces is False


def test_capture_and_root_are_those_of_the_last_rule_that_says():
    first = rule("pkg:app.*") + "capture = ['locals']\nroot = true\n"
    second = rule("obj:*.f") + "capture = ['args']\n"
    decision = decide(filter_text(first + second + rule("pkg:app.*")))
    assert (decision.capture, decision.root) == (frozenset({"args"}), True)
    plain = decide(filter_text())
    assert (plain.capture, plain.root, plain.sampling, plain.events) == (None, False, None, None)


def test_sampling_and_events_merge_key_by_key():
    first = rule("pkg:app.*") + "[scope.rules.sampling]\nratio = 0.5\nmax_per_second = 7\n"
    second = rule("obj:*.f") + "[scope.rules.sampling]\nratio = 0.1\nfirst = 3\n"
    second += "[scope.rules.events]\nlines = true\n"
    decision = decide(filter_text(first + second))
    assert decision.sampling == Sampling(ratio=0.1, max_per_second=7, first=3, rule_id=0)
    assert decision.events == EventRules(lines=True, rule_id=1)


def test_calls_of_one_rule_share_their_rule_id():
    asked = classifier(filter_text(rule("pkg:app.*") + "[scope.rules.sampling]\nratio = 0.5\n"))
    made = [
        asked.classify(CodeIdentity((name,), "/x.py", "f")).sampling for name in ("app.a", "app.b")
    ]
    assert made[0] == made[1]
