"""Run tests against a core that is compiled with the address and undefined behaviour sanitizers.

usage: python -m tools.sanitize [PATH ...]     from the project's folder; gcc on Linux
       python -m tools.sanitize --build        print the folder of the copy, for another program

The package is copied, and the instrumented module is in the copy only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from codetracer_otel._core.sources import number_of_sources

PROJECT = Path(__file__).parent.parent
TESTS = ("tests/_core", "tests/instrumentation")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
FLAGS = ("-shared", "-fPIC", "-g", "-O1", "-fno-omit-frame-pointer", "-fno-strict-aliasing")
LANGUAGE = ("-std=c11", "-D_GNU_SOURCE")
WARNINGS = ("-Wall", "-Wextra")
# The interpreter keeps objects until its end on purpose; what the core keeps is seen by leak tests.
ADDRESS = "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1"


def main() -> int:
    """Return what the tests return; a report of a sanitizer ends them."""
    source = copy_package(PROJECT / "build" / f"sanitize-{sys.implementation.cache_tag}")
    compile_core(source / "codetracer_otel" / "_core")
    command = [sys.executable, "-m", "pytest", "-q", "--capture=sys"]
    inherited = os.environ  # noqa: TID251 - handed on to the tests
    environment = {**inherited, **settings(), "PYTHONPATH": str(source)}
    check_loaded(environment, source)
    if sys.argv[1:] == ["--build"]:
        print(source)
        return 0
    tests = sys.argv[1:] or TESTS
    return subprocess.run([*command, *tests], cwd=PROJECT, env=environment, check=False).returncode


def copy_package(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    without = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(PROJECT / "src", place, ignore=without)
    return place


def compile_core(folder: Path) -> None:
    module = folder / f"native{sysconfig.get_config_var('EXT_SUFFIX')}"
    sources = sorted(folder.glob("*.c"))
    include = f"-isystem{sysconfig.get_path('include')}"
    number = f"-DCT_SOURCES={number_of_sources(str(folder))}"
    flags = (number, *FLAGS, *LANGUAGE, *WARNINGS, *SANITIZERS)
    subprocess.run(["gcc", *flags, include, *sources, "-o", module], check=True)


def settings() -> dict[str, str]:
    """Return the variables under which an ordinary interpreter loads the module."""
    # The sanitizer has to find the C++ library at its start, or it aborts at greenlet's exceptions.
    libraries = [library(name) for name in ("libasan.so", "libstdc++.so.6")]
    return {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": ADDRESS,
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",  # else objects lie in arenas, where no overflow is seen
        "CODETRACER_OTEL_CORE": "c",
    }


def library(name: str) -> str:
    ask = ["gcc", f"-print-file-name={name}"]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()


def check_loaded(environment: dict[str, str], source: Path) -> None:
    """Fail when the tests would run against another module."""
    program = "from codetracer_otel._core import load; print(load().module.__file__)"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if not told.stdout.startswith(str(source)):
        raise SystemExit(f"the instrumented core was not loaded: {told.stdout}{told.stderr}")


if __name__ == "__main__":
    sys.exit(main())
