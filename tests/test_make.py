"""How the set-up finds an interpreter, on machines that are not like this one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FINDER = Path(__file__).parent.parent / "tools" / "find-python"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
TOOLS = ("ls", "sort", "cat")


class Machine:
    """A machine with nothing on PATH but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.home = folder / "bin", folder / "home of somebody"
        self.bin.mkdir()
        self.home.mkdir()
        for tool in TOOLS:
            self.bin.joinpath(tool).symlink_to(shutil.which(tool))

    def add(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def find(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        places = {"PATH": str(self.bin), "HOME": str(self.home)}
        return subprocess.run(
            [str(FINDER), *arguments],
            env={**places, **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def runs_this_interpreter():
    return f'exec "{sys._base_executable}" "$@"'


def test_a_shim_that_does_not_run_is_passed_over(machine):
    machine.add(machine.bin / f"python{VERSION}", "echo not installed >&2; exit 127")
    machine.add(machine.bin / "python3", runs_this_interpreter())

    assert machine.find().stdout.strip() == sys._base_executable


def test_an_interpreter_of_pyenv_is_found_without_its_shims(machine):
    python = machine.home / ".pyenv" / "versions" / f"{VERSION}.1" / "bin" / "python"
    machine.add(python, runs_this_interpreter())

    assert machine.find().stdout.strip() == sys._base_executable


def test_the_newest_patch_release_of_pyenv_comes_first(machine, tmp_path):
    for patch in (2, 10, 9):
        python = tmp_path / "pyenv" / "versions" / f"{VERSION}.{patch}" / "bin" / "python"
        machine.add(python, f"echo patch {patch}")

    assert machine.find(PYENV_ROOT=str(tmp_path / "pyenv")).stdout.strip() == "patch 10"


def test_an_interpreter_that_uv_knows_is_found(machine):
    machine.add(machine.bin / "uv", f"echo {sys._base_executable}")

    assert machine.find().stdout.strip() == sys._base_executable


def test_a_machine_without_an_interpreter_is_told_what_helps(machine):
    answer = machine.find()

    assert (answer.returncode, answer.stdout) == (1, "")
    for word in ("CPython >= 3.12", "looked at", "uv python install", "make test PYTHON="):
        assert word in answer.stderr


def test_an_interpreter_that_is_too_old_is_not_taken(machine):
    machine.add(machine.bin / "python3", "exit 1  # as the probe does under 3.11")

    assert machine.find().returncode == 1


def test_the_named_interpreter_is_the_only_one_considered(machine):
    machine.add(machine.bin / "python3", runs_this_interpreter())
    machine.add(machine.bin / "old", "exit 1")

    good = machine.find(PYTHON=sys.executable)
    bad = machine.find(PYTHON=str(machine.bin / "old"))

    assert good.stdout.strip() == sys._base_executable
    assert (bad.returncode, bad.stdout) == (1, "")
    assert f"PYTHON={machine.bin / 'old'}" in bad.stderr


def test_asking_for_a_version_that_is_not_there_is_silent(machine):
    machine.add(machine.bin / "python3", runs_this_interpreter())

    answer = machine.find("3.99")

    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", "")
