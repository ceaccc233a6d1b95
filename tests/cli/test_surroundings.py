"""What around the command line stops it is said in one line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pytest
from tests.conftest import HEADER
from tests.traced_run import TRACER, environment, run_python, run_traced

import codetracer_otel
from codetracer_otel.cli.surroundings import complaint_about, hidden_modules

PROGRAM = "print('ran')\n"


def test_nothing_is_hidden_here():
    loaded = "asyncio, json, opentelemetry.sdk.trace, sqlite3, tomli"
    name = hidden_modules.__module__
    done = run_python("-c", f"import {loaded}, {name} as it; print(list(it.hidden_modules()))")
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    "name",
    ["re", "typing", "enum", "token", "contextlib", "collections", "inspect", "argparse", "json"],
)
def test_a_module_in_the_working_directory_hides_none_that_we_import(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('wrong one')\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "program.py").write_text(PROGRAM)
    done = run_traced("--quiet", "--exporter=none", "folder/program.py", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("ran\n", "", 0)
    checked = run_python("-m", "codetracer_otel", "check", "no.toml", cwd=tmp_path)
    assert checked.stderr.endswith(
        "no.toml: ERR_IO cannot be read: No such file or directory\n1 problem\n"
    )


@pytest.mark.parametrize("name", ["random", "json", "logging", "tomli", "opentelemetry"])
def test_a_module_that_the_path_of_python_hides_is_named(tmp_path, name):
    hiding = tmp_path / "lib" / f"{name}.py"
    hiding.parent.mkdir()
    hiding.write_text("WRONG_ONE = 1\n")
    # in front of an editable installation, too
    paths = os.pathsep.join([str(hiding.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = run_traced("--exporter=none", "-c", PROGRAM, cwd=tmp_path, PYTHONPATH=paths)
    (line,) = done.stderr.splitlines()
    assert line == (
        f"codetracer-otel: ERR_IO the module {name!r}, which this command needs, is hidden by "
        f"{str(hiding.resolve())!r}; rename that file, or take its folder out of PYTHONPATH"
    )
    assert (done.stdout, done.returncode) == ("", 10)


def test_the_modules_of_a_program_are_not_blamed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["random"], "__file__", str(tmp_path / "random.py"))
    assert list(hidden_modules()) == [("random", str((tmp_path / "random.py").resolve()))]
    missing = AttributeError("module 'random' has no attribute 'choice'")
    assert "random" in complaint_about(missing, is_ours_alone=True)
    assert complaint_about(missing, is_ours_alone=False) == ""


@pytest.mark.parametrize(
    ("error", "is_blamed"),
    [
        (AttributeError("module 'sqlite3' has no attribute 'connect'"), True),
        (ImportError("cannot import name 'connect' from 'sqlite3' (/x/sqlite3.py)"), True),
        (ModuleNotFoundError("No module named 'sqlite3.dbapi2'; 'sqlite3' is not a package"), True),
        (ImportError("cannot import name 'connect' from 'pysqlite3'"), False),
        (AttributeError("'NoneType' object has no attribute 'sqlite3'"), False),
        (ValueError("a defect of ours with 'sqlite3'"), False),
        (AttributeError("module 'json' has no attribute 'dumps'"), False),
    ],
)
def test_a_stand_in_is_blamed_only_for_what_is_missing_in_it(
    tmp_path, monkeypatch, error, is_blamed
):
    stand_in = ModuleType("sqlite3")
    stand_in.__file__ = str(tmp_path / "sqlite3.py")
    monkeypatch.setitem(sys.modules, "sqlite3", stand_in)
    assert ("sqlite3" in complaint_about(error, is_ours_alone=True)) == is_blamed


@pytest.mark.skipif(sys.platform == "win32", reason="links to folders")
@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["check", "a.toml"],
        ["run", "--quiet", "--exporter=none", "sub/program.py"],
    ],
    ids=lambda words: words[0],
)
def test_everything_may_be_installed_into_the_working_directory(tmp_path, words):
    package = Path(codetracer_otel.__file__).parent
    (tmp_path / package.name).symlink_to(package)
    for installed in Path(str(distribution("opentelemetry-api").locate_file(""))).iterdir():
        if installed.name != package.name:
            (tmp_path / installed.name).symlink_to(installed)
    (tmp_path / "a.toml").write_text(HEADER)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "program.py").write_text(PROGRAM)
    (tmp_path / "random.py").write_text("raise RuntimeError('wrong one')\n")
    # without the folder of the test's own packages
    done = run_python("-S", "-m", "codetracer_otel", *words, cwd=tmp_path, PYTHONPATH="")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EMFILE, "Too many open files", "x.py"),
         "ERR_IO Too many open files: 'x.py'; allow this process more open files (ulimit -n)"),
        (OSError(errno.ENOSPC, "No space left on device"),
         "ERR_IO No space left on device; make room on the device"),
        (MemoryError(), "ERR_IO out of memory; give this process more memory"),
        (OSError(errno.EIO, "Input/output error"), ""),
        (ValueError("a defect"), ""),
    ],
)  # fmt: skip
def test_what_the_system_does_not_give_is_no_defect(error, told):
    assert complaint_about(error, is_ours_alone=True) == told


@pytest.mark.skipif(sys.platform == "win32", reason="no ulimit")
@pytest.mark.parametrize("most", range(6, 16))
def test_few_descriptors_are_no_traceback_of_ours(tmp_path, most):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, *TRACER, "--exporter=jsonl=x.jsonl", "program.py"]
    done = subprocess.run(
        ["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh", *command],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    frames = [line for line in done.stderr.splitlines() if line.lstrip().startswith('File "')]
    assert [line for line in frames if "codetracer_otel" in line] == []
    assert "internal error" not in done.stderr
    assert done.stdout == ("ran\n" if done.returncode == 0 else "")


def test_an_interactive_interpreter_goes_on_behind_the_program():
    done = run_python(
        "-i", *TRACER, "--quiet", "--exporter=none", "-c", "x = 1", stdin="print(x)\n"
    )
    assert (done.stdout, done.returncode) == ("1\n", 0)
    assert "Traceback" not in done.stderr


def test_a_library_that_cannot_be_read_any_more_hides_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "importlib.metadata", None)
    assert complaint_about(ModuleNotFoundError("x"), is_ours_alone=True) == ""
