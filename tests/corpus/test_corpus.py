"""Programs that must behave the same under `python` and under `codetracer-otel run`."""

from __future__ import annotations

import py_compile
import re
import shutil
import subprocess
import sys
import zipapp
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.traced_run import TRACER, environment

PROGRAMS = Path(__file__).parent / "programs"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Case:
    """What stands behind ``python`` on the command line, and what is typed."""

    words: tuple[str, ...]
    stdin: str = ""


def script(name, *arguments, stdin=""):
    return Case((f"{name}.py", *arguments), stdin)


CASES = {
    "arguments": script("arguments", "--quiet", "--trace-filter", "x", "--", "-m", "-h", ""),
    "a path with a dot": Case(("./paths.py",)),
    "a path with two dots": Case(("../programs/paths.py",)),
    "a path with a link": Case(("link.py",)),
    "main globals of a module": Case(("-m", "main_globals")),
    "main globals of a command": Case(("-c", "import sys; print(*vars(), sys.argv)", "-c", "x")),
    "main globals of a program on stdin": Case(
        ("-", "a"), "import sys\nprint(*vars(), sys.argv, sys.path[0], __file__)\n"
    ),
    "an exit status": script("exit_int", "3"),
    "a large exit status": script("exit_int", "259"),
    "a negative exit status": script("exit_int", "-1"),
    "ends without a collection": script("finalizers_in_cycles", "disabled"),
    "a filter on stdin": script("stdin_filter", stdin="one\ntwo\nthree"),
    "questions on stdin": script("ask", stdin="Ada\n"),
    "another program by its path": script("runs_path", "latin.py"),
    "a package": Case(("-m", "package", "--exporter", "x")),
    "a package's main by name": Case(("-m", "package.__main__")),
    "a module in a package": Case(("-m", "package.sibling")),
    "a module that fails": Case(("-m", "package.fails")),
    "a module in a namespace package": Case(("-m", "spaced.inside")),
    "a namespace package without main": Case(("-m", "spaced")),
    "a module attached to its flag": Case(("-mpackage", "x")),
    "a missing module": Case(("-m", "no_such_module")),
    "a missing module in a package": Case(("-m", "package.no_such_module")),
    "a missing package": Case(("-m", "no_such_package.module")),
    "a package without main": Case(("-m", "json")),
    "a module of the standard library": Case(("-m", "json.tool"), '{"a": [1, 2]}'),
    "usage of a module": Case(("-m", "json.tool", "--help")),
    "a directory": Case(("archive", "a")),
    "a directory without main": Case(("spaced", "a")),
    "a zip file": Case(("archive.pyz", "a")),
    "a compiled script": Case(("compiled.pyc", "a")),
    "a command that fails": Case(("-c", "def f():\n    1 / 0\n\nf()")),
    "a command with its flag attached": Case(("-cprint('attached')",)),
    "a command with a syntax error": Case(("-c", "x = (")),
    "a syntax error": Case(("syntax_error.py",)),
    "an indentation error": Case(("indentation_error.py",)),
    "a program on stdin that fails": Case(("-",), "print(1)\n1 / 0\n"),
}
WITH_ARGUMENTS = {"exit_int", "stdin_filter", "ask", "runs_path", "arguments"}
PLAIN = sorted({path.stem for path in PROGRAMS.glob("*.py")} - WITH_ARGUMENTS)
ALL = {**{name: script(name) for name in PLAIN}, **CASES}


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    """A copy of the programs, with those beside them that cannot stand in a repository."""
    copy = tmp_path_factory.mktemp("corpus") / "programs"
    shutil.copytree(PROGRAMS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / "latin.py").read_text(encoding="utf-8").replace("PLACEHOLDER", "ä")
    (copy / "latin.py").write_text(text, encoding="latin-1")
    (copy / "link.py").symlink_to(copy / "archive" / "linked.py")
    shutil.copy(copy / "paths.py", copy / "archive" / "linked.py")
    (copy / "syntax_error.py").write_text("x = 1\ny = (\n")
    (copy / "indentation_error.py").write_text("def f():\nreturn 1\n")
    zipapp.create_archive(copy / "archive", copy / "archive.pyz", interpreter="/usr/bin/python")
    py_compile.compile(str(copy / "arguments.py"), cfile=str(copy / "compiled.pyc"))
    return copy


def run(directory, case, *tracer):
    # the traced programs write no byte code that the plain ones would find
    process = subprocess.run(
        [sys.executable, "-B", *tracer, *case.words],
        input=case.stdin.encode(),
        cwd=directory,
        env=environment(PYTHONHASHSEED="0"),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return (*map(without_addresses, (process.stdout, process.stderr)), process.returncode)


def without_addresses(output):
    return re.sub(rb" at 0x[0-9a-f]+", b" at an address", output).decode()


@pytest.mark.parametrize("name", list(ALL))
def test_a_program_behaves_as_under_plain_python(name, directory, tmp_path):
    spans = tmp_path / "spans.jsonl"
    expected = run(directory, ALL[name])

    actual = run(directory, ALL[name], *TRACER, "--quiet", "--exporter", f"jsonl={spans}")

    assert expected == actual


def test_the_corpus_is_large():
    assert len(ALL) >= 25
