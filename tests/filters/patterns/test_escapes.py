from __future__ import annotations

import pytest

from codetracer_otel.filters.patterns.escapes import read_escape
from codetracer_otel.filters.patterns.pattern_error import PatternError


@pytest.mark.parametrize(
    ("text", "written", "sample"),
    [
        (r"\d", r"\d", "0"),
        (r"\n", r"\n", "\n"),
        (r"\x41", "A", "A"),
        (r"\x{1F600}", "\U0001f600", "\U0001f600"),
        (r"\u002E", r"\.", "."),
        (r"\p{Lu}", r"\p{Lu}", "a"),
        (r"\PL", r"\P{L}", "a"),
        (r"\z", r"\Z", ""),
        (r"\b", r"\b", ""),
        (r"\.", r"\.", "."),
    ],
)
def test_an_escape_is_read_to_its_end(text, written, sample):
    assert read_escape(f"ab{text}1", 2) == (written, sample, len(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\\", "single backslash"),
        (r"\xZZ", "hexadecimal"),
        (r"\u{D800}", "no Unicode character"),
        (r"\x{110000}", "no Unicode character"),
        (r"\p", "needs a property"),
        (r"\Z", "not in the regex syntax common to Rust and Python"),
        ("\\\u00e4", "the escape"),
    ],
)
def test_a_malformed_or_foreign_escape_is_refused(text, message):
    with pytest.raises(PatternError, match=message):
        read_escape(text, 0)


def test_an_assertion_is_no_member_of_a_class():
    with pytest.raises(PatternError, match="inside a character class"):
        read_escape(r"\b", 0, in_class=True)
