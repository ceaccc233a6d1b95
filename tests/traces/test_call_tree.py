from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.traces.call_tree import Tree
from codetracer_otel.traces.span_columns import NONE, Spans

parents = st.lists(st.tuples(st.integers(-1, 30), st.integers(0, 20)), min_size=1, max_size=30)


def made(rows):
    spans = Spans(100_000)
    for parent, start in rows:
        above = parent if parent < len(rows) else NONE
        spans.add(start, start + 1, spans.function("f", "", 0), 0, above, 0, NONE, 0, 0)
    return spans


@settings(max_examples=examples(300))
@given(parents)
def test_each_span_comes_once_and_behind_its_parent_whatever_the_parents_are(rows):
    spans = made(rows)
    tree = Tree(spans)
    place = {index: number for number, index in enumerate(tree.order)}
    assert sorted(tree.order) == list(range(len(rows)))
    for index, parent in enumerate(spans.parents):
        if parent == NONE:
            assert tree.depths[index] == 0
        else:
            assert place[parent] < place[index]
            assert tree.depths[index] == tree.depths[parent] + 1
            assert index in list(tree.children(parent))


def test_siblings_come_by_their_beginnings_and_equal_ones_as_they_were_read():
    spans = made([(NONE, 0), (0, 5), (0, 3), (0, 5), (0, 3)])
    assert list(Tree(spans).children(0)) == [2, 4, 1, 3]


def test_many_spans_below_one_that_is_its_own_parent_take_no_time():
    count = 20_000
    spans = made([(count, 1)] * count + [(count, 0)])
    tree = Tree(spans)
    assert (tree.circles, len(tree.order)) == (1, count + 1)


def test_a_recursion_of_any_depth_is_walked():
    spans = made([(number - 1, number) for number in range(50_000)])
    assert Tree(spans).depths[49_999] == 49_999


@settings(max_examples=examples(100))
@given(parents)
def test_families_are_everyone_who_has_children_with_these(rows):
    spans = made(rows)
    tree = Tree(spans)
    expected = [(index, list(tree.children(index))) for index in (NONE, *tree.order)]
    assert list(tree.families()) == [family for family in expected if family[1]]
