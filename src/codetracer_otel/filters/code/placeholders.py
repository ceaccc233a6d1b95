"""Replaces ``@stdlib``, ``@site-packages`` and ``@self`` in the builtin filters."""

from __future__ import annotations

import os
import site
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
    paths = sysconfig.get_paths()
    return _directories(paths[key] for key in ("stdlib", "platstdlib"))


def _site_directories() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = [paths["purelib"], paths["platlib"], *site.getsitepackages()]
    found.append(site.getusersitepackages())
    return _directories(found)


def _directories(paths: Iterable[str]) -> tuple[str, ...]:
    """Return directories in normal form, as they are written and as links resolve."""
    found = [form for path in paths for form in (path, os.path.realpath(path))]
    return tuple(dict.fromkeys(normal_path(path) + "/" for path in found))


def _prefixes(exempt: Iterable[str]) -> tuple[str, ...]:
    found = [form for path in exempt for form in (path, os.path.realpath(path))]
    return tuple(
        dict.fromkeys(normal_path(path) + ("/" if os.path.isdir(path) else "") for path in found)
    )
