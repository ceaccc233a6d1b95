"""Commands that packages have installed for this interpreter, such as ``pytest`` and ``flask``."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENOUGH: Final = 4096  # characters: an entry point's script has a few lines
_LOOKS_ITSELF_UP: Final = "console_scripts"  # in scripts of older setuptools


def find_command(name: str) -> str | None:
    """Return the path of the command of that name, None if no package has installed one."""
    if os.path.basename(name) != name or not _modules(name):
        return None
    paths = (os.path.join(folder, name) for folder in _folders())
    return next(filter(os.path.isfile, paths), None)


@lru_cache(maxsize=1)  # a session asks four times as it starts
def modules_of_command(script: str) -> list[str]:
    """Return the modules whose command ``script`` is, none if it is a script like any other."""
    folder, name = os.path.split(script)
    if name.endswith(".py") and folder != os.path.dirname(sys.executable or ""):
        return []  # to ask every installed distribution takes 50 ms and more
    modules = _modules(name)
    text = _beginning(script) if modules else ""
    return [module for module in modules if module in text or _LOOKS_ITSELF_UP in text]


def _beginning(script: str) -> str:
    """Return what installers write: lines that import the command, wherever it is put or linked."""
    try:
        with open(script, encoding="utf-8", errors="replace") as file:
            return file.read(_ENOUGH)
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _modules(name: str) -> list[str]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms

    return [command.module for command in entry_points(group="console_scripts", name=name)]


def _folders() -> Iterator[str]:
    """Yield where installers put commands: beside the interpreter, and where its schemes say."""
    from sysconfig import get_path, get_preferred_scheme  # noqa: PLC0415 - seldom needed

    yield os.path.dirname(sys.executable or "")
    yield get_path("scripts")
    yield get_path("scripts", get_preferred_scheme("user"))
