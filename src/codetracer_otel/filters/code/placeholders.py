"""Replaces ``@stdlib``, ``@site-packages`` and ``@self`` in the builtin filters."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.code.paths import normal_path
from codetracer_otel.own_code import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable

STDLIB: Final = "@stdlib"
SITE_PACKAGES: Final = "@site-packages"
SELF: Final = "@self"
PLACEHOLDERS: Final = (STDLIB, SITE_PACKAGES, SELF)


@dataclass(frozen=True, slots=True)
class Places:
    """A set of directories without some that lie inside them; paths in normal form.

    Attributes:
        inside: directories (with a trailing ``/``) and files that belong to the set.
        outside: those that do not, although they lie below one that does.
    """

    inside: tuple[str, ...]
    outside: tuple[str, ...] = ()

    def contain(self, path: str) -> bool:
        """Return whether a path in normal form belongs to the set."""
        return path.startswith(self.inside) and not path.startswith(self.outside)


def expand_placeholder(name: str, exempt: Iterable[str] = ()) -> Places:
    """Return the places a placeholder stands for on this interpreter.

    Args:
        name: one of `PLACEHOLDERS`.
        exempt: directories and files that never count as third-party code, such as the
            distribution that provides ``__main__``.
    """
    if name == SELF:
        return Places(_directories([os.path.dirname(FOLDER)]))
    third_party = _site_directories()
    if name == SITE_PACKAGES:
        return Places(third_party, _prefixes(exempt))
    return Places(_standard_library(), (*third_party, *_prefixes(exempt)))


def _standard_library() -> tuple[str, ...]:
    return _directories(interpreter_paths("stdlib", "platstdlib"))


def _site_directories() -> tuple[str, ...]:
    found = [*interpreter_paths("purelib", "platlib"), *site.getsitepackages()]
    found.append(site.getusersitepackages())
    return _directories(found)


def interpreter_paths(*names: str) -> list[str]:
    """Return paths of this interpreter, as `sysconfig` says.

    Its templates need a few of the variables for which it reads all that the interpreter was built
    with, 1.3 ms.
    """
    templates = sysconfig.get_paths(expand=False)
    version = sys.version_info
    variables = {
        "installed_base": sys.base_prefix,
        "installed_platbase": sys.base_exec_prefix,
        "base": sys.prefix,
        "platbase": sys.exec_prefix,
        "platlibdir": sys.platlibdir,
        "implementation_lower": sys.implementation.name.removeprefix("c"),
        "py_version_short": f"{version.major}.{version.minor}",
        "py_version_nodot": f"{version.major}{version.minor}",
        "abi_thread": "t" if "t" in getattr(sys, "abiflags", "") else "",
    }
    try:
        return [os.path.normpath(templates[name].format(**variables)) for name in names]
    except KeyError:  # a distributor's own scheme
        return [sysconfig.get_path(name) for name in names]


def _directories(paths: Iterable[str]) -> tuple[str, ...]:
    """Return directories in normal form, as they are written and as links resolve."""
    found = [form for path in paths for form in (path, os.path.realpath(path))]
    return tuple(dict.fromkeys(normal_path(path) + "/" for path in found))


def _prefixes(exempt: Iterable[str]) -> tuple[str, ...]:
    found = [form for path in exempt for form in (path, os.path.realpath(path))]
    return tuple(
        dict.fromkeys(normal_path(path) + ("/" if os.path.isdir(path) else "") for path in found)
    )
