from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.secrets.text_parts import TextParts, replace_parts

PARTS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 4)).map(lambda pair: (pair[0], sum(pair))),
    max_size=5,
)


@settings(max_examples=examples(200))
@given(PARTS)
def test_replacing_parts_keeps_every_other_character(parts):
    text = "abcdefghijkl"
    covered = {index for start, end in parts for index in range(start, end)}
    kept = [char for index, char in enumerate(text) if index not in covered]
    assert [char for char in replace_parts(text, parts, "#") if char != "#"] == kept


def test_overlapping_parts_are_replaced_once_and_neighbours_each():
    assert replace_parts("abcdef", [(3, 5), (0, 2), (1, 3)], "#") == "##f"
    assert replace_parts("abc", [], "#") == "abc"


@settings(max_examples=examples(200))
@given(PARTS, PARTS)
def test_a_set_of_parts_covers_each_that_was_added(first, second):
    parts = TextParts()
    parts.add(first)
    parts.add(second)
    assert all(parts.covers(part) for part in (*first, *second))
    assert not parts.covers((0, 100))
