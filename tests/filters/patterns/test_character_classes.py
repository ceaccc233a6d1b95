from __future__ import annotations

import contextlib

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.patterns.character_classes import read_class
from codetracer_otel.filters.patterns.pattern_error import PatternError


@pytest.mark.parametrize(
    ("text", "written", "sample"),
    [
        ("[a-c]", "[a-c]", "a"),
        ("[^a]", "[^a]", "0"),
        ("[]a]", r"[\]a]", "]"),
        ("[a-]", r"[a\-]", "a"),
        ("[[:digit:]_]", "[0-9_]", "0"),
        (r"[\d]", r"[\d]", "0"),
        ("[ a]", "[ a]", " "),
    ],
)
def test_a_class_is_read_to_its_bracket(text, written, sample):
    assert read_class(f"x{text}y]", 1) == (written, sample, len(text))


def test_space_in_a_class_means_nothing_under_the_flag_x():
    assert read_class("[ a b]", 0, verbose=True) == ("[ab]", "a", 6)


@pytest.mark.parametrize("text", ["[a", "[]", "[^]", "["])
def test_a_class_without_an_end_is_refused(text):
    with pytest.raises(PatternError, match="not closed"):
        read_class(text, 0)


@settings(max_examples=examples(200))
@given(st.text("ab-]\\dW[:&~ .", max_size=8))
def test_the_sample_of_a_class_that_is_accepted_matches_it(members):
    with contextlib.suppress(PatternError, regex.error):
        written, sample, _ = read_class(f"[{members}]", 0)
        assert regex.fullmatch(written, sample, regex.VERSION0)
