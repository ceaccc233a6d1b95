"""Filters that others may write: refused where they were found, told of where they were named."""

from __future__ import annotations

import json
import os

import pytest
from tests.traced_run import run_python, run_traced

from codetracer_otel.filters.language.trust import who_else_may_write

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid"), reason="files have no owners on this platform"
)

OTHER = 12_345

# Only root can give files to others: what `os.lstat` says of them is replaced, here and in the
# processes that are started, whose `sitecustomize` this is.
OWNERS = """\
import json, os

def lstat(path, *, dir_fd=None, real=os.lstat):
    facts = real(path, dir_fd=dir_fd)
    owners = json.loads(os.environ.get("TESTED_OWNERS", "{}"))
    user, group = owners.get(os.fspath(path), (facts.st_uid, facts.st_gid))
    return os.stat_result((*facts[:4], user, group, *facts[6:10]))

os.lstat = lstat
"""
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


@pytest.fixture(autouse=True)
def owners(tmp_path, monkeypatch):
    """Return what gives a file to another user or group, as it seems to everybody in a test."""
    customized = tmp_path / "site"
    customized.mkdir()
    (customized / "sitecustomize.py").write_text(OWNERS)
    monkeypatch.setenv("PYTHONPATH", str(customized), prepend=os.pathsep)
    monkeypatch.setattr(os, "lstat", os.lstat)
    exec(OWNERS, {})
    stated = {}

    def give(path, user=None, group=None):
        own = os.geteuid(), os.getegid()
        stated[str(path)] = [own[0] if user is None else user, own[1] if group is None else group]
        monkeypatch.setenv("TESTED_OWNERS", json.dumps(stated))

    return give


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
    "the file is another user's": lambda p, give: give(filter_of(p), OTHER),
    "anybody may write the file": lambda p, _: filter_of(p).chmod(0o666),
    "a group may write the file": lambda p, give: (
        give(filter_of(p), group=OTHER),
        filter_of(p).chmod(0o664),
    ),
    "its folder is another user's": lambda p, give: give(filter_of(p).parent, OTHER),
    "anybody may write its folder": lambda p, _: filter_of(p).parent.chmod(0o777),
    "the project is another user's": lambda p, give: give(p, OTHER),
    "anybody may write above": lambda p, _: p.parent.chmod(0o777),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_found_filter_that_others_may_write_is_refused_and_the_line_says_why(
    project, change, owners
):
    change(project, owners)
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
def test_a_named_one_is_obeyed_and_told_of(tmp_path, project, change, how, owners):
    named = filter_of(project)
    named.write_text(STRICT)
    change(project, owners)
    script = tmp_path / "elsewhere.py"
    script.write_text(PROGRAM)
    flags = ("--trace-filter", named) if how == "flag" else ()
    environment = {"CODETRACER_TRACE_FILTER": str(named)} if how == "variable" else {}
    options = ("--exporter", "jsonl=x.jsonl", *flags)
    done = run_traced(*options, script, cwd=tmp_path, **environment)
    assert done.returncode == 0
    assert f"{named}: obeyed because it was named, although" in done.stderr


@pytest.mark.parametrize("name", ["as it was found", "as a relative path", "by a link"])
@pytest.mark.parametrize("command", ["run", "explain"])
def test_one_that_was_found_may_be_named_as_the_line_says(project, name, command):
    filter_of(project).chmod(0o666)
    (project / "by-a-link").symlink_to(project)
    named = {
        "as it was found": filter_of(project),
        "as a relative path": filter_of(project).relative_to(project),
        "by a link": filter_of(project / "by-a-link"),
    }[name]
    asked = {
        "run": ("--exporter", "jsonl=x.jsonl", "--trace-filter", named, "program.py"),
        "explain": ("--trace-filter", named, "program.py:2"),
    }[command]
    done = run_python("-m", "codetracer_otel", command, *asked, cwd=project)
    assert done.returncode == 0, done.stderr
    assert "is refused" not in done.stderr
    assert ("obeyed because it was named" in done.stderr) == (command == "run")


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


def test_a_link_is_judged_by_its_owner_and_by_where_it_leads(tmp_path, owners):
    target = tmp_path / "target"
    target.write_text("")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert who_else_may_write(str(link)) is None
    owners(link, OTHER, OTHER)
    assert who_else_may_write(str(link)) == f"{link} belongs to user {OTHER}"
    owners(link)
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
