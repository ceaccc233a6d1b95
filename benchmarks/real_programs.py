"""What tracing all of a real program costs: `pip list`, a sphinx build, the test suite of click.

CPU time of the program's own thread; every round runs a program untraced, traced by name and traced
with values, in turn. "Warm" is a run within a session that has seen the program once; "first" is
that first one, with the decisions about all of its functions. Nothing here knows what the programs
call: a selector of the whole package traces them.

usage: python -m benchmarks.real_programs [--rounds N] [PROGRAM ...]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from benchmarks.measuring import Series
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CLICK = "click==8.1.8"
PAGES = 12
SOURCE = '''"""A module with a class and functions."""

class Shape{number}:
    """A shape with a size.

    Args:
        size: in mm.
    """

    def __init__(self, size: int = {number}) -> None:
        self.size = size

    def area(self, factor: float = 1.0) -> float:
        """Return the area, times ``factor``."""
        return self.size * self.size * factor
'''
PAGE = """Page {number}
=======

A :ref:`link <page-{other}>` and *some* text with ``code``.

.. _page-{number}:

Part
----

1. one
2. two

.. automodule:: shape_{number}
   :members:
"""


def pip_list(_folder: Path) -> Callable[[], None]:
    from pip._internal.cli.main import main

    return lambda: _check(main(["list", "--disable-pip-version-check"]))


def sphinx_build(folder: Path) -> Callable[[], None]:
    from sphinx.application import Sphinx

    sys.path.insert(0, str(folder))
    names = [f"page_{number}" for number in range(PAGES)]
    for number in range(PAGES):
        other = (number + 1) % PAGES
        (folder / f"shape_{number}.py").write_text(SOURCE.replace("{number}", str(number)))
        (folder / f"page_{number}.rst").write_text(PAGE.format(number=number, other=other))
    contents = "\n   ".join(names)
    (folder / "index.rst").write_text(f"Index\n=====\n\n.. toctree::\n\n   {contents}\n")

    def build() -> None:
        app = Sphinx(
            str(folder), None, str(folder / "out"), str(folder / "trees"), "html",
            confoverrides={"extensions": ["sphinx.ext.autodoc"]},
            status=io.StringIO(), warning=io.StringIO(), freshenv=True,
        )  # fmt: skip
        app.build(force_all=True)
        _check(app.statuscode)

    return build


def click_tests(folder: Path) -> Callable[[], None]:
    import pytest

    download = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:")
    command = [sys.executable, *download, "--dest", str(folder), CLICK]
    subprocess.run(command, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz")
    sys.path.insert(0, str(source / "src"))
    tests = [
        str(source / "tests" / f"test_{name}.py") for name in ("basic", "options", "formatting")
    ]
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore")

    def run() -> None:
        os.chdir(source)
        _check(pytest.main([*options, *tests]))

    return run


def _check(status: int) -> None:
    if status:
        raise SystemExit(f"the program failed: {status}")


# Each with what is traced.
PROGRAMS: Mapping[str, tuple[Callable[[Path], Callable[[], None]], tuple[str, ...]]] = {
    "pip list": (pip_list, ("pip",)),
    "sphinx build": (sphinx_build, ("sphinx", "docutils")),
    "click's tests": (click_tests, ("click",)),
}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def thread_time_ms(program: Callable[[], None]) -> float:
    # A build leaves tens of thousands of objects behind. Else one run in three, whichever it is,
    # pays a full collection of what all runs before it have left: up to half of its own time.
    gc.collect()
    with quiet():
        began = time.thread_time_ns()
        program()
        return (time.thread_time_ns() - began) / 1e6


def traced(toml: str, program: Callable[[], None]) -> tuple[float, float, dict[str, Any]]:
    """Return the time of the first run and of a warm one in ms, and the recorder's counters."""
    buffer = Buffer(records=2_000_000, bytes=8 << 30)  # nothing is dropped
    with configure(filter_from_text(toml), "none", set_global=False, buffer=buffer) as session:
        first = thread_time_ms(program)
        # Else the warm run is that of a program whose first one is being delivered beside it.
        if not session.flush(120):
            raise SystemExit("the first run was not delivered in two minutes")
        before = session.stats()["recorder"]
        warm = thread_time_ms(program)
        return first, warm, difference(session.stats()["recorder"], before)


def difference(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return what was counted between two readings of the counters."""
    return {
        name: difference(value, before.get(name, {}))
        if isinstance(value, dict)
        else value - before.get(name, 0)
        for name, value in after.items()
        if isinstance(value, dict | int)
    }


def filter_of(packages: tuple[str, ...], *, capture: bool) -> str:
    chosen = "" if capture else "capture = []\n"
    rules = [
        f"[[scope.rules]]\nselector = 'pkg:{name}.**'\nexec = 'trace'\n{chosen}"
        for name in packages
    ]
    return HEADER + "".join(rules)


def measure(name: str, rounds: int) -> Iterator[str]:
    build, packages = PROGRAMS[name]
    figures: dict[str, list[float]] = {}
    counters: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        with quiet():
            program = build(Path(folder))
        thread_time_ms(program)
        for _ in range(rounds):
            figures.setdefault("untraced", []).append(thread_time_ms(program))
            for kind, capture in (("names", False), ("values", True)):
                first, warm, counters = traced(filter_of(packages, capture=capture), program)
                figures.setdefault(f"{kind}, first", []).append(first)
                figures.setdefault(f"{kind}, warm", []).append(warm)
    series = {kind: Series(tuple(found)) for kind, found in figures.items()}
    yield f"| {name}: untraced | {series['untraced'].text(digits=1)} | |"
    for kind in ("names, warm", "values, warm", "names, first", "values, first"):
        ratio = series[kind].over(series["untraced"]).text("x", 2)
        yield f"| {name}: {kind} | {series[kind].text(digits=1)} | {ratio} |"
    yield f"| {name}: calls in a warm run | {described(counters)} | |"


def described(counters: dict[str, Any]) -> str:
    if "native_calls" not in counters:
        return "recorded in Python"
    begun = sum(counters["boxed"].values()) - counters["boxed"]["value"]
    begun -= counters["boxed"]["first sight"] + counters["boxed"]["while open"]
    left = begun + counters["boxed"]["while open"]
    calls = counters["native_calls"] + begun
    reasons = ", ".join(f"{reason} {count}" for reason, count in counters["boxed"].items() if count)
    return f"{calls:,}, {1 - left / calls:.1%} all in C; by reason: {reasons or 'none'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=7)
    parser.add_argument("programs", nargs="*", default=list(PROGRAMS))
    arguments = parser.parse_args()
    print(f"CPython {platform.python_version()}: CPU ms of the program's thread\n")
    print("| program | ms | of untraced |\n|---|---|---|")
    for name in arguments.programs:
        for line in measure(name, arguments.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
