"""What messages are made of."""

import pytest

from codetracer_otel.errors import counted, did_you_mean


@pytest.mark.parametrize(
    ("given", "hint"),
    [("consle", " (did you mean 'console'?)"), ("JSONL ", " (did you mean 'jsonl'?)"), ("x", "")],
)
def test_the_nearest_accepted_word_is_suggested(given, hint):
    assert did_you_mean(given, ["console", "jsonl"]) == hint


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [
        (0, "d", "0 spans"),
        (1, "d", "1 span"),
        (1200, "d", "1200 spans"),
        (1200, ",", "1,200 spans"),
    ],
)
def test_one_of_a_kind_is_singular(number, form, text):
    assert counted(number, "span", form) == text
