"""``__main__`` holds what this interpreter gives it, in the same order."""

from __future__ import annotations

import pytest
from tests.traced_run import run_python, run_traced

NAMES = """
import sys as _sys
for _name, _value in list(vars(_sys.modules["__main__"]).items()):
    print(_name, type(_value).__name__, str(_value).partition(" object at ")[0])
"""
HINTS = """
from typing import get_type_hints
size: int = 1
print(get_type_hints(__import__("__main__")))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "package").mkdir()
    for place in ("script.py", "package/__init__.py", "package/__main__.py"):
        (tmp_path / place).write_text(NAMES)
    return tmp_path


def both(folder, *arguments, stdin=""):
    quiet = ("--quiet", "--exporter", "none")
    plain = run_python(*arguments, cwd=folder, stdin=stdin)
    traced = run_traced(*quiet, *arguments, cwd=folder, stdin=stdin)
    assert plain.stderr == ""
    return (plain.stdout, plain.returncode), (traced.stdout, traced.returncode)


@pytest.mark.parametrize(
    "arguments",
    [("script.py",), ("package",), ("-m", "script"), ("-m", "package"), ("-c", NAMES), ("-",)],
    ids=lambda arguments: " ".join(arguments).split("\n")[0],
)
def test_the_names_are_those_of_plain_python(folder, arguments):
    plain, traced = both(folder, *arguments, stdin=NAMES)

    assert plain[0].startswith("__name__ str __main__\n")
    assert traced == plain


@pytest.mark.parametrize("arguments", [("hints.py",), ("-c", HINTS)], ids=["script", "command"])
def test_annotations_are_those_of_plain_python(folder, arguments):
    (folder / "hints.py").write_text(HINTS)
    plain, traced = both(folder, *arguments)

    assert "int" in plain[0]
    assert traced == plain


def test_one_frame_of_ours_is_below_a_program(folder):
    (folder / "stack.py").write_text("""
import sys
frame, files = sys._getframe(), []
while frame:
    files.append(frame.f_code.co_filename)
    frame = frame.f_back
print([file for file in files if "codetracer_otel/cli" in file.replace("\\\\", "/")])
""")
    answer = run_traced("--quiet", "--exporter", "none", "stack.py", cwd=folder)

    assert answer.stdout.count(".py") == 1
