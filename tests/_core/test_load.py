"""A compiled module is used only with the interpreter and the sources that it was made for."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from codetracer_otel import _core
from codetracer_otel._core import NOT_COMPILED, load
from codetracer_otel._core.sources import number_of_sources

FOLDER = Path(_core.__file__).parent
NUMBER = number_of_sources(str(FOLDER))
VERSION = sys.hexversion >> 16


def yes(*_given):
    return True


WHOLE = {
    "PYTHON_VERSION": VERSION,
    "SOURCES": NUMBER,
    "check_frame": yes,
    "check_attributes": yes,
}


@pytest.fixture
def compiled(monkeypatch):
    """Let a test say what is compiled."""

    def replace(**parts):
        module = SimpleNamespace(**WHOLE | parts)
        monkeypatch.setattr(_core, "import_module", lambda _name: module)
        return module

    return replace


def test_a_module_of_these_sources_is_loaded(compiled):
    module = compiled()
    assert load() == (module, "", False)


@pytest.mark.parametrize("parts", [{"SOURCES": NUMBER ^ 1}, {"SOURCES": 0}])
def test_a_module_of_other_sources_is_not_used(compiled, parts):
    compiled(**parts)
    found = load()
    assert found.module is None
    assert found.reason == "it was compiled from other sources than these: install again"
    assert found.is_unusable


def test_a_module_that_names_no_sources_is_not_used(compiled):
    del compiled().SOURCES
    assert load().reason == "it was compiled from other sources than these: install again"


def test_an_installed_module_has_no_sources_beside_it(compiled, monkeypatch, tmp_path):
    module = compiled()
    monkeypatch.setattr(_core, "__path__", [str(tmp_path)])
    assert load().module is module


def test_a_module_for_another_interpreter_is_not_used(compiled):
    compiled(PYTHON_VERSION=0x030B)
    assert load() == (None, "it was compiled for CPython 3.11: install again with this one", True)


def test_a_module_that_misreads_frames_is_not_used(compiled):
    compiled(check_frame=lambda *_given: False)
    assert load() == (None, "this build of CPython keeps its frames in another way", True)


def test_a_module_that_misreads_attributes_is_not_used(compiled):
    compiled(check_attributes=lambda *_given: False)
    assert load() == (None, "this build of CPython keeps attributes in another way", True)


def test_a_module_that_does_not_load_says_why(monkeypatch):
    def fail(_name):
        raise ImportError("undefined symbol: strange")

    monkeypatch.setattr(_core, "import_module", fail)
    assert load() == (None, "undefined symbol: strange", True)


def test_a_missing_module_is_nothing_unusual(monkeypatch):
    def fail(_name):
        raise ModuleNotFoundError

    monkeypatch.setattr(_core, "import_module", fail)
    assert load() == (None, NOT_COMPILED, False)


def test_the_number_is_that_of_names_and_contents(tmp_path):
    def number(**files):
        for old in tmp_path.iterdir():
            old.unlink()
        for name, text in files.items():
            tmp_path.joinpath(name.replace("_", ".")).write_text(text)
        return number_of_sources(str(tmp_path))

    assert number() is None
    assert number(a_py="1") is None
    seen = [number(a_c="1"), number(b_c="1"), number(a_c="2"), number(a_c="1", a_h="")]
    assert len(set(seen)) == len(seen)
    assert number(a_c="1", a_py="") == seen[0]
    assert all(0 <= each <= 0x7FFFFFFF for each in seen)
