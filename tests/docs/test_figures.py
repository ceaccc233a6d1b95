"""Figures that documents quote are those of the result files."""

from __future__ import annotations

import pytest
from benchmarks import figures
from benchmarks.__main__ import pages

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_of_results_is_what_the_benchmarks_found(path):
    assert path.read_text("utf-8") == PAGES[path]


@pytest.mark.parametrize("document", figures.DOCUMENTS, ids=lambda path: path.stem)
def test_the_tables_of_a_document_are_what_the_benchmarks_found(document):
    text = document.read_text("utf-8")
    assert "<!-- end of figures -->" in text
    assert figures.filled(text) == text


@pytest.mark.parametrize("name", figures.TABLES)
def test_every_row_of_a_table_has_a_figure(name):
    for row in figures.TABLES[name].rows:
        found = [row.figure(version) for version in figures.VERSIONS]
        assert set(found) != {figures.ABSENT}, row.label


def test_a_table_is_filled_with_the_newest_results(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    (tmp_path / "speed-3.12.txt").write_text("| call | 1,234 (1-9) |\n")
    (tmp_path / "speed-3.12-python.txt").write_text("| call | 5 (1-9) |\n")
    rows = tuple(figures.Row(core, "speed", "call", 1, core) for core in ("c", "python"))
    monkeypatch.setattr(figures, "TABLES", {"speed": figures.Table("ns", rows)})
    text = "before\n<!-- figures: speed -->\nold\n<!-- end of figures -->\nafter\n"
    lines = figures.filled(text).splitlines()
    assert lines[0] == "before"
    assert lines[5:7] == ["| c | 1,234 | - | - | - |", "| python | 5 | - | - | - |"]
    assert lines[-1] == "after"
