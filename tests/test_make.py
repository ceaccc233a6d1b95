"""How the set-up finds an interpreter, on machines that are not like this one."""

from __future__ import annotations

import re
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


GETTER = FINDER.with_name("get-python")
NEW = "9.9"  # no version: no machine has it


def get(machine, version=NEW):
    for tool in ("sh", "dirname", "awk", "rm", "id", "mkdir"):
        machine.bin.joinpath(tool).symlink_to(shutil.which(tool))
    return subprocess.run(
        [str(GETTER), version],
        env={"PATH": str(machine.bin), "HOME": str(machine.home)},
        capture_output=True,
        text=True,
        check=False,
    )


def logged(machine, name, then="exit 1"):
    """Add a program that notes its name and its arguments."""
    log = machine.home / "log"
    machine.add(machine.bin / name, f'echo "{name} $*" >>"{log}"\n{then}')
    return log


def finds_nothing_but_after(marker, python):
    return f'case "$1" in -c) [ -e "{marker}" ] && echo "{python}" ;; esac'


def test_an_interpreter_that_is_here_is_not_fetched(machine):
    machine.add(machine.bin / f"python{NEW}", "echo /here/python")
    log = logged(machine, "uv")

    answer = get(machine)

    assert answer.stdout.strip() == "/here/python"
    assert not log.exists() or "install" not in log.read_text()


def test_uv_is_asked_before_pyenv_and_what_it_installs_is_found(machine):
    marker = machine.home / "installed"
    log = logged(machine, "uv", f'[ "$2" = install ] && : >"{marker}"')
    logged(machine, "pyenv")
    machine.add(machine.bin / f"python{NEW}", finds_nothing_but_after(marker, "/from/uv"))

    answer = get(machine)

    assert answer.stdout.strip() == "/from/uv", answer.stderr
    said = log.read_text().splitlines()
    assert f"uv python install --quiet {NEW}" in said
    assert not any(line.startswith("pyenv") for line in said)


def test_pyenv_comes_last(machine):
    marker = machine.home / "installed"
    log = logged(machine, "uv")
    logged(machine, "apt-get")
    logged(machine, "dpkg-deb")
    logged(machine, "python3")
    logged(machine, "pyenv", f': >"{marker}"')
    machine.add(machine.bin / f"python{NEW}", finds_nothing_but_after(marker, "/from/pyenv"))

    answer = get(machine)

    assert answer.stdout.strip() == "/from/pyenv", answer.stderr
    called = [line.split()[0] for line in log.read_text().splitlines()]
    fetched = [name for name in called if name in ("uv", "apt-get", "pyenv")]
    assert fetched.index("apt-get") > fetched.index("uv")
    assert fetched.index("pyenv") > fetched.index("apt-get")


def test_what_could_not_be_had_is_said(machine):
    answer = get(machine)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert f"CPython {NEW}: not here" in answer.stderr
    for road in ("uv", "Debian", "pyenv"):
        assert road in answer.stderr


def test_the_environment_of_the_recipes_has_what_every_test_imports():
    makefile = (FINDER.parent.parent / "Makefile").read_text("utf-8")
    listed = re.search(r"^RECIPES = ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[1].split()
    fixtures = (Path(__file__).parent / "conftest.py").read_text("utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", fixtures, re.MULTILINE))
    own = {"codetracer_otel", "tests", "tools", *sys.stdlib_module_names}
    assert imported - own <= set(listed)
