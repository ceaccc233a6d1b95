"""Captured values as people read them."""

import pytest

from codetracer_otel.analysis.captured_values import short_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ("None", '"None"'),
        ('say "hi"\n', '"say \\"hi\\"\\n"'),
        ([1, 2], "[1, 2]"),
        ("<redacted>", "<redacted>"),
        ("<shop.Order>", "<shop.Order>"),
        ('{"item":"cup"}', '{"item":"cup"}'),
        ("[\x1b[2J\u202e]", "[\\x1b[2J\\u202e]"),
        ("x" * 99, '"' + "x" * 76 + "..."),
        ("[" + "1," * 99, "[" + "1," * 38 + "..."),
    ],
)
def test_sentinels_and_containers_stand_without_quotes_and_nothing_acts_on_a_terminal(value, text):
    assert short_text(value) == text
    assert len(short_text(value)) <= 80
