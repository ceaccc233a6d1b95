"""The flame graph is the sum of all calls by path, in numbers that add up."""

from __future__ import annotations

from tests.report.lines import line, write
from tests.report.page_data import PageData, page_of

from codetracer_otel.report import build_comparison, flame
from codetracer_otel.report.source_lines import SourceLines
from codetracer_otel.traces.span_columns import Function


def paths(page, side="all"):
    """Return call path -> (own ns, calls)."""
    columns, found = page.trace["flame"], {}
    names = [page.keys[page.trace["functions"][number][0]] for number in columns["function"]]
    ways = []
    for name, parent, figures in zip(names, columns["parent"], columns[side], strict=True):
        ways.append((*(ways[parent] if parent >= 0 else ()), name))
        found[ways[-1]] = tuple(figures)
    return found


def test_calls_are_merged_by_path_and_own_times_add_up(tmp_path):
    trace = write(
        tmp_path / "a.jsonl",
        line(1, 0, 100, name="a.main"),
        line(2, 10, 20, parent=1, name="a.work"),
        line(3, 40, 30, parent=1, name="a.work"),
        line(4, 45, 5, parent=3, name="a.leaf"),
        line(5, 200, 7, name="a.leaf"),
    )
    assert paths(page_of(tmp_path, trace)) == {
        ("a.main",): (50_000, 1),
        ("a.main", "a.work"): (45_000, 2),
        ("a.main", "a.work", "a.leaf"): (5_000, 1),
        ("a.leaf",): (7_000, 1),
    }


def test_of_too_many_paths_the_longest_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(flame, "MOST_PATHS", 3)
    lines = [line(1, 0, 1000, name="a.main")]
    lines += [line(n, n * 10, n, parent=1, name=f"a.f{n}") for n in range(2, 9)]
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", *lines))
    assert [way[-1] for way in paths(page)] == ["a.main", "a.f7", "a.f8"]
    assert page.trace["flame"]["hidden"] == 5


def test_two_sides_begin_together_and_are_counted_apart(tmp_path):
    event = {"name": "note", "timestamp": "2023-11-14T22:13:29.000010Z", "attributes": {}}
    old = write(tmp_path / "old.jsonl", line(1, 0, 10, name="a.f"))
    later = line(2, 9_000_000, 30, name="a.f", events=[event])
    new = write(tmp_path / "new.jsonl", later, line(3, 9_000_040, 1, name="a.g"))
    build_comparison([old], [new], str(tmp_path / "page.html"))
    page = PageData(tmp_path / "page.html")
    assert page.columns["start"] == [0, 0, 40_000]
    assert (paths(page, "old")[("a.f",)], paths(page, "new")[("a.f",)]) == (
        (10_000, 1),
        (30_000, 1),
    )
    assert paths(page, "old")[("a.g",)] == (0, 0)
    [kind, text, is_worse, number] = page.trace["changes"][0]
    assert (kind, is_worse, page.keys[page.trace["functions"][number][0]]) == ("new", True, "a.g")
    assert text.startswith("new a.g: a new function")
    [[_, at, _]] = page.details(1)[1]
    assert at == 10_000


SOURCE = '''
@decorated
def outer(
    a,
):
    """Say."""

    def inner():
        return a
    return inner

class Other: pass
key = "4711"
if key:
    print(key)
def broken(key="4711):
    return key
'''


def test_the_lines_of_a_function_end_where_the_next_begins(tmp_path):
    file = tmp_path / "m.py"
    file.write_text(SOURCE)
    lines = SourceLines()
    assert lines.of(Function("m.outer", str(file), 2))[0] == "@decorated"
    assert lines.of(Function("m.outer", str(file), 3))[-1] == "    return inner"
    assert lines.of(Function("m.inner", str(file), 8)) == ["    def inner():", "        return a"]
    assert lines.of(Function("m.Other", str(file), 12)) == ["class Other: pass"]
    assert lines.of(Function("m.broken", str(file), 16)) == []
    for other in (("x", "", 1), ("x", str(tmp_path / "no.py"), 1), ("x", str(file), 99)):
        assert lines.of(Function(*other)) == []
    assert lines.of(Function("x", "/etc/hostname", 1)) == []
