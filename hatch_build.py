"""Builds the compiled core where there is a C compiler; without one the package is pure Python.

``CODETRACER_OTEL_BUILD`` says how: ``auto`` (the default) compiles if it can, ``require`` fails
where it cannot, ``pure`` does not try.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "src/codetracer_otel"
MODULE = "codetracer_otel._core.native"
CHOICES = ("auto", "require", "pure")
# The interpreter is compiled in the same way: its structures are read through several types.
UNIX_FLAGS = ["-O2", "-fno-strict-aliasing", "-std=c11", "-D_GNU_SOURCE", "-fvisibility=hidden"]
# A call crosses a dozen files: seen together they take a tenth fewer instructions. The objects have
# machine code as well, for a linker that does not know what else is in them.
TOGETHER = ["-flto", "-ffat-lto-objects"]


class CoreBuildHook(BuildHookInterface[Any]):
    """Compiles the core for the interpreter that builds, and puts it into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say so in the wheel's tag; ``version`` is ``standard`` or ``editable``."""
        wish = os.environ.get("CODETRACER_OTEL_BUILD") or "auto"
        if wish not in CHOICES:
            expected = " or ".join(CHOICES)
            raise SystemExit(f"CODETRACER_OTEL_BUILD: unknown choice, got {wish!r}; {expected}")
        if self.target_name != "wheel" or wish == "pure":
            return
        try:
            built = compile_core(Path(self.root), in_place=version == "editable")
        except (Exception, SystemExit) as problem:
            if wish == "require":
                raise
            self.app.display_info(f"calls are recorded in Python, nothing was compiled: {problem}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version != "editable":
            build_data["force_include"][str(built)] = f"codetracer_otel/_core/{built.name}"


def compile_core(root: Path, *, in_place: bool) -> Path:
    """Compile the core and return the extension module's file.

    Args:
        root: the project's folder.
        in_place: put it beside its sources, where an editable installation looks for it.
    """
    from setuptools.errors import CompileError, LinkError  # noqa: PLC0415 - a pure build needs none

    if sys.platform == "win32":
        return compile_with([], root, in_place=in_place)
    try:
        return compile_with([*UNIX_FLAGS, *TOGETHER], root, in_place=in_place)
    except (CompileError, LinkError):
        return compile_with(UNIX_FLAGS, root, in_place=in_place)


def compile_with(flags: list[str], root: Path, *, in_place: bool) -> Path:
    """Compile the core with options of a compiler, which its linker gets as well."""
    from setuptools import Distribution, Extension  # noqa: PLC0415 - a pure build needs none

    sources = sorted(root.glob(f"{PACKAGE}/_core/*.c"))
    extension = Extension(
        MODULE,
        [str(source.relative_to(root)) for source in sources],
        depends=[str(header) for header in root.glob(f"{PACKAGE}/_core/*.h")],
        define_macros=[("CT_SOURCES", str(number_of_sources(root)))],
        extra_compile_args=flags,
        extra_link_args=flags,
    )
    settings = {"name": "codetracer-otel", "ext_modules": [extension], "package_dir": {"": "src"}}
    command: Any = Distribution(settings).get_command_obj("build_ext")
    scratch = root / "build" / f"core-{sys.implementation.cache_tag}"
    command.build_temp, command.build_lib = str(scratch), str(scratch)
    command.inplace = in_place
    command.force = True  # what an earlier build left would hide that there is no compiler
    folder = Path.cwd()
    os.chdir(root)
    try:
        command.ensure_finalized()
        command.run()
        return root / command.get_ext_fullpath(MODULE)
    finally:
        os.chdir(folder)


def number_of_sources(root: Path) -> int:
    """Return what the package compares when it loads the module."""
    folder = root / PACKAGE / "_core"
    found: int = runpy.run_path(str(folder / "sources.py"))["number_of_sources"](str(folder))
    return found
