from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.decisions.rule_index import RuleIndex
from codetracer_otel.filters.language.selector import Matcher, MatchType, compile_pattern

GLOBS = ("app", "app.*", "{app,lib}.a", "*.a", "lib.[ab]", "**", "li*")
MATCHERS = st.one_of(
    st.sampled_from(GLOBS).map(lambda text: compile_pattern(MatchType.GLOB, text)),
    st.sampled_from(("app", "lib.a")).map(lambda text: compile_pattern(MatchType.LITERAL, text)),
    st.sampled_from(("^app", "a$")).map(lambda text: compile_pattern(MatchType.REGEX, text)),
)
TEXTS = st.sampled_from(["", "app", "app.a", "app.b", "lib", "lib.a", "lib.c", "other"])


def found(index, text):
    numbers = []
    index.find(text, numbers)
    return sorted(numbers)


@settings(max_examples=examples(200))
@given(st.lists(MATCHERS, max_size=8), TEXTS)
def test_the_index_finds_what_asking_every_rule_finds(matchers, text):
    index = RuleIndex(enumerate(matchers))
    expected = [number for number, matcher in enumerate(matchers) if matcher.matches(text)]
    assert found(index, text) == expected


def test_a_rule_is_not_asked_about_text_with_another_beginning():
    asked = []
    index = RuleIndex([(0, Matcher(lambda text: asked.append(text) or True, ("app.", "lib.")))])
    assert [found(index, text) for text in ("app.a", "other", "lib.b")] == [[0], [], [0]]
    assert asked == ["app.a", "lib.b"]


def test_a_match_that_takes_too_long_is_told_apart():
    def slow(_text):
        raise TimeoutError

    index = RuleIndex([(0, Matcher(slow)), (1, Matcher("x".__eq__))])
    assert found(index, "x") == [~0, 1]
