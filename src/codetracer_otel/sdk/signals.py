"""Delivers what is there when the process is asked to end, where the program does not care."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOM: Final = 200  # levels of calls that a delivery may take


def deliver_on_sigterm(shutdown: Callable[[], object]) -> Callable[[], None]:
    """Shut the session down on SIGTERM, then let the signal do what it does; return the undo.

    Nothing is installed when the program has a handler of its own, or outside the main thread,
    where Python cannot.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return lambda: None
    delivery = _Delivery(shutdown)
    signal.signal(signal.SIGTERM, delivery)
    return delivery.undo


def hold_sigterm() -> Callable[[], None]:
    """Let SIGTERM wait for this thread where we would answer it; return the undo.

    CPython forgets in a forked child what arrived before its hooks run. Without our handler the
    child would have ended.
    """
    if not isinstance(signal.getsignal(signal.SIGTERM), _Delivery):
        return lambda: None
    if signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}):
        return lambda: None
    return _release_sigterm


def _release_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


class _Delivery:
    """The handler: delivers, then lets the signal do what it does."""

    def __init__(self, shutdown: Callable[[], object]) -> None:
        self._shutdown = shutdown

    def __call__(self, number: int, _frame: Any) -> None:
        # It may have arrived at the limit, in a program that goes on after a RecursionError.
        sys.setrecursionlimit(sys.getrecursionlimit() + _ROOM)
        self.undo()
        self._shutdown()
        os.kill(os.getpid(), number)

    def undo(self) -> None:
        """Give the signal back, unless somebody has taken it meanwhile."""
        if signal.getsignal(signal.SIGTERM) is self:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
