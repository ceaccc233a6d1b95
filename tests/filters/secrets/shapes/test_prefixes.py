"""What a prefix of a token may be."""

from __future__ import annotations

import pytest

from codetracer_otel.filters.secrets.shapes.prefixes import is_abbreviation


@pytest.mark.parametrize("part", ["xau", "XAU", "qn", "QN7", "bpk2", "zaqor", "mbuvok", "bcdfghjk"])
def test_an_abbreviation_is_short_or_cannot_be_said_and_is_no_word(part):
    assert is_abbreviation(part)


@pytest.mark.parametrize(
    "part", ["", "7", "x", "Xau", "house", "table", "x-y", "zaqore", "bcdfghjkl"]
)
def test_words_and_single_letters_are_none(part):
    assert not is_abbreviation(part)
