"""Paths as text: project roots, and the relative form that ``file`` selectors compare with."""

from __future__ import annotations

import ntpath
import os
import posixpath
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Paths
from codetracer_otel.filters.patterns.pattern_error import PatternError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

MARKER: Final = ".codetracer"
FILTER_FILE: Final = "trace-filter.toml"
# Tests of asynchronous programs replace them in ``os.path`` by what raises in an event loop.
_ABSOLUTE: Final = {module: module.abspath for module in (posixpath, ntpath)} | {
    os.path: Paths.abspath
}


def is_synthetic(file: str) -> bool:
    """Return whether ``file`` names no file, such as ``<string>`` or ``<frozen os>``."""
    return file.startswith("<") and file.endswith(">")


def normal_path(path: str, flavour: ModuleType = os.path) -> str:
    """Return ``path`` absolute, with ``/`` separators, case-folded where the system does so."""
    if flavour is posixpath and path[:1] == "/" and _is_normal(path):
        return path  # code objects ask often, and nearly all paths are normal already
    return _slashed(absolute_path(path, flavour), flavour)


def _is_normal(path: str) -> bool:
    if "//" in path:
        return False
    if "/." not in path:
        return True
    return not ("/./" in path or "/../" in path or path.endswith(("/.", "/..")))


def absolute_path(path: str, flavour: ModuleType = os.path) -> str:
    """Return ``path`` absolute; below the root where the working directory is gone."""
    absolute: str
    try:
        absolute = _ABSOLUTE[flavour](path)
    except OSError:
        absolute = flavour.normpath(flavour.join(flavour.sep, path))
    return absolute


def _slashed(path: str, flavour: ModuleType) -> str:
    return path.replace("\\", "/").lower() if flavour is ntpath else path


def project_root(filter_file: str, flavour: ModuleType = os.path) -> str:
    """Return the project root of a filter file, in normal form.

    It is the parent of the nearest directory named ``.codetracer`` above the file, else the
    file's own directory.
    """
    directory = flavour.dirname(flavour.abspath(filter_file))
    above = directory
    while True:
        parent, name = flavour.split(above)
        if name == MARKER:
            return normal_path(parent, flavour)
        if parent == above:
            return normal_path(directory, flavour)
        above = parent


def is_below(path: str, directory: str) -> bool:
    """Return whether ``path`` is ``directory`` or something in it; both in normal form."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def relative_path(path: str, roots: Iterable[str]) -> str:
    """Return ``path`` relative to the root that leaves least of it.

    Args:
        path: in normal form.
        roots: project roots in normal form.

    Returns:
        The rest of the path; without a fitting root the path without its leading ``/``.
    """
    best = path.lstrip("/")
    for root in roots:
        prefix = root.rstrip("/") + "/"
        if path.startswith(prefix) and len(path) - len(prefix) < len(best):
            best = path[len(prefix) :]
    return best


def is_absolute(pattern: str, flavour: ModuleType = os.path) -> bool:
    """Return whether a ``file`` literal or glob begins at a root of the file system."""
    text = _slashed(pattern, flavour)
    return text.startswith("/") or bool(flavour.splitdrive(text)[0])


def normal_pattern(pattern: str, root: str | None, flavour: ModuleType = os.path) -> str:
    """Return a ``file`` literal or glob relative to ``root``, without ``.`` and ``..``.

    Raises:
        PatternError: it points outside the project root.
    """
    text = _slashed(pattern, flavour)
    if is_absolute(text, flavour):
        text = _below_root(text, root, pattern)
    return "/".join(_resolve(text.split("/"), pattern))


def _below_root(text: str, root: str | None, pattern: str) -> str:
    if root is None:
        return text.lstrip("/")
    absolute = "/" * text.startswith("/") + "/".join(_resolve(text.lstrip("/").split("/"), pattern))
    if not is_below(absolute, root):
        raise PatternError(
            f"the path {pattern!r} is outside the project root {root!r}; "
            "use a path relative to the root, or a regex"
        )
    return absolute[len(root.rstrip("/")) :].lstrip("/")


def _resolve(parts: Sequence[str], pattern: str) -> list[str]:
    resolved: list[str] = []
    for part in parts:
        if part == "..":
            if not resolved:
                raise PatternError(
                    f"the path {pattern!r} leads out of the project root; "
                    "use a path inside it, or a regex"
                )
            resolved.pop()
        elif part not in ("", "."):
            resolved.append(part)
    if not resolved:
        raise PatternError(f"the path {pattern!r} names no file; name one below the project root")
    return resolved


def discover(start_directory: str | os.PathLike[str]) -> str | None:
    """Return the nearest ``.codetracer/trace-filter.toml`` at or above a directory, or None."""
    directory = os.path.abspath(start_directory)
    while True:
        candidate = os.path.join(directory, MARKER, FILTER_FILE)
        if os.path.lexists(candidate):
            return candidate
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
