"""Regular expressions that are compiled as they are first used: most programs need few of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

_METHODS: Final = ("search", "match", "fullmatch", "sub", "finditer", "findall", "split")


class _LazyPattern:
    """A pattern whose methods are there once one was asked for; then they cost what others cost.

    Only for what runs where texts are judged. Compiling takes some levels of recursion, which a
    callback on the program's thread may not have.
    """

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._arguments = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:  # of the protocols that `copy` and others ask for
            raise AttributeError(name)
        compiled = _Compile.now(*self._arguments)
        vars(self).update((each, getattr(compiled, each)) for each in _METHODS)
        return vars(self)[name]


class _Compile:
    now = staticmethod(re.compile)  # whatever the program replaces; see `bindings`


if TYPE_CHECKING:
    lazy_regex = re.compile
else:
    lazy_regex = _LazyPattern
