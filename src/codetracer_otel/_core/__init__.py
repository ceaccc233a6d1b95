"""Loads the compiled core where there is one for this interpreter, or says why there is none."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel._core.sources import number_of_sources
from codetracer_otel.data_classes import NamedTuple

if TYPE_CHECKING:
    from types import CodeType

NOT_COMPILED: Final = (
    "it was not compiled for this interpreter: "
    "install a C compiler and Python's headers, then codetracer-otel again"
)
_NAME: Final = f"{__name__}.native"


class Loaded(NamedTuple):
    """The compiled core, or the reason for recording in Python.

    Attributes:
        module: the extension module; None without one.
        reason: why there is none, for people; empty with one.
        is_unusable: there is one, but not for this interpreter or package.
    """

    module: Any
    reason: str
    is_unusable: bool = False


def load() -> Loaded:
    """Import the compiled core and let it prove that it reads this interpreter's frames."""
    if sys.implementation.name != "cpython":
        return Loaded(None, f"{sys.implementation.name} is not CPython")
    try:
        native: Any = import_module(_NAME)
    except ImportError as problem:
        if isinstance(problem, ModuleNotFoundError):
            return Loaded(None, NOT_COMPILED)
        return Loaded(None, str(problem), is_unusable=True)
    defect = _problem_of(native)
    return Loaded(None if defect else native, defect, bool(defect))


def _problem_of(native: Any) -> str:
    wanted = sys.hexversion >> 16
    if wanted != native.PYTHON_VERSION:
        built = f"{native.PYTHON_VERSION >> 8}.{native.PYTHON_VERSION & 0xFF}"
        return f"it was compiled for CPython {built}: install again with this one"
    if number_of_sources(__path__[0]) not in (None, getattr(native, "SOURCES", None)):
        return "it was compiled from other sources than these: install again"
    if not _reads_frames(native, object(), object()):
        return "this build of CPython keeps its frames in another way"
    if not _reads_attributes(native, object(), object()):
        return "this build of CPython keeps attributes in another way"
    return ""


def _reads_frames(native: Any, first: object, second: object) -> bool:
    # The first two slots of a frame are the first two local variables, whatever their names.
    code: CodeType = _probe.__code__
    return bool(_probe(first, second, native.check_frame, code))


def _reads_attributes(native: Any, first: object, second: object) -> bool:
    # Names belong to the class, in the order in which its instances had them first.
    earlier, later = _Instance(), _Instance()
    earlier.first = earlier.second = None
    later.second, later.first = second, first
    with_a_gap = {"gone": None, "second": second, "first": first}
    del with_a_gap["gone"]
    return all(
        native.check_attributes(holder, "second", second, "first", first)
        for holder in (later, with_a_gap)
    )


class _Instance:
    first: object
    second: object


def _probe(first: object, second: object, check: Any, code: CodeType) -> object:
    return check(code, first, second)
