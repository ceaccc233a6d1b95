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


def test_a_script_of_a_project_is_no_command_whatever_its_name(tmp_path):
    assert modules_of_command(str(tmp_path / "coverage")) == []
    assert modules_of_command(str(HERE / "no-such-command")) == []


def test_a_link_to_the_folder_of_commands_leads_to_them(tmp_path):
    (tmp_path / "bin").symlink_to(HERE)
    assert modules_of_command(str(tmp_path / "bin" / "pytest")) != []
