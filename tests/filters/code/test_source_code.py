from __future__ import annotations

import sys

import pytest

from codetracer_otel.filters.code.source_code import (
    Variables,
    code_at_line,
    code_objects,
    compile_file,
    files_below,
    module_file,
    variables_of,
)

SOURCE = '''\
"""Text."""
LIMIT = 1
@staticmethod
def f(a, /, b, *rest, c=LIMIT, **others):
    local = a
    def inner():
        return local, GLOBAL
    return inner
'''


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(SOURCE)
    return compile_file(str(path))


def test_names_are_told_apart_by_where_they_stand(module):
    by_name = {code.co_qualname: variables_of(code) for code in code_objects(module)}
    assert by_name["f"] == Variables(("a", "b", "c", "rest", "others"), ("inner", "local"), ())
    assert by_name["f.<locals>.inner"] == Variables((), ("local",), ("GLOBAL",))
    assert by_name["<module>"].globals == ("staticmethod", "LIMIT")


@pytest.mark.parametrize(
    ("line", "expected"),
    [(1, "<module>"), (4, "f"), (5, "f"), (7, "f.<locals>.inner"), (8, "f"), (99, None)],
)
def test_a_line_belongs_to_the_innermost_code(module, line, expected):
    code = code_at_line(module, line)
    assert (code and code.co_qualname) == expected


def test_a_module_is_found_without_importing_its_parents(tmp_path):
    package = tmp_path / "never_imported"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError")
    (package / "m.py").write_text("")
    path = [str(tmp_path)]
    assert module_file("never_imported.m", path) == str(package / "m.py")
    assert module_file("never_imported", path) == str(package / "__init__.py")
    assert "never_imported" not in sys.modules


@pytest.mark.parametrize("name", ["no.such", "", "sys", "..", "a..b"])
def test_what_has_no_source_is_not_found(name, tmp_path):
    assert module_file(name, [str(tmp_path)]) is None


def test_files_below_leave_hidden_folders_out(tmp_path):
    for path in ("b.py", "a/c.py", ".venv/x.py", "__pycache__/y.py", "note.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
    found = [path.removeprefix(str(tmp_path)) for path in files_below(str(tmp_path))]
    assert found == ["/b.py", "/a/c.py"]
