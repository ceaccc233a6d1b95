"""Says what around the command line stops it, where a defect of ours would be blamed otherwise."""

from __future__ import annotations

import errno
import os
import re
import sys
from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMITS: Final = {
    errno.EMFILE: "allow this process more open files (ulimit -n)",
    errno.ENFILE: "close files, or allow the system more of them",
    errno.ENOMEM: "give this process more memory",
    errno.ENOSPC: "make room on the device",
}
_OF_MODULES: Final = (ImportError, AttributeError)
_PACKAGES: Final = {"tomli": "tomli", "opentelemetry": "opentelemetry-api"}


def complaint_about(error: BaseException, *, is_ours_alone: bool) -> str:
    """Return a line about an error that is no defect of ours, or an empty text.

    Args:
        error: what no code of ours expected.
        is_ours_alone: no module of a program has been loaded.
    """
    if isinstance(error, MemoryError):
        return f"{ErrorCode.IO} out of memory; {_LIMITS[errno.ENOMEM]}"
    if isinstance(error, OSError) and error.errno in _LIMITS:
        name = f": {error.filename!r}" if error.filename else ""
        return f"{ErrorCode.IO} {error.strerror}{name}; {_LIMITS[error.errno]}"
    hidden = hidden_modules() if is_ours_alone and isinstance(error, _OF_MODULES) else ()
    name, file = next((it for it in hidden if _is_missed_in(it[0], error)), ("", ""))
    if not name:
        return ""
    return (
        f"{ErrorCode.IO} the module {name!r}, which this command needs, is hidden by {file!r}; "
        "rename that file, or take its folder out of PYTHONPATH"
    )


def _is_missed_in(name: str, error: BaseException) -> bool:
    """Return whether an error says that a module, or one below it, lacks something.

    A stand-in may be as good as what it stands for: whatever else fails is a defect of ours.
    """
    before = "module '" if isinstance(error, AttributeError) else "'"
    return re.search(rf"{before}{re.escape(name)}['.]", str(error)) is not None


def hidden_modules() -> Iterator[tuple[str, str]]:
    """Yield name and file of each loaded module that another one of its name stands before.

    Of the standard library, which lies together, and of the packages that we need.
    """
    library = os.path.dirname(os.path.realpath(os.__file__))
    version = "python{}.{}".format(*sys.version_info)
    compiled = (os.path.join(sys.platlibdir, version), "DLLs")
    places = [
        library,
        *(os.path.realpath(os.path.join(sys.base_exec_prefix, place)) for place in compiled),
    ]
    for name in sorted(sys.stdlib_module_names & sys.modules.keys()):
        if (file := _file_of(name)) and not _lies_below(file, places):
            yield name, file
    try:
        from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - failures only
    except ImportError:  # the library itself cannot be read any more
        return
    for name, package in _PACKAGES.items():
        try:
            place = os.path.realpath(str(distribution(package).locate_file("")))
        except PackageNotFoundError:
            continue
        if (file := _file_of(name)) and not _lies_below(file, [place]):
            yield name, file


def _file_of(name: str) -> str:
    file = getattr(sys.modules.get(name), "__file__", None)
    return os.path.realpath(file) if isinstance(file, str) else ""


def _lies_below(file: str, places: list[str]) -> bool:
    return any(file.startswith(place + os.sep) for place in places)
