from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples
from tests.report.lines import line, write
from tests.report.page_data import page_of

from codetracer_otel.report.folding import fold
from codetracer_otel.traces.call_tree import Tree
from codetracer_otel.traces.span_columns import NONE, Spans


def loop(calls, slow=(), failed=()):
    yield line(1, 0, calls * 10 + 10, name="a.loop")
    for n in range(calls):
        length = 9 if n in slow else 3
        error = "E" if n in failed else None
        yield line(n + 2, n * 10 + 5, length, parent=1, name="a.step", error=error)


def test_at_the_limit_nothing_is_folded(tmp_path):
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", *loop(9)), limit=10)
    assert (len(page), page.trace["runs"], page.trace["notes"]) == (10, {}, [])


def test_failed_and_slow_calls_stand_by_themselves_and_the_others_in_runs(tmp_path):
    trace = write(tmp_path / "a.jsonl", *loop(100, slow=(40,), failed=(70,)))
    page = page_of(tmp_path, trace, limit=6)
    assert page.names() == ["a.loop", "...", "a.step", "...", "a.step", "..."]
    assert page.columns["start"][2] == 405_000
    assert page.columns["marks"][4] == 1
    assert {key: run[:2] for key, run in page.trace["runs"].items()} == {
        "1": [40, 0],
        "3": [29, 0],
        "5": [29, 0],
    }
    [[function, calls, length]] = page.trace["runs"]["1"][2]
    assert (page.trace["functions"][function][3], calls, length) == (100, 40, 120_000)
    assert page.parent_names()["..."] == "a.loop"
    [note] = page.trace["notes"]
    assert "98 are drawn together as 3 hatched slices" in note
    assert page.functions()["a.step"]["calls"] == 100


def test_a_run_says_how_many_of_its_spans_failed(tmp_path):
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", *loop(50, failed=range(50))), limit=4)
    runs = page.trace["runs"].values()
    assert sum(run[1] for run in runs) == 50 - page.names().count("a.step")


def test_spans_below_a_folded_one_are_counted_in_its_run(tmp_path):
    lines = [line(1, 0, 1000, name="a.loop")]
    for n in range(20):
        lines.append(line(10 + 2 * n, n * 10, 9, parent=1, name="a.step"))
        lines.append(line(11 + 2 * n, n * 10 + 1, 2, parent=10 + 2 * n, name="a.leaf", error="E"))
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", *lines), limit=5)
    hidden = sum(run[0] for run in page.trace["runs"].values())
    errors = sum(run[1] for run in page.trace["runs"].values())
    kept = page.names()
    assert hidden == 41 - len(page) + len(page.trace["runs"])
    assert errors == 20 - kept.count("a.leaf")


def test_calls_of_many_functions_leave_the_longest(tmp_path):
    lines = [line(n, n * 1000, n, name=f"a.f{n}") for n in range(1, 200)]
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", *lines), limit=10)
    assert len(page) <= 10
    assert "a.f199" in page.names()


forests = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 3), st.integers(1, 50), st.booleans()),
    min_size=1,
    max_size=60,
)


@settings(max_examples=examples(150))
@given(forests, st.integers(2, 70))
def test_every_span_is_shown_or_counted_once_and_the_limit_holds(forest, limit):
    spans = Spans(1000)
    for number, (parent, name, length, failed) in enumerate(forest):
        above = parent if parent < number else NONE
        function = spans.function(f"f{name}", "", 0)
        thread = spans.thread(0, "MainThread")
        spans.add(number, number + length, function, thread, above, int(failed), NONE, 0, 0)
    folded = fold(spans, Tree(spans), limit)
    kept = set(folded.kept)
    assert len(kept) + sum(run.spans for run in folded.runs) == len(spans)
    assert len(kept) + len(folded.runs) <= limit
    assert all(spans.parents[index] in kept | {NONE} for index in kept)
    failed = sum(spans.marks[index] for index in kept) + sum(run.errors for run in folded.runs)
    assert failed == sum(spans.marks)
