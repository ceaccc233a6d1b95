"""The published CodeTracer recorder traces what we trace, for filters of its own schema."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.filters.chains import filter_text, rule

from codetracer_otel.filters import builtin_sources, compile_chain, filter_from_path, load_chain
from codetracer_otel.filters.code.module_names import path_name
from codetracer_otel.filters.code.source_code import code_objects, compile_file
from codetracer_otel.filters.types import CodeIdentity

pytest.importorskip("codetracer_python_recorder", reason="it has no wheels for this interpreter")

FILTERS = 16
MODULES = ("app/__init__.py", "app/a.py", "app/sub/__init__.py", "app/sub/b.py", "lib_x.py")
# Every name ends in the module's number: the recorder keeps one function for each name.
BODY = """\
class K0:
    def meth(self):
        return [each for each in self.gen()]
    def gen(self):
        yield 1
def f0(x):
    def inner():
        return x
    return inner()
def get_token0(x):
    return (lambda: x)()
def run0():
    return f0(1), get_token0(2), K0().meth()
"""
MAIN = """\
import app, app.a, app.sub, app.sub.b, lib_x
def start():
    for number, module in enumerate((app, app.a, app.sub, app.sub.b, lib_x)):
        getattr(module, f"run{number}")()
start()
"""
SELECTORS = (
    "pkg:app", "pkg:app.*", "pkg:app.sub.*", "pkg:glob:**", "pkg:{app,lib_x}", "pkg:lib_?",
    "pkg:literal:app.sub", "pkg:regex:^app", r"pkg:regex:\.b$", "pkg:regex:(?i)SUB",
    "file:app/a.py", "file:app/*.py", "file:app/**", "file:**/b.py", "file:literal:lib_x.py",
    "file:./app/sub/../a.py", "file:**/{a,b}.py", "file:[al]*", r"file:regex:sub/.*\.py$",
    "obj:app.a.f1", "obj:*.f?", "obj:*.K[0-9].*", "obj:*.<locals>.*", "obj:**.inner",
    "obj:literal:app.sub.b.K3.meth", r"obj:regex:\.get_", r"obj:regex:^lib_x\.",
    "obj:app.{a.K1,sub.b.K3}.meth", "pkg:__main__", "obj:__main__.start", "obj:app.[!a]*.f*",
    "obj:*.{run*,}", "pkg:x{}app", "pkg:{}app", "pkg:app{,.sub}", "obj:*.<module>", "pkg:a**",
)  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    root = tmp_path_factory.mktemp("oracle")
    for number, path in enumerate(MODULES):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(BODY.replace("0", str(number)))
    (root / "main.py").write_text(MAIN)
    return root


def recorded(root, name, text):
    """Return (file, line, name) of the functions that the recorder records."""
    path, out = root / f"{name}.toml", root / f"out_{name}"
    path.write_text(text)
    command = [sys.executable, "-m", "codetracer_python_recorder", "--format", "json"]
    command += ["--trace-dir", str(out), "--trace-filter", str(path), "--io-capture", "off"]
    done = subprocess.run(
        [*command, str(root / "main.py")],
        cwd=root,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = json.loads((out / "trace_paths.json").read_text())
    found = set()
    # Its own closing functions are recorded whatever the filter says.
    for event in json.loads((out / "trace.json").read_text()):
        function = event.get("Function")
        if function is not None and function["name"] != "<toplevel>":
            found.add((files[function["path_id"]], function["line"], function["name"]))
    # setuptools puts a hook of its own into every import of an environment.
    foreign = ("codetracer_python_recorder", "_distutils_hack")
    return {entry for entry in found if not any(name in entry[0] for name in foreign)}


def traced(root, name):
    """Return the same for our classifier, on the same filter file."""
    sources = [*builtin_sources(), filter_from_path(root / f"{name}.toml")]
    asked = compile_chain(load_chain(sources))
    found = set()
    for path in (*MODULES, "main.py"):
        file = str(root / path)
        known = path_name(file, [str(root)])
        names = ("__main__", "main") if path == "main.py" else (known,)
        for code in code_objects(compile_file(file)):
            if asked.classify(CodeIdentity(names, file, code.co_qualname)).traces:
                shown = f"<{names[0]}>" if code.co_qualname == "<module>" else code.co_qualname
                found.add((file, code.co_firstlineno, shown))
    return found


def generated(seed):
    source = random.Random(seed)
    rules = [
        rule(source.choice(SELECTORS), exec=source.choice(["trace", "skip", "skip", "inherit"]))
        for _ in range(source.randint(1, 5))
    ]
    return filter_text("".join(rules), version=1, execute=source.choice(["trace", "skip"]))


def test_generated_filters_select_the_same_functions(program):
    texts = {f"g{seed}": generated(seed) for seed in range(FILTERS)}
    for number, selector in enumerate(SELECTORS):
        texts[f"s{number}"] = filter_text(rule(selector, exec="trace"), version=1, execute="skip")
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(lambda name: recorded(program, name, texts[name]), texts))
    for name, expected in zip(texts, theirs, strict=True):
        assert traced(program, name) == expected, texts[name]


# ------------------------------------------------- where filters.md says that we differ


def differs(program, name, selector):
    text = filter_text(rule(selector, exec="trace"), version=1, execute="skip")
    return recorded(program, name, text), traced(program, name)


def test_only_we_find_a_script_by_its_path_name_too(program):
    theirs, ours = differs(program, "d_main", "obj:main.start")
    assert (theirs, {name for *_, name in ours}) == (set(), {"start"})


def test_globs_are_on_characters_here_and_on_bytes_there(program):
    (program / "l\u00e9b.py").write_text("def run(): pass\n")
    main = (program / "main.py").read_text()
    (program / "main.py").write_text("import l\u00e9b\nl\u00e9b.run()\n" + main)
    try:
        theirs = recorded(
            program,
            "d_glob",
            filter_text(rule("obj:l?b.run", exec="trace"), version=1, execute="skip"),
        )
    finally:
        (program / "main.py").write_text(main)
    asked = compile_chain(load_chain([filter_from_path(program / "d_glob.toml")]))
    identity = CodeIdentity(("l\u00e9b",), str(program / "l\u00e9b.py"), "run")
    assert (theirs, asked.classify(identity).traces) == (set(), True)


def test_installed_packages_are_skipped_here_unless_a_rule_names_them(program):
    site = "import pluggy\npluggy.HookspecMarker('x')\n"
    main = (program / "main.py").read_text()
    (program / "main.py").write_text(site)
    text = filter_text(version=1)
    try:
        theirs = recorded(program, "d_site", text.replace('"trace"', '"inherit"'))
    finally:
        (program / "main.py").write_text(main)
    import pluggy

    asked = compile_chain(
        load_chain([*builtin_sources(), filter_from_path(program / "d_site.toml")])
    )
    identity = CodeIdentity(("pluggy._hooks",), pluggy.__file__, "HookspecMarker.__init__")
    assert asked.classify(identity).traces is False
    assert any("pluggy" in file for file, *_ in theirs)
