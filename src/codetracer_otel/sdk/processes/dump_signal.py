"""Dumps the flight recorder at SIGUSR2, unless the program handles that signal."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from codetracer_otel.sdk.processes.interpreter_signals import find_signals
from codetracer_otel.sdk.processes.signals import LOOK_S, HandlerInC, is_free, is_in_main_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.sdk.processes.interpreter_signals import InterpreterSignal

NUMBER: Final[int | None] = getattr(signal, "SIGUSR2", None)


class DumpSignal:
    """Notes SIGUSR2; a thread of ours looks now and then, also where the main thread sleeps in C.

    The handler is C code that sets a mark, so that it does nothing between two instructions of the
    program. Nothing is installed where the program has a handler of its own, or outside the main
    thread, where Python cannot.

    Args:
        ask: wants a dump; called on the thread that looks.
    """

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._marks: defaultdict[str, bool] = defaultdict(bool)
        self._handler = HandlerInC("{0[asked]}".format, self._marks)
        self._seen: InterpreterSignal | None = None
        self._was_seen = False

    def install(self) -> bool:
        """Take the signal from now on; return whether that is so."""
        if NUMBER is None or not is_in_main_thread() or not is_free(NUMBER):
            return False
        _signal.signal(NUMBER, self._handler)
        self._seen = find_signals([NUMBER]).get(NUMBER)
        return True

    def look(self) -> float:
        """Ask for a dump if the signal has come; return the s to the next look."""
        is_seen = self._seen is not None and self._seen.has_come and self._is_ours()
        is_new = bool(is_seen or self._marks) and not self._was_seen
        self._marks.clear()
        self._was_seen = is_seen
        if is_new:
            self._ask()
        return LOOK_S

    def close(self) -> None:
        """Restore the signal's handler, unless it has been replaced."""
        if not self._is_ours():
            return
        if self._seen is not None:
            self._seen.rest()
        if is_in_main_thread():
            _signal.signal(NUMBER, _signal.SIG_DFL)

    def _is_ours(self) -> bool:
        return NUMBER is not None and _signal.getsignal(NUMBER) is self._handler
