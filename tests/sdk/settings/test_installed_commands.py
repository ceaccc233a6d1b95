"""Which words on a command line are commands that packages have installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codetracer_otel.sdk.settings.installed_commands import find_command, modules_of_command

HERE = Path(sys.executable).parent


def test_a_command_is_found_beside_the_interpreter():
    assert find_command("pytest") == str(HERE / "pytest")


@pytest.mark.parametrize("name", ["no-such-command", "", ".", "bin/pytest", "./pytest", "python"])
def test_what_no_package_has_installed_is_no_command(name):
    assert find_command(name) is None


def test_a_command_names_its_module():
    assert modules_of_command(str(HERE / "coverage")) == ["coverage.cmdline"]


@pytest.mark.parametrize(
    "text",
    ["from coverage.cmdline import main\nmain()\n", "load_entry_point(c, 'console_scripts', n)()"],
    ids=["of today", "of older setuptools"],
)
def test_a_command_is_known_wherever_its_script_was_put(tmp_path, text):
    (tmp_path / "coverage").write_text(text)
    assert modules_of_command(str(tmp_path / "coverage")) == ["coverage.cmdline"]


def test_a_script_of_a_project_is_no_command_whatever_its_name(tmp_path):
    (tmp_path / "coverage").write_text("print('of mine')\n")
    (tmp_path / "pytest").write_bytes(b"\xff\x00")
    for name in ("coverage", "pytest", "celery"):
        assert modules_of_command(str(tmp_path / name)) == []
    assert modules_of_command(str(HERE / "no-such-command")) == []
