"""Keeps CPython from warning the program about threads of ours when it forks."""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from typing import Any, Final

from codetracer_otel.bindings import Threads

_FILTER: Final[tuple[Any, ...]] = (
    "ignore",
    re.compile("This process .* is multi-threaded"),
    DeprecationWarning,
    None,
    0,
)


def is_deserved() -> bool:
    """Return whether the program has threads of its own beside the one that calls this."""
    mine, main = Threads.get_ident(), threading.main_thread()
    stand_in = threading._DummyThread  # noqa: SLF001 - nobody says when its thread has ended
    others = (thread for thread in threading.enumerate() if thread.ident != mine)
    return mine != main.ident or any(not isinstance(thread, stand_in) for thread in others)


def silence() -> None:
    """Silence the warning about a fork among threads, unless the program has threads itself.

    The list of filters is changed in place: going through ``warnings.filterwarnings`` would let
    every warning that was shown once be shown again.
    """
    if not is_deserved() and _FILTER not in warnings.filters:
        warnings.filters.insert(0, _FILTER)  # type: ignore[attr-defined]


def restore() -> None:
    """Undo `silence`."""
    with contextlib.suppress(ValueError):
        warnings.filters.remove(_FILTER)  # type: ignore[attr-defined]
