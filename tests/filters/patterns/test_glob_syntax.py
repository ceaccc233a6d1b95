from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.filters.patterns.glob_syntax import expand_glob, glob_prefixes, glob_texts
from codetracer_otel.filters.patterns.pattern_error import PatternError

components = st.lists(st.sampled_from(["a", "b", "*", "?", "ab"]), min_size=1, max_size=4)
patterns = st.lists(
    st.one_of(components.map("".join), st.just("**"), st.just("{a,b/c}")), min_size=1, max_size=4
).map("/".join)
texts = st.text("abc/", max_size=10)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[a", "a `[` is not closed"),
        ("{a", "a `{` is not closed"),
        ("a}", "a `}` closes nothing"),
        ("a\\", "single backslash"),
        ("[z-a]", "wrong order"),
        ("{" * 40 + "a" + "}" * 40, "inside each other"),
        ("{a,b}" * 20, "alternatives"),
        ("x" * 5000, "longer than"),
    ],
)
def test_a_malformed_glob_is_refused_with_a_remedy(pattern, message):
    with pytest.raises(PatternError, match=message.replace("[", "\\[").replace("{", "\\{")):
        expand_glob(pattern)


@settings(max_examples=examples(200))
@given(patterns, texts)
def test_every_match_starts_with_a_prefix_and_is_one_of_the_texts(pattern, text):
    alternatives = expand_glob(pattern)
    if compile_glob(pattern)(text):
        assert text.startswith(glob_prefixes(alternatives))
        known = glob_texts(alternatives)
        assert known is None or text in known


@pytest.mark.parametrize(
    ("pattern", "prefixes", "known"),
    [
        ("{a,b}/c", ("a/c", "b/c"), {"a/c", "b/c"}),
        ("{a,b/*}", ("a", "b/"), None),
        ("a{}b", ("ab",), {"ab"}),
        ("**/x", ("",), None),
        (r"\*", ("*",), {"*"}),
    ],
)
def test_prefixes_and_texts_are_those_of_the_alternatives(pattern, prefixes, known):
    alternatives = expand_glob(pattern)
    assert (glob_prefixes(alternatives), glob_texts(alternatives)) == (prefixes, known)
