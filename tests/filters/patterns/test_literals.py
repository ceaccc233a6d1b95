from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.patterns.regex import required_literal


@pytest.mark.parametrize(
    ("regex", "literal"),
    [
        ("abc", "abc"),
        ("ab+c", "ab"),
        ("abc*d", "ab"),
        (r"INT-[0-9]{4}-end", "INT-"),
        (r"a{3}bcd", "bcd"),
        (r"x\.com/\d+", "x.com/"),
        (r"(?:abc)?de", "de"),
        (r"[abc]", ""),
        (r"[]abc]def", ""),
        ("a|b", ""),
        ("(?i)abc", ""),
        (r"\x41bc", ""),
        (r"\p{L}bcd", ""),
        ("^start$", "start"),
        ("", ""),
    ],
)
def test_the_literal_of_a_regex_is_in_every_match(regex, literal):
    assert required_literal(regex) == literal


@settings(max_examples=examples(200))
@given(data=st.data(), source=st.text("abc.*+?[]()^\\d{2}|-x41", max_size=12))
def test_no_match_of_any_regex_lacks_its_literal(data, source):
    try:
        compiled = re.compile(source)
    except (re.error, FutureWarning):
        return
    text = data.draw(st.from_regex(compiled, fullmatch=True))
    assert required_literal(source) in text
