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


ALIAS = """
import multiprocessing, sys
print(sys.modules["__mp_main__"] is sys.modules["__main__"])
"""
ANSWERS = """
import multiprocessing

class Answer:
    def __init__(self, number):
        self.number = number

def double(number):
    return Answer(2 * number)

if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, [answer.number for answer in pool.map(double, [1, 2])])
"""


@pytest.mark.parametrize(
    "arguments", [("alias.py",), ("-m", "alias"), ("-c", ALIAS), ("-",)], ids=lambda words: words[0]
)
def test_multiprocessing_knows_the_program_by_its_other_name(tmp_path, arguments):
    (tmp_path / "alias.py").write_text(ALIAS)
    plain, traced = both(tmp_path, *arguments, stdin=ALIAS)

    assert traced == plain == ("True\n", 0)


@pytest.mark.parametrize("arguments", [("answers.py",), ("-m", "answers")], ids=len)
def test_a_child_answers_with_what_its_main_module_defines(tmp_path, arguments):
    (tmp_path / "answers.py").write_text(ANSWERS)
    plain, traced = both(tmp_path, *arguments)

    assert plain[0].count("[2, 4]") >= 2
    assert traced == plain
