"""Whatever stands on a command line is no defect of ours: it gets an answer and a status."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.cli import main

COMMANDS = ("check", "explain", "show", "report", "diff", "init", "run")
STATUSES = {0, 1, 2, 10, 20}
WORDS = (
    *(
        "s.py",
        "s.py:1",
        "s.py:999999999999999999999",
        "s:f",
        "s:f.g.h",
        "s.py::f",
        "bad.py",
        "folder",
    ),
    *("filter.toml", "filter.toml::filter.toml", "::", "lines.jsonl", "empty", "missing", ""),
    *("--all", "--json", "--trace-filter", "-o", "page.html", "--name", "--depth", "-1", "1e999"),
    *(
        "--errors",
        "--summary",
        "--old",
        "--new",
        "--fail-on",
        "--value",
        "--slowest",
        "--span",
        "--",
        "-",
        "--help",
        "--exporter",
        "--private",
        "x=y",
        "=",
        "a" * 5000,
    ),
    *("é", "[", "*", "\n", "os:path.join", "99999999999999999999", "a\0b"),
)
words = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "s.py").write_text("def f(a):\n    return a\n\n\nf(1)\n")
    (tmp_path / "bad.py").write_bytes(b"\xff\xfe def(")
    (tmp_path / "filter.toml").write_text("[meta]\nname = 'x'\nversion = 2\n[scope]\n")
    (tmp_path / "lines.jsonl").write_bytes(b'{"a": 1}\n\xff\n[1, 2]\n{"name": 1, "trace_id": 5}\n')
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))  # what `-` reads
    return tmp_path


@settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(command=st.sampled_from(COMMANDS[:-1]), rest=st.lists(words, max_size=4))
def test_no_command_takes_its_arguments_for_a_defect_of_ours(folder, capsys, command, rest):
    where = ["folder"] if command == "init" else []  # it writes
    assert status_of([command, *where, *rest]) in STATUSES
    assert "Traceback" not in capsys.readouterr().err


def test_the_root_of_the_machine_is_no_project(folder, capsys):
    assert status_of(["explain", "--all", "/"]) == 2
    assert "name the folder of a project" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_an_argument_with_a_nul_is_refused(folder, capsys, command):
    assert status_of([command, "a\0b"]) == 2
    assert "NUL" in capsys.readouterr().err


def status_of(arguments):
    try:
        return main(arguments)
    except SystemExit as ending:
        return ending.code
