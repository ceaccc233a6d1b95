from __future__ import annotations

import contextlib
import re

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.patterns.pattern_error import PatternError
from codetracer_otel.filters.patterns.regex_syntax import translate


def found(pattern: str, text: str) -> bool:
    return regex.search(translate(pattern).pattern, text, regex.VERSION0) is not None


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^app", "app.x", True),
        ("pp", "app", True),
        ("^a$", "a\n", False),
        ("(?m)^a$", "a\nb", True),
        (r"a\z", "a", True),
        ("(?i)ABC", "abc", True),
        ("a(?i)B|C", "c", True),
        ("a(?i)B|C", "A", False),
        ("(a(?i)b)C", "aBC", True),
        ("(a(?i)b)C", "aBc", False),
        ("(?i:a)B", "AB", True),
        ("(?i:a)B", "Ab", False),
        ("(?i)a(?-i)B", "Ab", False),
        ("(?x) a b # comment\n c", "abc", True),
        ("(?x)[a b]", " ", False),
        ("(?s)a.b", "a\nb", True),
        ("a.b", "a\nb", False),
        (r"\x41\x{42}\u0043", "ABC", True),
        (r"\p{Lu}\pL", "Ab", True),
        (r"[[:alpha:]_]+", "x_", True),
        (r"[^[:digit:]]", "7", False),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        ("[-a]", "-", True),
        (r"[\]\-\\]", "\\", True),
        (r"[\d_]", "5", True),
        ("a{2,3}b", "aab", True),
        ("a{2}?b", "aab", True),
        ("(?P<x>a)(?<y>b)", "ab", True),
        ("(?u)a", "a", True),
        ("a]b}", "a]b}", True),
        ("a||b", "", True),
        (r"\.\-\/\ ", ".-/ ", True),
        ("ß(?i)", "SS", False),
    ],
)
def test_a_translated_pattern_means_what_it_means_in_rust(pattern, text, expected):
    assert found(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "construct"),
    [
        ("(?=a)", "look-ahead `(?=`"),
        ("(?!a)", "look-ahead `(?!`"),
        ("(?<=a)", "look-behind `(?<=`"),
        ("(?<!a)", "look-behind `(?<!`"),
        ("(?>a)", "atomic group"),
        ("(?|a)", "branch reset"),
        ("(?(1)a)", "conditional group"),
        ("(?#a)", "comment"),
        (r"(a)\1", r"the backreference `\1`"),
        ("(?P<n>a)(?P=n)", "backreference"),
        ("(?R)", "recursion"),
        ("(?&n)", "recursion"),
        ("a*+", "a second quantifier"),
        ("a++", "a second quantifier"),
        ("a**", "a second quantifier"),
        (r"a\Z", r"write `\z`"),
        (r"\G", r"`\G`"),
        (r"\R", r"`\R`"),
        (r"\Ka", r"`\K`"),
        (r"\y", r"the escape `\y`"),
        (r"\<a", r"`\<`"),
        ("[a&&b]", "`&&`"),
        ("[a--b]", "`--`"),
        ("[a[b]]", "a class inside a class"),
        ("[[:^alpha:]]", "the class"),
        (r"[\b]", "inside a character class"),
        (r"\b{start}", r"`\b{...}`"),
        ("(?:foo){e<=1}", "no count"),
        ("a{,3}", "no count"),
        ("a{x", "no count"),
        ("(?U)a", "the flag `U`"),
        ("(?-u)a", "the flag `u`"),
        ("(?L)a", "the flag `L`"),
        ("(?P<n>a)(?P<n>b)", "a second group named `n`"),
        ("(?^a)", "the group"),
    ],
)
def test_what_only_one_engine_knows_is_named(pattern, construct):
    with pytest.raises(PatternError, match=re.escape(construct)):
        translate(pattern)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "not closed"),
        ("a)", "closes no group"),
        ("*a", "nothing to repeat"),
        ("a\\", "single backslash"),
        ("a{9999}", "above 1000"),
        ("a{3,2}", "out of order"),
        ("(" * 60 + ")" * 60, "inside each other"),
        ("a" * 513, "513 characters"),
    ],
)
def test_a_malformed_regex_is_refused_with_a_remedy(pattern, message):
    with pytest.raises(PatternError, match=message):
        translate(pattern)


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        (r"^app\.views\.", "app.views."),
        ("^ab*", "a"),
        ("^ab+", "ab"),
        ("^a|b", ""),
        ("a", ""),
        ("(?i)^a", ""),
        ("^(a|b)", ""),
        ("^x{2}", ""),
        ("^a(b|c)", "a"),
    ],
)
def test_the_literal_prefix_is_what_every_match_starts_with(pattern, prefix):
    assert translate(pattern).prefix == prefix


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)+$", "(?:x*)*y", "(a)?", "(ab){2}"])
def test_a_quantified_group_needs_a_time_limit(pattern):
    assert translate(pattern).needs_limit is True


@pytest.mark.parametrize("pattern", ["^app", "a+b", "(a|b)", r"^app\.(views|tasks)\."])
def test_a_plain_pattern_needs_none(pattern):
    assert translate(pattern).needs_limit is False


@settings(max_examples=examples(300))
@given(st.text("ab.*+?()[]{}|^$\\-&1,x:<>P=!", max_size=12))
def test_every_text_is_translated_or_refused(pattern):
    with contextlib.suppress(PatternError):
        assert isinstance(translate(pattern).pattern, str)
