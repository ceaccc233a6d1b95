from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from codetracer_otel.filters.code.module_names import REFRESH_INTERVAL_NS, ModuleNames, path_name


class Clock:
    def __init__(self):
        self.now = 0

    def monotonic_ns(self):
        return self.now

    def wall_ns(self):
        return self.now


class CountedModules(dict):
    """A mapping that counts how often it is read as a whole."""

    reads = 0

    def items(self):
        self.reads += 1
        return super().items()


def module(name, file, *, spec=False):
    made = ModuleType(name)
    if spec:
        made.__spec__ = ModuleSpec(name, None, origin=file)
    else:
        made.__file__ = file
    return made


def names_of(modules, roots=(), told=None):
    def notify(event, level="info", **facts):
        told.append((event, level, facts))

    return ModuleNames(roots, modules, Clock(), None if told is None else notify)


def test_the_names_come_from_frame_index_and_path_in_this_order():
    names = names_of({"known": module("known", "/p/pkg/mod.py")}, ["/p"])
    assert names.names_for("hint", "/p/pkg/mod.py") == ("hint", "known", "pkg.mod")


def test_equal_names_are_given_once():
    names = names_of({"pkg.mod": module("pkg.mod", "/p/pkg/mod.py", spec=True)}, ["/p"])
    assert names.names_for("pkg.mod", "/p/pkg/mod.py") == ("pkg.mod",)


@pytest.mark.parametrize("hint", [None, 3, "", b"x", ["x"]])
def test_a_hint_that_is_no_name_is_ignored(hint):
    assert names_of({}, ["/p"]).names_for(hint, "/p/my-plugin.py") == ("my-plugin",)


def test_a_str_subclass_is_not_trusted_as_a_hint():
    class Odd(str):
        __slots__ = ()

        def __hash__(self):
            raise AssertionError

    assert names_of({}, ["/p"]).names_for(Odd("x"), "/p/m.py") == ("m",)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/p/pkg/mod.py", "pkg.mod"),
        ("/p/pkg/__init__.py", "pkg"),
        ("/p/mod.py", "mod"),
        ("/p/__init__.py", None),
        ("/p/bin/tool", "bin.tool"),
        ("/p/pkg/mod.pyw", "pkg.mod"),
    ],
)
def test_below_a_project_root_the_path_is_the_name(path, name):
    assert path_name(path, ["/p"]) == name


def test_elsewhere_the_packages_around_the_file_are_its_name(tmp_path):
    inner = tmp_path / "out" / "pkg" / "sub"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").write_text("")
    assert path_name(str(inner / "mod.py"), ["/elsewhere"]) == "pkg.sub.mod"
    assert path_name(str(inner / "__init__.py"), []) == "pkg.sub"
    assert path_name(str(tmp_path / "out" / "script.py"), []) == "script"


@pytest.mark.parametrize(
    "file", ["/p/__pycache__/mod.cpython-312.pyc", "/p/mod.pyc", "/p/../p/mod.py", "/p/mod.py"]
)
def test_a_compiled_file_counts_as_its_source(file):
    names = names_of({"known": module("known", file)})
    assert names.names_for(None, "/p/mod.py")[0] == "known"


def test_main_gives_way_to_the_module_it_is_known_by():
    main = module("__main__", "/p/pkg/tool.py")
    modules = {"__main__": main, "pkg.tool": module("pkg.tool", "/p/pkg/tool.py")}
    assert names_of(modules).names_for("__main__", "/p/pkg/tool.py")[:2] == ("__main__", "pkg.tool")


def test_of_several_names_the_one_of_the_spec_is_taken():
    own = module("own", "/p/m.py", spec=True)
    assert names_of({"alias": own, "own": own}).names_for(None, "/p/m.py")[0] == "own"


def test_many_code_objects_of_one_file_consult_the_index_once():
    modules = CountedModules({"known": module("known", "/p/m.py")})
    names = names_of(modules)
    for _ in range(100):
        names.names_for(None, "/p/m.py")
    assert (modules.reads, names.stats()["index_lookups"]) == (1, 1)


def test_a_miss_is_remembered_until_something_is_imported():
    modules = CountedModules()
    names = names_of(modules, ["/p"])
    for _ in range(100):
        names.names_for(None, "/p/m.py")
    assert modules.reads == 1
    modules["new"] = module("new", "/p/m.py")
    assert names.names_for(None, "/p/m.py") == ("new", "m")


def test_after_a_miss_the_index_is_read_again_once_per_interval():
    modules = CountedModules({"x": module("x", "/p/x.py")})
    clock = Clock()
    names = ModuleNames(["/p"], modules, clock)
    names.names_for(None, "/p/m.py")
    modules["x"] = module("x", "/p/m.py")
    clock.now = REFRESH_INTERVAL_NS - 1
    names.names_for(None, "/p/m.py")
    names.names_for(None, "/p/other.py")
    assert modules.reads == 1
    clock.now = REFRESH_INTERVAL_NS
    assert names.names_for(None, "/p/m.py") == ("x", "m")
    assert modules.reads == 2


def test_a_temporary_module_with_a_made_up_file_is_found():
    temporary = module("temporary_module", "/made/up/file.py")
    names = names_of(sys.modules)
    names.names_for(None, "/made/up/other.py")
    sys.modules["temporary_module"] = temporary
    try:
        assert names.names_for(None, "/made/up/file.py")[0] == "temporary_module"
    finally:
        del sys.modules["temporary_module"]


def test_a_lazily_loaded_module_stays_unloaded(tmp_path, monkeypatch):
    (tmp_path / "lazy_one.py").write_text("raise AssertionError('loaded')\n")
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.util.find_spec("lazy_one")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lazy_one", lazy)
    spec.loader.exec_module(lazy)
    names = names_of(sys.modules)
    assert names.names_for(None, str(tmp_path / "lazy_one.py")) == ("lazy_one",)
    assert "Lazy" in type(lazy).__name__


class Hostile(ModuleType):
    @property
    def __dict__(self):
        raise AssertionError("user code ran")

    def __getattribute__(self, name):
        raise AssertionError("user code ran")


class NoDict:
    __slots__ = ("__file__",)


@pytest.mark.parametrize(
    "make", [lambda: Hostile("h"), NoDict, lambda: None, int, str, object, dict]
)
def test_odd_things_among_the_modules_do_no_harm(make):
    modules = {"odd": make(), "known": module("known", "/p/m.py"), "none": module("none", None)}
    assert names_of(modules).names_for(None, "/p/m.py")[0] == "known"


def test_builtin_and_frozen_modules_have_no_file():
    assert names_of(sys.modules).names_for("sys", "<frozen importlib._bootstrap>") == ("sys",)


def test_a_failed_derivation_is_told_once_and_counted():
    told = []
    names = names_of({}, told=told)
    assert [names.names_for(None, file) for file in ("<string>", "<other>")] == [(), ()]
    assert told == [("module_name_unknown", "debug", {"file": "<string>"})]
    assert names.stats()["module_name_failures"] == 2


def test_endless_generated_files_do_not_fill_the_memory():
    names = names_of({}, ["/p"])
    for number in range(20_000):
        names.names_for(None, f"/p/{number}.py")
    assert len(names._by_path) <= 16_384
    assert len(names._index._missed) <= 16_384


def code_called(file):
    return compile("0", file, "exec")


def identified(file, hint=None, modules=None):
    return names_of(modules or {}).identify(code_called(file), hint)


@pytest.mark.parametrize("name", ["http1_response_header", "", "memory:0x7f", "made/up.py", "..."])
def test_a_name_under_which_a_program_compiled_a_text_is_no_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    modules = {"tool": module("tool", "/site-packages/tool/http1.py")}
    assert identified(name, "tool", modules).file == f"<{name}>"
    assert identified(name).file == f"<{name}>"


def test_a_name_of_a_file_that_is_there_is_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").write_text("")
    assert identified("rules").file == str(tmp_path / "rules")
    assert identified("/no/such/file").file == "/no/such/file"
    assert identified("<string>").file == "<string>"


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("shop.py", "/app/shop.pyc"),
        ("src/shop.py", "/app/src/shop.pyc"),
        ("app.zip/shop.py", "app.zip/shop.py"),
        ("shop.py", "/left/since/shop.py"),
    ],
)
def test_a_name_at_the_end_of_where_its_module_comes_from_is_a_path(
    name, origin, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    modules = {"shop": module("shop", origin)}
    assert identified(name, "shop", modules).file == str(tmp_path / name)
    assert identified("op.py", "shop", modules).file == "<op.py>"


def test_code_is_known_by_what_its_module_calls_itself_and_by_its_own_name():
    identity = identified("generated", "tool.views")
    assert (identity.module_names, identity.qualname) == (("tool.views",), "<module>")


def test_a_module_that_was_run_by_a_bare_name_comes_from_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    modules = {"app": module("app", "app.py")}
    assert identified("app.py", "app", modules).file == str(tmp_path / "app.py")
    assert identified("pp.py", "app", modules).file == "<pp.py>"
    assert identified("render", "app", {"app": module("app", ["render"])}).file == "<render>"


def function_called(file):
    return next(c for c in compile("def f(): 0", file, "exec").co_consts if hasattr(c, "co_name"))


def test_functions_are_of_the_file_that_their_body_was_when_it_ran(tmp_path, monkeypatch):
    names = names_of({})
    for folder in (tmp_path / "one", tmp_path / "two", tmp_path / "three"):
        folder.mkdir()
        if folder.name != "three":
            (folder / "app.py").write_text("")
    monkeypatch.chdir(tmp_path / "one")
    names.identify(code_called("app.py"), "<run_path>")
    monkeypatch.chdir(tmp_path / "two")
    first = str(tmp_path / "one" / "app.py")
    assert names.identify(function_called("app.py"), "<run_path>").file == first
    assert names.identify(function_called("app.py"), "other").file == str(tmp_path / "two/app.py")
    names.identify(code_called("app.py"), "<run_path>")
    monkeypatch.chdir(tmp_path / "three")
    second = str(tmp_path / "two" / "app.py")
    assert names.identify(function_called("app.py"), "<run_path>").file == second
    assert names.identify(function_called("app.py"), "third").file == "<app.py>"


def test_endless_relative_files_do_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("")
    names = names_of({})
    for number in range(20_000):
        names.identify(code_called("app.py"), f"m{number}")
    assert len(names._by_relative) <= 16_384
