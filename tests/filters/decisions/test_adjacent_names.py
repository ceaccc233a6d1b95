"""Tests which names say what a value is."""

import sys

import pytest

from codetracer_otel.filters.decisions.adjacent_names import holds_something, names_something


@pytest.mark.parametrize("length", [1, 1000])
def test_the_last_word_of_a_name_tells_however_long_it_is(length):
    begin = "x" * length
    assert holds_something(f"{begin}_value")
    assert not holds_something(f"{begin}_name")
    assert names_something(f"{begin}_name")
    assert not names_something(f"{begin}_value")


def test_a_long_name_is_not_kept():
    name = "very_long_" * 100 + "value"
    references = sys.getrefcount(name)
    holds_something(name)
    names_something(name)
    assert sys.getrefcount(name) == references
