"""Ends a session with the program's last thread, in a process that a thread has forked."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Files, Os, Threads, Time
from codetracer_otel.sdk.delivery.worker import DetachedThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

_SHORTEST_S: Final = 0.005
_LONGEST_S: Final = 0.1
_GROWTH: Final = 1.25  # a short process waits little for its end, a long one is seldom asked


class LastThread:
    """Waits until no thread but ours is left, then shuts the session down.

    A process that was forked by a thread never comes to the interpreter's end: it lasts as long as
    one of its threads does. Ours would keep it for ever, and nothing else delivers the rest.

    Args:
        own_threads: identifiers of our threads.
        mute: called first on the thread that waits; adds it to ``own_threads``.
        shutdown: ends the session and its threads.
    """

    def __init__(
        self,
        own_threads: AbstractSet[int],
        mute: Callable[[], None],
        shutdown: Callable[[], object],
    ) -> None:
        self._own_threads = own_threads
        self._mute = mute
        self._shutdown = shutdown
        self._is_awaited = Threads.allocate_lock()

    def wait_for_it(self) -> None:
        """Begin to wait, unless that has begun; called where a thread of ours begins."""
        if self._is_awaited.acquire(blocking=False):
            DetachedThread(self._wait).start()

    def _wait(self) -> None:
        self._mute()
        pause = _SHORTEST_S
        times_gone = 0
        while times_gone < 2:  # noqa: PLR2004 - a thread that has just begun has no frame yet
            Time.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_S)
            times_gone = times_gone + 1 if self._is_gone() else 0
        self._shutdown()

    def _is_gone(self) -> bool:
        return _first_thread_has_ended() and self._own_threads >= sys._current_frames().keys()  # noqa: SLF001


def _first_thread_has_ended() -> bool:
    """Return whether the thread that came out of the fork has ended."""
    try:
        with Files.open(f"/proc/self/task/{Os.getpid()}/stat", "rb") as file:
            facts = file.read().rpartition(b")")[2].split()
    except OSError:
        return not threading.main_thread().is_alive()
    return facts[:1] in ([b"Z"], [b"X"])
