"""The build compiles the core where it can, and puts nothing else that is compiled into a wheel."""

from __future__ import annotations

import runpy
import shlex
import shutil
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
MODULE = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "native"};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }
int sources = CT_SOURCES;
"""
BUILT = Path("native.so")
COMPILER = shlex.split(sysconfig.get_config_var("CC") or "cc")[0]
needs_compiler = pytest.mark.skipif(
    shutil.which(COMPILER) is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="no C compiler or no Python.h",
)


class Told:
    """What a build says."""

    def __init__(self):
        self.infos, self.others = [], []

    def display_info(self, message):
        self.infos.append(message)

    def __getattr__(self, name):
        return self.others.append


@pytest.fixture
def build():
    return runpy.run_path(str(PROJECT / "hatch_build.py"))


@pytest.fixture
def core(build, tmp_path):
    """Return a folder with sources to compile."""
    core = tmp_path / build["PACKAGE"] / "_core"
    core.mkdir(parents=True)
    shutil.copy(PROJECT / build["PACKAGE"] / "_core" / "sources.py", core)
    core.joinpath("module.c").write_text(MODULE)
    return core


@pytest.fixture
def initialize(build, monkeypatch, tmp_path):
    """Let the hook run for a target, with a compiler that works or fails."""

    def run(wish, compile_core, target="wheel", version="standard"):
        monkeypatch.setenv("CODETRACER_OTEL_BUILD", wish)
        told, data = Told(), {"force_include": {}, "pure_python": True, "infer_tag": False}
        hook_class = build["CoreBuildHook"]
        monkeypatch.setitem(hook_class.initialize.__globals__, "compile_core", compile_core)
        hook = hook_class(str(tmp_path), {}, None, None, str(tmp_path), target, told)
        hook.initialize(version, data)
        return data, told

    return run


def works(_root, *, in_place):
    return BUILT


def fails(_root, *, in_place):
    raise OSError("no compiler")


def never(_root, *, in_place):
    raise AssertionError


@pytest.mark.parametrize("wish", ["", "auto", "require"])
def test_what_was_compiled_and_nothing_else_goes_into_a_tagged_wheel(initialize, wish):
    data, told = initialize(wish, works)
    included = {str(BUILT): "codetracer_otel/_core/native.so"}
    assert data == {"force_include": included, "pure_python": False, "infer_tag": True}
    assert (told.infos, told.others) == ([], [])


def test_an_editable_installation_finds_the_module_in_its_place(initialize):
    data, _ = initialize("auto", works, version="editable")
    assert data == {"force_include": {}, "pure_python": False, "infer_tag": True}


def test_without_a_compiler_the_wheel_is_for_every_interpreter_and_nothing_alarms(initialize):
    data, told = initialize("auto", fails)
    assert data == {"force_include": {}, "pure_python": True, "infer_tag": False}
    assert told.infos == ["calls are recorded in Python, nothing was compiled: no compiler"]
    assert told.others == []


def test_a_required_core_that_cannot_be_compiled_ends_the_build(initialize):
    with pytest.raises(OSError, match="no compiler"):
        initialize("require", fails)


def test_a_pure_wheel_needs_no_compiler(initialize):
    assert initialize("pure", never)[0]["pure_python"]


def test_a_source_distribution_compiles_nothing(initialize):
    assert initialize("require", never, target="sdist")[0]["force_include"] == {}


def test_an_unknown_choice_is_named(initialize):
    with pytest.raises(SystemExit, match="got 'yes'; auto or require or pure"):
        initialize("yes", never)


def test_no_compiled_file_of_the_source_folder_is_packed(build):
    from hatchling.builders.wheel import WheelBuilder

    places = [place.name for place in (PROJECT / build["PACKAGE"] / "_core").glob("*.so")]
    packed = {
        Path(file.distribution_path) for file in WheelBuilder(str(PROJECT)).recurse_included_files()
    }
    assert Path("codetracer_otel/_core/__init__.py") in packed
    assert {path.suffix for path in packed} & {".so", ".pyd", ".c", ".h"} == set(), places


@needs_compiler
def test_a_module_that_is_up_to_date_does_not_hide_that_there_is_no_compiler(
    build, core, monkeypatch, tmp_path
):
    for in_place in (True, False):
        built = build["compile_core"](tmp_path, in_place=in_place)
        assert built.exists()
        assert built.is_relative_to(core) is in_place
    for variable in ("CC", "LDSHARED"):
        monkeypatch.setenv(variable, str(tmp_path / "no-compiler"))
    for in_place in (True, False):
        with pytest.raises(BaseException, match="no-compiler"):
            build["compile_core"](tmp_path, in_place=in_place)


@needs_compiler
@pytest.mark.usefixtures("core")
def test_a_compiler_that_cannot_see_all_files_together_compiles_them_one_by_one(
    build, monkeypatch, tmp_path
):
    older = tmp_path / "older-compiler"
    older.write_text('#!/bin/sh\ncase "$*" in *-flto*) exit 1;; esac\nexec cc "$@"\n')
    older.chmod(0o700)
    monkeypatch.setenv("CC", str(older))
    monkeypatch.setenv("LDSHARED", f"{older} -shared")
    assert build["compile_core"](tmp_path, in_place=False).exists()
