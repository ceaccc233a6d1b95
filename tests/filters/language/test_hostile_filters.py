"""A hostile filter gives a clear error or a correct answer, soon; never a hang."""

from __future__ import annotations

import os
import time

import pytest
from tests.filters.chains import filter_text, rule

from codetracer_otel.errors import ErrorCode, FilterError
from codetracer_otel.filters import (
    builtin_sources,
    compile_chain,
    filter_from_path,
    filter_from_text,
    load_chain,
)
from codetracer_otel.filters.language.sources import MAX_FILE_BYTES
from codetracer_otel.filters.types import CodeIdentity

# Of the thread's CPU, far above the second that is wanted: a hang is what is looked for.
PATIENCE_S = 20


def loaded(source):
    """Load, classify one function, and return the problems, all within the patience."""
    began = time.thread_time()
    try:
        asked = compile_chain(load_chain([*builtin_sources(), source]))
        asked.classify(CodeIdentity(("app.mod",), "/srv/app/mod.py", "f"))
        return []
    except FilterError as error:
        return list(error.problems)
    finally:
        assert time.thread_time() - began < PATIENCE_S


BIG_RULES = "".join(rule(f"pkg:a{number}") for number in range(20_000))
TEXTS = {
    "ten megabytes": ("#" * 10_000_000, "larger than"),
    "a hundred thousand rules": (filter_text(rule("pkg:a") * 100_000), "larger than"),
    "too many rules": (filter_text(BIG_RULES), "more than 5000 rules"),
    "many rules": (filter_text("".join(rule(f"pkg:a{n}.*") for n in range(4_500))), None),
    "many patterns": (filter_text(rule("pkg:a", *[("arg:x*", "drop")] * 4_500)), None),
    "an exploding regex": (filter_text(rule("obj:regex:(a|aa)+$")), "50 ms"),
    "a harmless repetition": (filter_text(rule("obj:regex:(?:x*)*y")), None),
    "a long regex": (filter_text(rule("obj:regex:" + "a?" * 300)), "characters long"),
    "a deep regex": (filter_text(rule("obj:regex:" + "(" * 200 + "a" + ")" * 200)), "inside each"),
    "a deep glob": (filter_text(rule("obj:" + "{a," * 500 + "b" + "}" * 500)), "inside each other"),
    "a wide glob": (filter_text(rule("obj:" + "{a,b}" * 60)), "alternatives"),
    "a starry glob": (filter_text(rule("obj:" + "*a" * 500)), None),
    "an integer of 5,000 digits": ("[meta]\nversion = " + "9" * 5_000, "64 bits"),
    "a hexadecimal integer of 5,000 digits": ("[meta]\nversion = 0x" + "f" * 5_000, "64 bits"),
    "a large integer in a table of a list": ("a = [{b = [-9223372036854775809]}]", "64 bits"),
    "the largest integer": (filter_text() + "[x]\ny = 9223372036854775807", "unknown"),
    "a float of 5,000 digits": (filter_text(rule("pkg:a", sampling="9" * 5_000 + ".0")), ""),
    "an infinite float": ("[meta]\nname = 1e999\nversion = inf", ""),
    "no number": ("[meta]\nversion = nan", ""),
    "a date that there is not": ("[meta]\nversion = 2026-02-30", "not valid TOML"),
    "a time beyond the day": ("[meta]\nversion = 24:00:61", "not valid TOML"),
    "an offset beyond the day": ("a = 2026-01-01T00:00:00+99:99", "not valid TOML"),
    "a year of no calendar": ("a = 0000-01-01", "not valid TOML"),
    "a zero byte": (filter_text(rule("pkg:a\0b")), "not valid TOML"),
    "a lone surrogate": (filter_text(rule("pkg:\ud800")), "not UTF-8"),
    "an escaped surrogate": (
        filter_text('[[scope.rules]]\nselector="\\ud800"\n'),
        "not valid TOML",
    ),
    "deep arrays": ("a = " + "[" * 100_000, "not valid TOML"),
    "deep tables": ("[" + "a." * 100_000 + "a]\n", None),
    "many unknown keys": (filter_text("".join(f"k{n} = 1\n" for n in range(20_000))), "unknown"),
    "a long word": (filter_text(rule("pkg:x", exec="t" * 100_000)), "not accepted"),
    "long words": (filter_text(rule("pkg:x", ("arg:words:" + "a+" * 50 + "a", "drop"))), "words"),
    "empty": ("", "missing"),
    "nothing but a mark": ("\ufeff", "missing"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_refused_or_read_soon(name):
    text, expected = TEXTS[name]
    found = loaded(filter_from_text(text, name))
    if name == "deep tables":
        assert found
    elif expected is None:
        assert found == []
    else:
        assert any(expected in problem.message for problem in found), found[:3]


def test_a_regex_on_the_edge_of_its_time_is_refused_or_limited():
    text = filter_text(rule("obj:regex:" + "a?" * 40 + "a" * 40 + "$"))
    assert all("50 ms" in problem.message for problem in loaded(filter_from_text(text)))


def write(path, data):
    path.write_bytes(data)
    return path


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path):
    [problem] = loaded(filter_from_path(write(tmp_path / "f", b"# ok\n# \xff\n")))
    assert (problem.line, problem.code) == (2, ErrorCode.INVALID_FILTER)


def test_a_file_over_the_limit_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "big"
    with open(path, "wb") as file:
        file.truncate(MAX_FILE_BYTES * 10_000)
    [problem] = loaded(filter_from_path(path))
    assert "larger than" in problem.message


def test_a_link_loop_is_unreadable(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    [problem] = loaded(filter_from_path(tmp_path / "a"))
    assert problem.code is ErrorCode.IO


def test_a_directory_is_unreadable(tmp_path):
    [problem] = loaded(filter_from_path(tmp_path))
    assert (problem.code, "regular file" in problem.message) == (ErrorCode.IO, True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no named pipes")
def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    [problem] = loaded(filter_from_path(tmp_path / "pipe"))
    assert problem.code is ErrorCode.IO


def test_a_file_without_permission_is_unreadable(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("codetracer_otel.filters.language.sources.os.stat", refuse)
    [problem] = loaded(filter_from_path(write(tmp_path / "f", b"")))
    assert (problem.code, problem.message) == (ErrorCode.IO, "cannot be read: Permission denied")


def test_thousands_of_problems_are_counted_beyond_the_first_thousand():
    text = filter_text("".join(f"k{n} = 1\n" for n in range(5_000)))
    found = loaded(filter_from_text(text, "x"))
    assert len(found) == 1001
    assert found[-1].message == "4000 more problems in this file"


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000])
def test_a_path_that_cannot_be_is_unreadable(path):
    [problem] = loaded(filter_from_path("/" + path))
    assert problem.code is ErrorCode.IO
