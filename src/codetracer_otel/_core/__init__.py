"""Loads the compiled core where there is one for this interpreter, or says why there is none."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from types import CodeType

_NAME: Final = f"{__name__}.native"


class Loaded(NamedTuple):
    """The compiled core, or the reason for recording in Python.

    Attributes:
        module: the extension module; None without one.
        reason: why there is none, for people; empty with one.
    """

    module: Any
    reason: str


def load() -> Loaded:
    """Import the compiled core and let it prove that it reads this interpreter's frames."""
    if sys.implementation.name != "cpython":
        return Loaded(None, f"{sys.implementation.name} is not CPython")
    try:
        native: Any = import_module(_NAME)
    except ImportError as problem:
        is_missing = isinstance(problem, ModuleNotFoundError)
        return Loaded(None, "it was not compiled" if is_missing else str(problem))
    wanted = sys.hexversion >> 16
    if wanted != native.PYTHON_VERSION:
        built = native.PYTHON_VERSION
        return Loaded(None, f"it was compiled for CPython {built >> 8}.{built & 0xFF}")
    if not _reads_frames(native, object(), object()):
        return Loaded(None, "this build of CPython keeps its frames in another way")
    return Loaded(native, "")


def _reads_frames(native: Any, first: object, second: object) -> bool:
    # The first two slots of a frame are the first two local variables, whatever their names.
    code: CodeType = _probe.__code__
    return bool(_probe(first, second, native.check_frame, code))


def _probe(first: object, second: object, check: Any, code: CodeType) -> object:
    return check(code, first, second)
