"""Delivers what is there when the process is asked to end, where the program does not care."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOM: Final = 200  # levels of calls that a delivery may take
_ANY_DEPTH: Final = 1_000_000


def deliver_on_sigterm(shutdown: Callable[[], object]) -> Callable[[], None]:
    """Shut the session down on SIGTERM, then let the signal do what it does; return the undo.

    Nothing is installed when the program has a handler of its own, or outside the main thread,
    where Python cannot.
    """
    present = signal.getsignal(signal.SIGTERM)
    is_free = present is signal.SIG_DFL or type(present) is _Handler  # of a session that has ended
    if not _is_in_main_thread() or not is_free:
        return lambda: None
    delivery = _Delivery(shutdown)
    signal.signal(signal.SIGTERM, delivery.handler)
    return delivery.undo


def _is_in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def hold_sigterm() -> Callable[[], None]:
    """Let SIGTERM wait for this thread where we would answer it; return the undo.

    CPython forgets in a forked child what arrived before its hooks run. Without our handler the
    child would have ended.
    """
    if type(signal.getsignal(signal.SIGTERM)) is not _Handler:
        return lambda: None
    if signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}):
        return lambda: None
    return _release_sigterm


def _release_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


class _Handler(partial[str]):
    """A handler that is called where no Python code can begin: at the recursion limit.

    A signal is told once. A program that goes on after the RecursionError of a Python handler
    would never end.
    """


class _Delivery:
    """The last field of the handler: delivers, then lets the signal do what it does.

    ``str.format`` is C code that reads its fields in order and ignores what it has no field for,
    such as the arguments of a signal. The first two fields note the limit and raise it.
    """

    def __init__(self, shutdown: Callable[[], object]) -> None:
        self._shutdown = shutdown
        self._limit: defaultdict[str, int] = defaultdict(sys.getrecursionlimit)
        raised: defaultdict[str, None] = defaultdict(partial(sys.setrecursionlimit, _ANY_DEPTH))
        self.handler = _Handler("{0[was]}{1[is]}{2}".format, self._limit, raised, self)

    def __format__(self, _: str) -> str:
        sys.setrecursionlimit(self._limit["was"] + _ROOM)  # other threads keep about theirs
        self.undo()
        self._shutdown()
        os.kill(os.getpid(), signal.SIGTERM)
        return ""  # the first process of a container goes on

    def undo(self) -> None:
        """Give the signal back, unless somebody has taken it meanwhile.

        Python lets the main thread alone do that; a handler that stays has nothing to deliver.
        """
        if _is_in_main_thread() and signal.getsignal(signal.SIGTERM) is self.handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
