from __future__ import annotations

from tests.report.lines import line, write
from tests.report.page_data import page_of


def functions(tmp_path, *lines):
    return page_of(tmp_path, write(tmp_path / "a.jsonl", *lines)).functions()


def test_self_time_leaves_out_children_on_the_same_thread(tmp_path):
    found = functions(
        tmp_path,
        line(1, 0, 100, name="a.outer"),
        line(2, 10, 20, parent=1, name="a.inner"),
        line(3, 25, 25, parent=1, name="a.inner"),  # overlaps the one before
        line(4, 60, 30, parent=1, name="a.elsewhere", thread=1),
    )
    assert found["a.outer"]["own"] == 60_000
    assert found["a.inner"] == {
        "file": "/app/a.py",
        "line": 7,
        "calls": 2,
        "errors": 0,
        "total": 45_000,
        "own": 45_000,
        "p50": 20_000,
        "p95": 25_000,
        "longest": 25_000,
    }


def test_total_counts_recursion_once(tmp_path):
    found = functions(
        tmp_path,
        line(1, 0, 100, name="a.f"),
        line(2, 10, 80, parent=1, name="a.g"),
        line(3, 20, 50, parent=2, name="a.f", error="E"),
        line(4, 200, 10, name="a.f"),
    )
    assert (found["a.f"]["total"], found["a.f"]["calls"], found["a.f"]["errors"]) == (110_000, 3, 1)
    assert found["a.g"]["own"] == 30_000


def test_waiting_is_not_self_time(tmp_path):
    waited = {"codetracer.busy_ns": 3_000, "codetracer.suspensions": 1}
    found = functions(tmp_path, line(1, 0, 100, name="a.task", attributes=waited))
    assert found["a.task"]["own"] == 3_000


def test_percentiles_are_lengths_that_occurred(tmp_path):
    found = functions(tmp_path, *(line(n, n * 1000, n, name="a.f") for n in range(1, 102)))
    assert [found["a.f"][key] for key in ("p50", "p95", "longest")] == [51_000, 96_000, 101_000]


def test_functions_of_equal_names_in_other_files_stay_apart(tmp_path):
    elsewhere = {"code.file.path": "/other/a.py"}
    trace = write(
        tmp_path / "a.jsonl", line(1, name="a.f"), line(2, name="a.f", attributes=elsewhere)
    )
    assert [row[3] for row in page_of(tmp_path, trace).trace["functions"]] == [1, 1]
