from __future__ import annotations

import ntpath
import posixpath

import pytest

from codetracer_otel.filters.code.paths import (
    discover,
    is_absolute,
    is_below,
    is_synthetic,
    normal_path,
    normal_pattern,
    project_root,
    relative_path,
)
from codetracer_otel.filters.patterns.pattern_error import PatternError


@pytest.mark.parametrize(
    ("file", "root"),
    [
        ("/p/.codetracer/trace-filter.toml", "/p"),
        ("/p/.codetracer/deep/er/f.toml", "/p"),
        ("/p/.codetracer/a/.codetracer/f.toml", "/p/.codetracer/a"),
        ("/p/filters/f.toml", "/p/filters"),
        ("/f.toml", "/"),
    ],
)
def test_the_project_root_is_the_parent_of_the_nearest_marker(file, root):
    assert project_root(file, posixpath) == root


def test_the_project_root_on_windows():
    assert project_root(r"C:\Work\P\.codetracer\trace-filter.toml", ntpath) == "c:/work/p"
    assert project_root(r"C:\Work\f.toml", ntpath) == "c:/work"


def test_windows_paths_are_slashed_and_folded():
    assert normal_path(r"C:\Work\App\.\Mod.py", ntpath) == "c:/work/app/mod.py"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/x/../b", "/a/b"),
        ("/a/.b", "/a/.b"),
        ("/a/.b/./c", "/a/.b/c"),
        ("/a/.b/..", "/a"),
        ("/a/.b/.", "/a/.b"),
    ],
)
def test_a_path_is_normalised(path, expected):
    assert normal_path(path, posixpath) == expected


@pytest.mark.parametrize(
    ("path", "roots", "expected"),
    [
        ("/p/app/m.py", ["/p"], "app/m.py"),
        ("/p/app/m.py", ["/p", "/p/app"], "m.py"),
        ("/p/app/m.py", ["/p/app", "/p"], "m.py"),
        ("/q/m.py", ["/p"], "q/m.py"),
        ("/pp/m.py", ["/p"], "pp/m.py"),
        ("/m.py", ["/"], "m.py"),
        ("c:/p/m.py", ["c:/p"], "m.py"),
        ("/q/m.py", [], "q/m.py"),
    ],
)
def test_a_file_belongs_to_the_root_that_leaves_least(path, roots, expected):
    assert relative_path(path, roots) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a/b.py", "a/b.py"),
        ("./a/./b.py", "a/b.py"),
        ("a/x/../b.py", "a/b.py"),
        ("a//b.py", "a/b.py"),
        ("/p/a.py", "a.py"),
        ("/p/x/../a.py", "a.py"),
        ("**/*.py", "**/*.py"),
    ],
)
def test_a_file_pattern_becomes_relative_to_its_project_root(pattern, expected):
    assert normal_pattern(pattern, "/p", posixpath) == expected


@pytest.mark.parametrize("pattern", ["../x.py", "a/../../x.py", "/q/x.py", "/pp/x.py", ".", "/p"])
def test_a_path_out_of_the_root_is_an_error(pattern):
    with pytest.raises(PatternError):
        normal_pattern(pattern, "/p", posixpath)


def test_an_absolute_path_in_an_inline_filter_loses_its_slash():
    assert normal_pattern("/q/x.py", None, posixpath) == "q/x.py"


def test_windows_patterns_are_compared_like_paths():
    assert normal_pattern(r"C:\Work\App\M.py", "c:/work", ntpath) == "app/m.py"
    assert normal_pattern(r"App\M.py", "c:/work", ntpath) == "app/m.py"
    with pytest.raises(PatternError, match="outside the project root"):
        normal_pattern(r"D:\x.py", "c:/work", ntpath)


@pytest.mark.parametrize(
    ("pattern", "flavour", "expected"),
    [
        ("/p/**", posixpath, True),
        ("p/**", posixpath, False),
        ("**/x.py", posixpath, False),
        (r"C:\Work\*.py", ntpath, True),
        (r"Work\*.py", ntpath, False),
    ],
)
def test_an_absolute_pattern_begins_at_a_root(pattern, flavour, expected):
    assert is_absolute(pattern, flavour) is expected


def test_being_below_is_not_sharing_a_prefix():
    assert [is_below(path, "/p") for path in ("/p", "/p/x", "/px")] == [True, True, False]


def test_a_synthetic_name_stands_in_angle_brackets():
    assert [is_synthetic(name) for name in ("<string>", "<x", "a<b>")] == [True, False, False]


def test_discovery_finds_the_nearest_filter_only(tmp_path):
    for folder in (tmp_path, tmp_path / "a" / "b"):
        (folder / ".codetracer").mkdir(parents=True)
        (folder / ".codetracer" / "trace-filter.toml").write_text("")
    nearest = tmp_path / "a" / "b" / ".codetracer" / "trace-filter.toml"
    (tmp_path / "a" / "b" / "c").mkdir()
    assert discover(tmp_path / "a" / "b" / "c") == str(nearest)
    assert discover(tmp_path / "a") == str(tmp_path / ".codetracer" / "trace-filter.toml")


def test_a_dangling_filter_is_found_so_that_it_is_reported(tmp_path):
    (tmp_path / ".codetracer").mkdir()
    link = tmp_path / ".codetracer" / "trace-filter.toml"
    link.symlink_to(tmp_path / "missing")
    assert discover(tmp_path) == str(link)
