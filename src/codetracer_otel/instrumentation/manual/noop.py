"""Stands for a hand-written span while nothing is traced."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class OffSpan:
    """What `span` gives while nothing is traced: every method does nothing."""

    __slots__ = ()

    def record(self, /, **fields: object) -> None:
        """Do nothing."""

    def event(
        self, name: str, /, *, topic: str | None = None, level: str = "info", **fields: object
    ) -> None:
        """Do nothing."""

    def set_error(self, error: BaseException) -> None:
        """Do nothing."""

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return a copy of ``environ``."""
        return dict(environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        return None


class _Nothing(OffSpan):
    """An `OffSpan` for ``with``: C code enters and leaves it, which saves 130 ns."""

    __slots__ = ()

    __exit__ = "".format  # type: ignore[assignment]  # takes anything, returns what is false


NOOP: Final = _Nothing()
_Nothing.__enter__ = itertools.repeat(NOOP).__next__  # type: ignore[method-assign,assignment]
