"""Delivers what is there when the process is asked to end, where the program does not care."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def deliver_on_sigterm(shutdown: Callable[[], object]) -> Callable[[], None]:
    """Shut the session down on SIGTERM, then let the signal do what it does; return the undo.

    Nothing is installed when the program has a handler of its own, or outside the main thread,
    where Python cannot.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return lambda: None

    def on_sigterm(number: int, _frame: Any) -> None:
        undo()
        shutdown()
        os.kill(os.getpid(), number)

    def undo() -> None:
        if signal.getsignal(signal.SIGTERM) is on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, on_sigterm)
    return undo
