from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples
from tests.report.lines import line, write
from tests.report.page_data import page_of

from codetracer_otel.report.layout import Slice, lay_out
from codetracer_otel.traces.span_columns import NONE, Mark

WAITED = {"codetracer.kind": "coroutine", "codetracer.suspensions": 2, "codetracer.busy_ns": 5}
GENERATOR = WAITED | {"codetracer.kind": "generator"}


def places(tmp_path, *lines):
    return page_of(tmp_path, write(tmp_path / "a.jsonl", *lines)).places()


def test_calls_nest_below_their_callers_and_each_thread_has_its_lane(tmp_path):
    assert places(
        tmp_path,
        line(3, 30, 10, parent=1, name="a.work", thread=1),
        line(2, 10, 10, parent=1, name="a.inner"),
        line(1, 0, 100, name="a.outer"),
    ) == {
        "a.outer": ("MainThread", "calls", 0),
        "a.inner": ("MainThread", "calls", 1),
        "a.work": ("worker_1", "calls", 0),
    }


def test_tasks_that_overlap_stand_beside_each_other_with_what_they_call(tmp_path):
    assert places(
        tmp_path,
        line(1, 0, 100, name="a.main", attributes=WAITED),
        line(2, 10, 50, parent=1, name="a.first", attributes=WAITED),
        line(3, 20, 60, parent=1, name="a.second", attributes=WAITED),
        line(4, 30, 5, parent=2, name="a.of_first"),
        line(5, 40, 5, parent=3, name="a.of_second"),
    ) == {
        "a.main": ("MainThread", "calls", 0),
        "a.first": ("MainThread", "task", 0),
        "a.of_first": ("MainThread", "task", 1),
        "a.second": ("MainThread", "task", 0),
        "a.of_second": ("MainThread", "task", 1),
    }


def test_what_is_awaited_in_turn_nests(tmp_path):
    found = places(
        tmp_path,
        line(1, 0, 100, name="a.main", attributes=WAITED),
        line(2, 10, 20, parent=1, name="a.first", attributes=WAITED),
        line(3, 40, 20, parent=1, name="a.second", attributes=WAITED),
    )
    assert found["a.first"] == found["a.second"] == ("MainThread", "calls", 1)


def test_a_generator_makes_room_for_its_consumer(tmp_path):
    assert places(
        tmp_path,
        line(1, 0, 100, name="a.main"),
        line(2, 10, 80, parent=1, name="a.numbers", attributes=GENERATOR),
        line(3, 20, 10, parent=1, name="a.use"),
    ) == {
        "a.main": ("MainThread", "calls", 0),
        "a.numbers": ("MainThread", "generator", 0),
        "a.use": ("MainThread", "calls", 1),
    }


def test_context_managers_in_each_other_leave_the_calls_of_their_bodies_where_they_are(tmp_path):
    found = places(
        tmp_path,
        line(1, 0, 100, name="a.main"),
        line(2, 5, 90, parent=1, name="a.outer", attributes=GENERATOR),
        line(3, 6, 1, parent=2, name="a.of_outer"),
        line(4, 10, 80, parent=1, name="a.inner", attributes=GENERATOR),
        line(5, 20, 10, parent=1, name="a.body"),
        line(6, 22, 5, parent=5, name="a.below"),
        line(7, 40, 10, parent=1, name="a.body_again"),
    )
    assert {name: found[f"a.{name}"][1:] for name in ("body", "below", "body_again")} == {
        "body": ("calls", 1),
        "below": ("calls", 2),
        "body_again": ("calls", 1),
    }
    assert found["a.outer"][1] == found["a.inner"][1] == "generator"
    assert found["a.of_outer"][1:] == ("generator", 1)


def test_beginnings_cut_to_microseconds_bend_no_stack(tmp_path):
    # the second begins 0.9 us after its text says, when the first has just ended
    found = places(
        tmp_path,
        line(1, 0, 100, name="a.main"),
        line(2, 10, 5.8, parent=1, name="a.first"),
        line(3, 15, 0.4, parent=1, name="a.second"),
        line(4, 15, 0.1, parent=3, name="a.below"),
    )
    assert [found[f"a.{name}"][1:] for name in ("first", "second", "below")] == [
        ("calls", 1),
        ("calls", 1),
        ("calls", 2),
    ]


slices = st.lists(
    st.tuples(
        st.integers(-1, 30),
        st.integers(0, 50),
        st.integers(1, 30),
        st.integers(0, 2),
        st.sampled_from([0, Mark.SUSPENDED, Mark.SUSPENDED | Mark.GENERATOR]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=examples(200))
@given(slices)
def test_no_two_slices_of_a_row_overlap(made):
    given_slices = [
        Slice(start, start + length, parent if parent < number else NONE, thread, int(marks))
        for number, (parent, start, length, thread, marks) in enumerate(made)
    ]
    lanes = lay_out(given_slices)
    rows = {}
    for place in given_slices:
        assert lanes[place.lane].thread == place.thread
        assert place.depth < lanes[place.lane].rows
        rows.setdefault((place.lane, place.depth), []).append((place.start, place.end))
    for taken in rows.values():
        taken.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(taken))
