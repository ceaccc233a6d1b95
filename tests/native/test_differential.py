"""Our native traces beside those of the CodeTracer recorder 0.3.0, on single-threaded programs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys

import pytest
from tests.native_run import plain, record
from tests.native_trace import CallTree
from tests.traced_run import environment

pytest.importorskip("codetracer_python_recorder", reason="it has no wheels for this interpreter")

PROGRAMS = {
    "calls": """\
def add(a, b=2, *rest, key=None, **more):
    c = a + b
    return c
def outer(n):
    total = 0
    for i in range(n):
        total += add(i, key="k")
    return total
class Box:
    size = 2
    def __init__(self, v):
        self.v = v
    def get(self, flag):
        return flag
outer(3)
Box("x").get(True)
(lambda q: q * 2)(4)
""",
    "generators": """\
def numbers(n):
    for i in range(n):
        got = yield i
    return "done"
def both():
    yield from numbers(2)
    yield "end"
for value in both():
    pass
list(x * 2 for x in [1, 2])
""",
    "exceptions": """\
def fail(x):
    raise ValueError(x)
def handle():
    try:
        fail("bad")
    except ValueError as error:
        text = "caught"
    finally:
        done = True
    return text
handle()
""",
    "tasks": """\
import asyncio
async def work(n):
    await asyncio.sleep(0)
    return n
async def main():
    first = await work(1)
    second = await work(2)
    return first + second
asyncio.run(main())
""",
    "recursion": """\
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
fib(6)
""",
}
SCALARS = ("Int", "String", "Bool", "None")


def theirs(source, folder):
    script = folder / "program.py"
    script.write_text(source)
    out = folder / "recorder"
    command = [sys.executable, "-m", "codetracer_python_recorder", "--format", "json"]
    subprocess.run(
        [*command, "--trace-dir", str(out), str(script)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    tree = CallTree()
    for event in json.loads((out / "trace.json").read_text()):
        tree.take(event)
    return list(tree.root.walk())


def ours(source, folder):
    return list(record(source, folder).root.walk())


def functions(found):
    return [(call.name, os.path.basename(call.path), call.line) for call in found]


def without_last_steps(call):
    """Return the lines without the step that shows what the last line has assigned."""
    lines = list(call.lines)
    is_resumed_within_a_line = len(lines) == 1 and not call.arguments
    repeats = len(lines) > 1 and lines[-1] == lines[-2] and call.values[-1] != call.values[-2]
    return lines[:-1] if repeats or is_resumed_within_a_line else lines


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def pair(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    source = PROGRAMS[request.param]
    return ours(source, folder), theirs(source, folder)


def test_the_same_functions_are_called_in_the_same_order(pair):
    mine, others = pair
    assert functions(mine) == functions(others)


def test_the_same_lines_are_stepped_on(pair):
    mine, others = pair
    for one, other in zip(mine, others, strict=True):
        assert other.lines in (one.lines, without_last_steps(one)), one.name


def test_the_same_scalars_are_passed(pair):
    mine, others = pair
    for one, other in zip(mine, others, strict=True):
        given = [name for name in other.arguments if name != ".0"]  # a comprehension's iterator
        assert list(one.arguments) == given
        for name in given:
            value = other.arguments[name]
            if value["kind"] in SCALARS:
                assert plain(one.arguments[name]) == plain(value)


def test_the_same_scalars_are_returned(pair):
    mine, others = pair
    for one, other in zip(mine, others, strict=True):
        if other.result["kind"] in SCALARS:
            assert plain(one.result) == plain(other.result), one.name


def test_only_ours_shows_what_the_last_line_assigns(tmp_path):
    source = "def f():\n    x = 1\n\nf()\n"
    (mine,) = [call for call in ours(source, tmp_path) if call.name == "f"]
    (other,) = [call for call in theirs(source, tmp_path) if call.name == "f"]
    assert (mine.lines, other.lines) == ([2, 2], [2])
    assert plain(mine.values[-1]["x"]) == 1


def test_only_ours_says_that_an_exception_left(tmp_path):
    source = PROGRAMS["exceptions"]
    (mine,) = [call for call in ours(source, tmp_path) if call.name == "fail"]
    (other,) = [call for call in theirs(source, tmp_path) if call.name == "fail"]
    assert (mine.result["kind"], other.result["kind"]) == ("Error", "Raw")
    assert [event["kind"] for event in mine.events] == [11]


def test_only_ours_keeps_redacting_below_a_rule_of_the_user(tmp_path):
    (tmp_path / ".codetracer").mkdir()
    (tmp_path / ".codetracer" / "trace-filter.toml").write_text(
        '[meta]\nname = "user"\nversion = 1\n'
        '[scope]\ndefault_exec = "inherit"\ndefault_value_action = "inherit"\n'
        '[[scope.rules]]\nselector = "pkg:*"\n'
        '[[scope.rules.value_patterns]]\nselector = "arg:literal:shown"\naction = "allow"\n'
    )
    source = "def f(password, shown):\n    return shown\n\nf('hunter2-hunter2', 1)\n"
    (mine,) = [call for call in ours(source, tmp_path) if call.name == "f"]
    assert plain(mine.arguments["password"]) == "<redacted>"
    assert plain(mine.arguments["shown"]) == 1
    assert "hunter2" not in (tmp_path / "trace" / "trace.json").read_text()


TWO_FILES = """\
import one, two
one.f(1)
two.f(2)
"""


def test_only_ours_keeps_equal_names_in_different_files_apart(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("def f(x):\n    return x\n")
    mine = [call for call in ours(TWO_FILES, tmp_path) if call.name == "f"]
    others = [call for call in theirs(TWO_FILES, tmp_path) if call.name == "f"]
    assert [os.path.basename(call.path) for call in mine] == ["one.py", "two.py"]
    assert len({call.path for call in others}) == 1
    assert [plain(call.arguments["x"]) for call in mine] == [1, 2]


NUMBERS = """\
def same(x):
    return x
same(0.5)
same(2**70)
same(-2**63)
"""


def test_only_ours_gives_floats_and_large_integers_a_type(tmp_path):
    mine = [call.result for call in ours(NUMBERS, tmp_path) if call.name == "same"]
    others = [call.result for call in theirs(NUMBERS, tmp_path) if call.name == "same"]
    assert [value["kind"] for value in mine] == ["Float", "BigInt", "Int"]
    assert [value["kind"] for value in others] == ["Raw", "Raw", "Int"]
    assert [mine[0]["f"], mine[2]["i"]] == [others[0]["r"], others[2]["i"]]
    assert int.from_bytes(base64.b64decode(mine[1]["b"]), "big") == int(others[1]["r"])


def test_only_ours_leaves_out_the_iterator_of_a_comprehension(tmp_path):
    source = PROGRAMS["generators"]
    (mine,) = [call for call in ours(source, tmp_path) if call.name == "<genexpr>"][:1]
    (other,) = [call for call in theirs(source, tmp_path) if call.name == "<genexpr>"][:1]
    assert (list(mine.arguments), list(other.arguments)) == ([], [".0"])
