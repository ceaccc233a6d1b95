"""A line of a stack trace comes from the file, from who made the code, or from nowhere."""

import linecache
import os
import sys
import zipfile

import pytest

from codetracer_otel.model.source.lines import source_line


@pytest.mark.parametrize(
    "data",
    [
        "first\n  sécond  \n".encode(),
        "\ufefffirst\r\n\tsécond".encode(),
        "# -*- coding: latin-1 -*-\nsécond".encode("latin-1"),
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n",
    ],
)
def test_a_file_is_read_as_the_compiler_reads_it(tmp_path, data):
    file = tmp_path / "read.py"
    file.write_bytes(data)
    expected = linecache.getline(str(file), 2).strip()
    del linecache.cache[str(file)]
    assert source_line(str(file), 2) == expected != ""


def test_nothing_is_left_where_the_program_sees_it(tmp_path):
    file = tmp_path / "read.py"
    file.write_text("only\n")
    assert source_line(str(file), 1) == "only"
    assert str(file) not in linecache.cache


@pytest.mark.parametrize("line", [-1, 0, 3])
def test_a_line_that_is_not_there_is_empty(tmp_path, line):
    file = tmp_path / "read.py"
    file.write_text("only\n")
    assert source_line(str(file), line) == ""


@pytest.mark.parametrize(
    ("name", "data"),
    [("missing", None), ("wrong", b"\xff\xfe\n"), ("unknown", b"# coding: none-such\n")],
)
def test_a_file_that_cannot_be_read_has_no_lines(tmp_path, name, data):
    file = tmp_path / name
    if data is not None:
        file.write_bytes(data)
    assert source_line(str(file), 1) == ""


def test_a_file_that_was_changed_or_comes_later_is_read_again(tmp_path):
    file = tmp_path / "read.py"
    assert source_line(str(file), 1) == ""
    file.write_text("first\n")
    assert source_line(str(file), 1) == "first"
    file.write_text("another\n")
    assert source_line(str(file), 1) == "another"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no named pipes")
def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    assert source_line(str(tmp_path / "pipe.py"), 1) == ""


def test_a_relative_name_is_looked_for_where_modules_are(tmp_path, monkeypatch):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "read.py").write_text("found\n")
    monkeypatch.setattr(sys, "path", [None, "/nowhere", str(tmp_path)])
    assert source_line(os.path.join("package", "read.py"), 1) == "found"


@pytest.mark.parametrize("entry", [(), (1, 2), (1, 2, None, 4), (1, 2, [3], 4), 7])
def test_an_odd_entry_of_linecache_has_no_line(monkeypatch, entry):
    monkeypatch.setitem(linecache.cache, "odd", entry)
    assert source_line("odd", 1) == ""


def test_what_a_tool_told_linecache_is_shown(monkeypatch):
    told = (9, None, ["here\n"], "cell")
    monkeypatch.setitem(linecache.cache, "cell", told)
    assert source_line("cell", 1) == "here"


@pytest.mark.parametrize("fails", [False, True])
def test_a_loader_is_asked_and_may_fail(monkeypatch, fails):
    def load():
        if fails:
            raise RuntimeError
        return "loaded"

    monkeypatch.setitem(linecache.cache, "/none/such.py", (load,))
    assert source_line("/none/such.py", 1) == ("" if fails else "loaded")


def test_what_lies_in_an_archive_is_as_linecache_says(tmp_path):
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("inside.py", "line\n")
    file = str(archive / "inside.py")
    assert source_line(file, 1) == linecache.getline(file, 1).strip()
