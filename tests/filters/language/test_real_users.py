"""Filters of other users, with users that are really others: only root can have such files."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from tests.traced_run import run_traced

from codetracer_otel.filters.language.trust import who_else_may_write

pytestmark = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: None)() != 0, reason="only root can give files to other users"
)

ASKING, OTHER, GROUP = 61_234, 61_235, 61_236  # no users that anybody has


@pytest.fixture
def folder():
    """Return a folder of the asking user's that every user may enter, below a sticky one."""
    made = Path(tempfile.mkdtemp())
    try:
        own = made / "own"
        own.mkdir()
        (own / "filter.toml").write_text("")
        for path in (made, own, own / "filter.toml"):
            os.chown(path, ASKING, ASKING)
        made.chmod(0o755)
        yield own
    finally:
        shutil.rmtree(made)


@contextlib.contextmanager
def being(user):
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


def link_of_another(own):
    (own / "target").write_text("")
    os.chown(own / "target", ASKING, ASKING)
    (own / "filter.toml").unlink()
    (own / "filter.toml").symlink_to(own / "target")
    os.chown(own / "filter.toml", OTHER, OTHER, follow_symlinks=False)


FILE, FOLDER = "own/filter.toml", "own"
CASES = {
    "its own": (lambda _: None, ASKING, None),
    "root's": (lambda own: os.chown(own / "filter.toml", 0, 0), ASKING, None),
    "root's folder": (lambda own: os.chown(own, 0, 0), ASKING, None),
    "another's": (
        lambda own: os.chown(own / "filter.toml", OTHER, OTHER),
        ASKING,
        f"{FILE} belongs to user {OTHER}",
    ),
    "in another's folder": (
        lambda own: os.chown(own, OTHER, OTHER),
        ASKING,
        f"{FOLDER} belongs to user {OTHER}",
    ),
    "in a folder below another's": (
        lambda own: os.chown(own.parent, OTHER, OTHER),
        ASKING,
        f"belongs to user {OTHER}",
    ),
    "anybody may write it": (
        lambda own: (own / "filter.toml").chmod(0o666),
        ASKING,
        f"anybody may write to {FILE}",
    ),
    "anybody may write its folder": (
        lambda own: own.chmod(0o777),
        ASKING,
        f"anybody may write to {FOLDER}",
    ),
    "its folder is sticky": (lambda own: own.chmod(0o1777), ASKING, None),
    "a group may write it": (
        lambda own: (
            os.chown(own / "filter.toml", ASKING, GROUP),
            (own / "filter.toml").chmod(0o664),
        ),
        ASKING,
        f"group {GROUP} may write to {FILE}",
    ),
    "by another's link": (link_of_another, ASKING, f"{FILE} belongs to user {OTHER}"),
    "asked by root": (lambda _: None, 0, f"{FILE} belongs to user {ASKING}"),
    "asked by another": (lambda _: None, OTHER, f"{FILE} belongs to user {ASKING}"),
}


@pytest.mark.parametrize(("change", "user", "reason"), CASES.values(), ids=CASES)
def test_a_file_is_judged_by_who_really_owns_it(folder, change, user, reason):
    change(folder)
    with being(user):
        said = who_else_may_write(str(folder / "filter.toml"))
    if reason is None:
        assert said is None
    else:
        assert said.replace(f"{folder.parent}/", "").endswith(reason)


def test_root_does_not_obey_a_filter_of_a_user(folder):
    (folder / ".codetracer").mkdir()
    found = folder / ".codetracer" / "trace-filter.toml"
    (folder / "filter.toml").rename(found)
    os.chown(folder, 0, 0)
    os.chown(folder.parent, 0, 0)
    (folder / "program.py").write_text("print('said')\n")
    done = run_traced("--exporter", "jsonl=x.jsonl", folder / "program.py", cwd=folder)
    assert done.returncode == 2
    assert f"{found} belongs to user {ASKING}" in done.stderr
    assert "is refused" in done.stderr
