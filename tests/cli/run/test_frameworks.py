"""Suites under ``run --pytest`` and ``run --unittest``: the tests are traced, not the framework."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.traced_run import TRACER, run_python, run_traced, spans_in

CODE = "def total(prices):\n    return sum(prices)\n"
PYTEST = """
import sys
from shop import total

def helper(): return [1, 2]
def test_total(): assert total(helper()) == 3
def test_output(capfd):
    print("spans recorded?")
    sys.stderr.write("to stderr")
    captured = capfd.readouterr()
    assert captured.out == "spans recorded?\\n"
    assert captured.err == "to stderr"
"""
UNITTEST = """
import unittest
from shop import total

class Totals(unittest.TestCase):
    def setUp(self): self.prices = [1, 2]
    def test_total(self): self.assertEqual(total(self.prices), 3)
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "shop.py").write_text(CODE)
    (tmp_path / "test_with_pytest.py").write_text(PYTEST)
    (tmp_path / "test_with_unittest.py").write_text(UNITTEST)
    return tmp_path


def names_in(path):
    return {span["name"] for span in spans_in(path)}


def run(project, *arguments):
    spans = project / "spans.jsonl"
    process = run_traced("--exporter", f"jsonl={spans}", *arguments, cwd=project)
    return process, names_in(spans)


def of_pytest(names):
    return {name for name in names if name.lstrip("<").startswith(("_pytest", "pluggy", "pytest"))}


def of_unittest(names):
    return {name for name in names if name.lstrip("<").startswith("unittest")}


def test_pytest_traces_the_tests_and_the_code_and_not_itself(project):
    process, names = run(project, "--pytest", "-q", "-p", "no:cacheprovider", "test_with_pytest.py")

    assert process.returncode == 0
    assert {"shop.total", "test_with_pytest.test_total", "test_with_pytest.helper"} <= names
    assert of_pytest(names) == set()


def test_the_summary_is_the_last_line_and_in_no_captured_output(project):
    process, _ = run(project, "--pytest", "-q", "-p", "no:cacheprovider", "test_with_pytest.py")

    assert "spans recorded" not in process.stdout.replace("spans recorded?", "")
    (line,) = process.stderr.splitlines()
    assert line.startswith("codetracer-otel: ")
    assert "spans recorded" in line


def test_unittest_traces_the_tests_and_the_code_and_not_itself(project):
    process, names = run(project, "--unittest", "test_with_unittest")

    assert process.returncode == 0
    assert {
        "shop.total",
        "test_with_unittest.Totals.setUp",
        "test_with_unittest.Totals.test_total",
    } <= names
    assert of_unittest(names) == set()


def own_rule(project, package):
    path = project / "own.toml"
    path.write_text(
        '[meta]\nname = "own"\nversion = 2\n'
        '[scope]\ndefault_exec = "inherit"\ndefault_value_action = "inherit"\n'
        f"[[scope.rules]]\nselector = 'pkg:{package}.*'\nexec = \"trace\"\n"
    )
    return path


@pytest.mark.parametrize("stands", [True, False])
def test_the_filter_of_the_framework_is_named_in_the_resource_and_can_be_left_out(project, stands):
    code = (
        "from codetracer_otel.sdk.session.configure import active_session\n"
        "def test_names():\n"
        "    names = active_session().settings.launch.framework\n"
        "    assert (names == 'pytest') is STANDS\n"
    ).replace("STANDS", str(stands))
    (project / "test_names.py").write_text(code)
    flags = () if stands else ("--no-framework-filters",)

    process, _ = run(project, *flags, "--pytest", "-q", "-p", "no:cacheprovider", "test_names.py")

    assert process.returncode == 0, process.stdout


def test_without_the_filter_of_the_framework_its_code_is_judged_like_any_other(project):
    # unittest is the standard library, which the builtin filter skips; a rule turns it on
    own = own_rule(project, "unittest")
    with_filter = run(project, "--trace-filter", own, "--unittest", "test_with_unittest")[1]
    (project / "spans.jsonl").unlink()
    flags = ("--no-builtin-filter", "--no-framework-filters")
    without = run(project, *flags, "--unittest", "test_with_unittest")[1]

    assert of_unittest(with_filter) != set()  # the user's own rule stands last
    assert of_unittest(without) != set()


def test_a_failing_suite_keeps_its_exit_status(project):
    (project / "test_fails.py").write_text("def test_no(): assert False\n")

    process, _ = run(
        project, "--quiet", "--pytest", "-q", "-p", "no:cacheprovider", "test_fails.py"
    )

    assert process.returncode == 1
    assert process.stderr == ""


@pytest.fixture
def application(tmp_path):
    (tmp_path / "app.py").write_text(f"{CODE}total([1, 2])\n")
    return tmp_path


@pytest.mark.parametrize("way", ["module", "script"])
def test_what_launches_a_program_is_not_traced_and_the_program_is(application, way):
    command = ("-m", "coverage") if way == "module" else (Path(sys.executable).parent / "coverage",)
    process, names = run(application, *command, "run", "--data-file=none", "app.py")
    assert process.returncode == 0
    assert {name for name in names if "total" in name} == {"__main__.total"}
    assert names == {"__main__.total", "<__main__>"}


def test_a_launcher_can_be_traced_like_a_program(application):
    _, names = run(application, "--no-framework-filters", "-m", "coverage", "--version")
    assert any(name.startswith("coverage.") for name in names)


def command_of(name):
    """Return the path of an installed command of this interpreter."""
    return str(Path(sys.executable).parent / name)


@pytest.mark.parametrize("how", ["path", "name"])
def test_the_command_pytest_traces_the_tests_and_not_itself(project, how):
    command = command_of("pytest") if how == "path" else "pytest"
    process, names = run(project, command, "-q", "-p", "no:cacheprovider", "test_with_pytest.py")

    assert process.returncode == 0, process.stderr
    assert {"shop.total", "test_with_pytest.test_total", "test_with_pytest.helper"} <= names
    assert of_pytest(names) == set()
    assert "<__main__>" not in names


def test_an_installed_command_is_found_by_its_name(application):
    process, names = run(application, "coverage", "run", "--data-file=none", "app.py")

    assert process.returncode == 0, process.stderr
    assert names == {"__main__.total", "<__main__>"}


def test_a_file_of_the_name_of_a_command_is_the_program(application):
    (application / "coverage").write_text("def mine(): pass\nmine()\n")

    process, names = run(application, "coverage")

    assert process.returncode == 0, process.stderr
    assert "__main__.mine" in names


def test_the_filter_of_the_project_is_found_for_an_installed_command(project):
    (project / ".codetracer").mkdir()
    (project / ".codetracer" / "trace-filter.toml").write_text(
        '[meta]\nname = "mine"\nversion = 2\n'
        '[scope]\ndefault_exec = "skip"\ndefault_value_action = "inherit"\n'
        '[[scope.rules]]\nselector = "obj:shop.total"\nexec = "trace"\n'
    )

    _, names = run(project, command_of("pytest"), "-q", "-p", "no:cacheprovider", ".")

    assert names == {"shop.total"}


CONFTEST = """
import os, pytest

def at_import(): return os.environ.get("PYTEST_PLUGINS")
SEEN = at_import()

@pytest.fixture
def plugins(): return SEEN
"""


@pytest.mark.parametrize("how", ["--pytest", "-m pytest", "pytest"])
def test_the_workers_of_xdist_are_traced(project, how):
    (project / "conftest.py").write_text(CONFTEST)
    (project / "test_environment.py").write_text(
        "import os\n"
        "def test_the_environment(plugins):\n"
        "    assert plugins is None\n"
        "    assert 'PYTEST_PLUGINS' not in os.environ\n"
    )
    process, names = run(project, *how.split(), "-q", "-n", "2", "-p", "no:cacheprovider")

    assert process.returncode == 0, process.stdout
    assert "warning" not in process.stdout
    assert {"shop.total", "test_with_pytest.test_total", "conftest.at_import"} <= names
    assert of_pytest(names) == set()


def test_plugins_that_the_environment_names_are_loaded_and_stay_named(project, monkeypatch):
    (project / "of_mine.py").write_text("import pytest\n@pytest.fixture\ndef mine(): return 7\n")
    (project / "test_mine.py").write_text(
        "import os\n"
        "def test_mine(mine):\n"
        "    assert mine == 7\n"
        "    assert os.environ['PYTEST_PLUGINS'] == 'of_mine'\n"
    )
    monkeypatch.setenv("PYTEST_PLUGINS", "of_mine")
    monkeypatch.setenv("PYTHONPATH", str(project))

    process, names = run(project, "--pytest", "-q", "-p", "no:cacheprovider", "test_mine.py")

    assert process.returncode == 0, process.stdout
    assert "test_mine.test_mine" in names


def test_an_installed_command_is_known_behind_a_link(project, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "pytest").symlink_to(command_of("pytest"))

    command = tmp_path / "links" / "pytest"
    _, names = run(project, command, "-q", "-p", "no:cacheprovider", "test_with_pytest.py")

    assert "test_with_pytest.test_total" in names
    assert of_pytest(names) == set()


def test_a_directory_without_a_program_does_not_stand_before_a_command(application):
    (application / "coverage").mkdir()

    process, names = run(application, "coverage", "run", "--data-file=none", "app.py")

    assert process.returncode == 0, process.stderr
    assert "__main__.total" in names


def test_a_script_that_is_called_pytest_keeps_its_environment(application):
    (application / "pytest").write_text(
        "import os\ndef mine(): return os.environ.get('PYTEST_PLUGINS')\nprint(mine())\n"
    )

    process, names = run(application, "pytest")

    assert process.stdout == "None\n"
    assert "__main__.mine" in names


def test_the_plugin_is_loaded_without_docstrings_and_without_a_warning(project):
    words = (
        "-q",
        "-W",
        "error::pytest.PytestAssertRewriteWarning",
        "-p",
        "no:cacheprovider",
        "test_with_pytest.py",
    )
    process = run_python("-OO", *TRACER, "--exporter", "none", "--pytest", *words, cwd=project)

    assert process.returncode == 0, process.stdout
