from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from tests.depth import examples

from codetracer_otel.instrumentation.topics import BUILTIN_TOPICS, Level, TopicTree
from codetracer_otel.sdk.settings.topic_directives import (
    TopicRule,
    parse_output,
    parse_topics_text,
    stated_output,
    topic_problems,
)

EVERYTHING = set(BUILTIN_TOPICS)
EVAL = {name for name in BUILTIN_TOPICS if name.partition(".")[0] == "eval"}


def read(text, directories=(), tree=None):
    return parse_topics_text(
        text, tree or TopicTree(), is_directory=lambda word: word in directories
    )


def on(text, **options):
    spec = read(text, **options)
    assert spec.bad == ()
    return set(spec.rules)


@pytest.mark.parametrize("word", ["", "  ", "0", "off", "FALSE", "no", "None", ",", " , ,"])
def test_an_off_word_prints_nothing(word):
    assert on(word) == set()


@pytest.mark.parametrize("word", ["1", "true", "Yes", "ON", "all", "*", "trace", "ALL"])
def test_an_on_word_prints_everything(word):
    assert on(word) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("eval", EVAL),
        ("EVAL", EVAL),
        ("eval.wasm", {"eval.wasm"}),
        ("signals", {"eval.signals"}),
        ("signals,wasm", {"eval.signals", "eval.wasm"}),
        ("eval,signals,wasm", EVAL),
        ("eval,-wasm", EVAL - {"eval.wasm"}),
        ("eval,!wasm", EVAL - {"eval.wasm"}),
        ("eval,wasm=off", EVAL - {"eval.wasm"}),
        ("-wasm,eval", EVAL - {"eval.wasm"}),
        ("-eval.wasm , eval", EVAL - {"eval.wasm"}),
        ("all,-eval", EVERYTHING - EVAL),
        ("-eval,wasm", {"eval.wasm"}),
        ("eval=0", set()),
        ("eval,eval=off", set()),
        ("eval=off,eval", EVAL),
        ("export,,session,", {"export", "session"}),
    ],
)
def test_the_longest_prefix_wins_and_among_equals_the_last(text, topics):
    assert on(text) == topics


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("eval", TopicRule(Level.TRACE, 1 << 64)),
        ("eval=warn", TopicRule(Level.WARN, 1 << 64)),
        ("warn", TopicRule(Level.WARN, 1 << 64)),
        ("eval=0.25", TopicRule(Level.TRACE, 1 << 62)),
        ("eval=25%", TopicRule(Level.TRACE, 1 << 62)),
        ("eval=25 %", TopicRule(Level.TRACE, 1 << 62)),
        ("eval=debug@50%", TopicRule(Level.DEBUG, 1 << 63)),
        ("eval = DEBUG@0.5", TopicRule(Level.DEBUG, 1 << 63)),
        ("info=0.5", TopicRule(Level.INFO, 1 << 63)),
        ("eval=1", TopicRule(Level.TRACE, 1 << 64)),
        ("eval=100%", TopicRule(Level.TRACE, 1 << 64)),
        ("all=debug,eval=error", TopicRule(Level.ERROR, 1 << 64)),
    ],
)
def test_a_setting_is_a_level_a_rate_or_both(text, rule):
    assert read(text).rules["eval"] == rule


@pytest.mark.parametrize(
    "text", ["/tmp/x", "a/b", "a\\b", ".", "./eval", "~", "~user", "out", "Out"]
)
def test_a_path_or_the_name_of_a_directory_is_silently_off(text):
    assert on(text, directories={"out", "Out"}) == set()


@pytest.mark.parametrize(
    ("text", "topics"), [("eval", EVAL), ("debug", EVERYTHING), ("1", EVERYTHING)]
)
def test_a_word_of_the_grammar_is_never_a_directory(text, topics):
    assert on(text, directories={"eval", "debug", "1"}) == topics


def test_a_directory_among_directives_is_an_unknown_topic():
    spec = read("eval,out", directories={"out", "eval,out"})
    assert (set(spec.rules), [bad.directive for bad in spec.bad]) == (EVAL, ["out"])


def test_where_no_path_is_expected_a_slash_is_an_unknown_topic():
    assert [bad.directive for bad in parse_topics_text("a/b", TopicTree()).bad] == ["a/b"]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("eval=5", "eval=5%"),
        ("eval=", "eval"),
        ("=debug", ""),
        ("evil", "eval"),
        ("signal", "signals"),
        ("eval=wran", "warn"),
        ("eval=loud@1", ""),
        ("eval=nan", ""),
        ("eval=-1", ""),
        ("eval=101%", ""),
        ("eval=on", ""),
        ("eval=debug@", "debug"),
        ("debug=warn", "debug"),
        ("--eval", "eval"),
        ("-", ""),
        ("eval=wasm=1", ""),
    ],
)
def test_a_bad_directive_is_reported_with_what_was_probably_meant(text, suggestion):
    spec = read(f"session,{text}")
    (bad,) = spec.bad
    assert set(spec.rules) == {"session"}
    assert bad.directive == text
    assert bad.reason
    if suggestion:
        assert bad.suggestion == suggestion


def test_a_problem_names_the_setting_the_rule_the_value_and_the_suggestion():
    (problem,) = topic_problems("evil", TopicTree(), "trace")
    assert str(problem) == (
        "ERR_INVALID_POLICY_VALUE trace: unknown topic, got 'evil' (did you mean 'eval'?)"
    )


@given(st.text(max_size=200))
@settings(max_examples=examples(200))
def test_no_text_at_all_raises(text):
    spec = read(text)
    assert set(spec.rules) <= EVERYTHING


SELECTORS = st.sampled_from([*sorted(EVERYTHING), "all", "*", "signals", "wasm", "nothing"])
SETTINGS = st.sampled_from(["", "=off", "=warn", "=0.5", "=50%", "=info@0.1", "=7"])
DIRECTIVES = st.lists(st.tuples(st.sampled_from(["", "-", "!"]), SELECTORS, SETTINGS), max_size=6)


@given(DIRECTIVES)
@settings(max_examples=examples(200))
def test_the_valid_directives_mean_what_they_mean_alone(directives):
    texts = ["".join(parts) for parts in directives]
    spec = read(",".join(["session", *texts]))
    good = [text for text in texts if not read(f"session,{text}").bad]
    assert spec.rules == read(",".join(["session", *good])).rules
    assert len(spec.bad) == len(texts) - len(good)


@given(st.integers(1, 2**128 - 1), st.floats(0.001, 1.0))
@settings(max_examples=examples(200))
def test_the_rate_keeps_the_traces_that_opentelemetry_keeps(trace_id, rate):
    rule = read(f"eval={rate:.12f}").rules["eval"]
    bound = TraceIdRatioBased.get_bound_for_rate(float(f"{rate:.12f}"))
    assert rule.prints(Level.TRACE, trace_id) == (trace_id & (2**64 - 1) < bound)


def test_errors_escape_the_rate_and_not_the_level():
    rule = read("eval=warn@0.000001").rules["eval"]
    assert rule.prints(Level.ERROR, 2**128 - 1)
    assert not rule.prints(Level.WARN, 2**128 - 1)
    assert not rule.prints(Level.INFO, 0)


def test_a_registered_topic_is_below_its_prefix_and_has_a_short_name():
    tree = TopicTree()
    assert tree.register("app.cache") == "app.cache"
    assert on("app", tree=tree) == {"app", "app.cache"}
    assert on("cache", tree=tree) == {"app.cache"}


def test_a_short_name_that_is_taken_is_not_taken_again():
    tree = TopicTree()
    tree.register("db.eval")
    tree.register("other.cache")
    tree.register("more.cache")
    assert on("eval", tree=tree) == EVAL
    assert on("cache", tree=tree) == {"other.cache"}
    assert on("more.cache", tree=tree) == {"more.cache"}


def test_registering_twice_changes_nothing():
    tree = TopicTree()
    tree.register("app.cache", "cache")
    names = tree.names
    tree.register("app.cache")
    assert tree.names == names


@pytest.mark.parametrize(
    "name", ["", "a b", "a..b", "-x", "debug", "off", "all", "1", None, 7, "signals"]
)
def test_a_name_that_the_grammar_could_not_read_is_refused(name):
    with pytest.raises(ValueError, match="topic"):
        TopicTree().register(name)


def test_a_short_form_that_means_something_else_is_refused():
    with pytest.raises(ValueError, match=r"already means .eval\.wasm."):
        TopicTree().register("engine.wasm2", "wasm")


@pytest.mark.parametrize("text", ["fd:3", "fd:0"])
def test_a_descriptor_is_an_output(text):
    assert parse_output(text, "X") == text


def test_an_output_whose_descriptor_or_folder_is_not_there_is_a_problem(tmp_path):
    for output in ("fd:987654", f"fd:{10**30}", f"file:{tmp_path}/no/lines"):
        problem = stated_output(output, "X")
        assert f"X: cannot be written, got {output!r}" in problem.message
    for output in ("fd:1", f"file:{tmp_path}/lines"):
        assert stated_output(output, "X") == output
    assert "expected fd:N or file:PATH" in stated_output("nowhere", "X").message


def test_a_path_of_an_output_becomes_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert parse_output("file:lines", "X") == f"file:{tmp_path}/lines"


@pytest.mark.parametrize("text", ["fd:", "fd:x", "fd:-1", "file:", "lines", "udp:1"])
def test_anything_else_is_no_output(text):
    assert "expected fd:N or file:PATH" in parse_output(text, "X").message
