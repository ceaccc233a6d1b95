"""The two recorders, for tools that compare what programs do under each."""

from __future__ import annotations

import os
import subprocess

CORES = ("c", "python")
VARIABLE = "CODETRACER_OTEL_CORE"


def environment(core: str) -> dict[str, str]:
    """Return the variables of this process with those that choose a recorder."""
    return {**os.environ, VARIABLE: core}  # noqa: TID251 - handed on to a program


def cores_of(python: str) -> tuple[str, ...]:
    """Return the recorders that an interpreter has: the compiled one may be missing."""
    return tuple(core for core in CORES if core_in_use(python, core) == core)


def core_in_use(python: str, asked: str | None = None) -> str:
    """Return which recorder an interpreter uses, asked for one or by this process's variables."""
    command = [python, "-m", "codetracer_otel", "--version"]
    variables = None if asked is None else environment(asked)
    said = subprocess.check_output(command, env=variables, text=True)
    return said.partition("core: ")[2].split()[0]
