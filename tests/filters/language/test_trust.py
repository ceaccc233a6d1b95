"""Filters that others may write: refused where they were found, told of where they were named."""

from __future__ import annotations

import os

import pytest
from tests.traced_run import run_python, run_traced

from codetracer_otel.filters.language.trust import who_else_may_write

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root of a POSIX system can give files to other users",
)

OTHER = 12_345
PROGRAM = "import sys\ndef f(password):\n    print('said')\nf('hush-4711-hush')\n"
LOOSE = """\
[meta]
name = "loose"
version = 2
[io]
capture = true
streams = ["stdout"]
[scope]
default_exec = "trace"
default_value_action = "allow"
[[scope.rules]]
selector = "pkg:**"
[[scope.rules.value_patterns]]
selector = "arg:glob:*"
action = "allow"
[[scope.rules.value_patterns]]
selector = "attr:glob:*"
action = "allow"
[[scope.rules.value_patterns]]
selector = "value:regex:.*"
action = "allow"
"""
STRICT = LOOSE.replace('[io]\ncapture = true\nstreams = ["stdout"]\n', "").partition("[[scope")[0]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "shared" / "project"
    (folder / ".codetracer").mkdir(parents=True)
    (folder / ".codetracer" / "trace-filter.toml").write_text(LOOSE)
    (folder / "program.py").write_text(PROGRAM)
    return folder


def filter_of(project):
    return project / ".codetracer" / "trace-filter.toml"


CHANGES = {
    "the file is another user's": lambda p: os.chown(filter_of(p), OTHER, -1),
    "anybody may write the file": lambda p: filter_of(p).chmod(0o666),
    "a group may write the file": lambda p: (
        os.chown(filter_of(p), 0, OTHER),
        filter_of(p).chmod(0o664),
    ),
    "its folder is another user's": lambda p: os.chown(filter_of(p).parent, OTHER, -1),
    "anybody may write its folder": lambda p: filter_of(p).parent.chmod(0o777),
    "the project is another user's": lambda p: os.chown(p, OTHER, -1),
    "anybody may write above": lambda p: p.parent.chmod(0o777),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_found_filter_that_others_may_write_is_refused_and_the_line_says_why(project, change):
    change(project)
    done = run_traced("--exporter", "jsonl=x.jsonl", project / "program.py", cwd=project)
    assert done.returncode == 2
    assert "hush" not in done.stdout + done.stderr
    assert f"{filter_of(project)}" in done.stderr
    assert "is refused" in done.stderr
    assert f"--trace-filter {filter_of(project)}" in done.stderr
    explain = run_python("-m", "codetracer_otel", "explain", "program.py:f", cwd=project)
    assert explain.returncode == 2
    assert "is refused" in explain.stderr


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("how", ["flag", "variable"])
def test_a_named_one_is_obeyed_and_told_of(tmp_path, project, change, how):
    named = filter_of(project)
    named.write_text(STRICT)
    change(project)
    script = tmp_path / "elsewhere.py"
    script.write_text(PROGRAM)
    flags = ("--trace-filter", named) if how == "flag" else ()
    environment = {"CODETRACER_TRACE_FILTER": str(named)} if how == "variable" else {}
    options = ("--exporter", "jsonl=x.jsonl", *flags)
    done = run_traced(*options, script, cwd=tmp_path, **environment)
    assert done.returncode == 0
    assert f"{named}: obeyed because it was named, although" in done.stderr


def test_check_tells_it_too(project):
    filter_of(project).chmod(0o666)
    done = run_python("-m", "codetracer_otel", "check", filter_of(project))
    assert done.returncode == 0
    assert "anybody may write to" in done.stdout


def test_a_users_own_below_a_shared_temporary_folder_works(project):
    project.parent.chmod(0o1777)
    done = run_traced("--exporter", "jsonl=x.jsonl", project / "program.py", cwd=project)
    assert done.returncode == 0
    assert "hush" in (project / "x.jsonl").read_text()


def test_a_found_filter_does_not_show_secrets_or_listen_in_silence(project):
    done = run_traced("--exporter", "jsonl=x.jsonl", project / "program.py", cwd=project)
    assert done.returncode == 0
    path = str(filter_of(project))
    for selector in ("arg:glob:*", "attr:glob:*", "value:regex:.*"):
        assert f"{selector!r} shows what the builtin rules hide" in done.stderr
    assert path in done.stderr
    assert done.stderr.count("shows what the builtin rules hide") == 3
    assert "[io] of a filter that was found beside the program" in done.stderr
    filter_of(project).write_text(STRICT)
    quiet = run_traced("--exporter", "jsonl=y.jsonl", project / "program.py", cwd=project)
    assert "builtin rules" not in quiet.stderr
    assert "hush" not in (project / "y.jsonl").read_text()


def test_a_link_is_judged_by_its_owner_and_by_where_it_leads(tmp_path):
    target = tmp_path / "target"
    target.write_text("")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert who_else_may_write(str(link)) is None
    os.chown(link, OTHER, OTHER, follow_symlinks=False)
    assert who_else_may_write(str(link)) == f"{link} belongs to user {OTHER}"
    os.chown(link, 0, 0, follow_symlinks=False)
    target.chmod(0o666)
    assert who_else_may_write(str(link)) == f"anybody may write to {target}"


def test_nothing_above_the_home_directory_is_asked(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    os.chmod(tmp_path, 0o777)
    (home / "f").write_text("")
    assert who_else_may_write(str(home / "f")) == f"anybody may write to {tmp_path}"
    monkeypatch.setenv("HOME", str(home))
    assert who_else_may_write(str(home / "f")) is None
