"""Lets threads of the program wait for room in a bounded buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Event, Threads, Time

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S: Final = 5.0  # without a delivery: whoever waits longer would wait for ever


class _Waiver(Threads.Local):
    is_waived = False


class Room:
    """Waits for as long as room is made now and then.

    After a wait in vain nobody waits again until there is room: a program must not stand still for
    each of its calls because an exporter is dead.

    Args:
        max_wait_s: seconds that one wait takes at most; 0 for never waiting, None for no bound.
        patience_s: seconds without any room after which a wait is in vain. Exporters that stop
            delivering are given up after `PATIENCE_S`, so this is for what should not happen.
    """

    def __init__(self, max_wait_s: float | None, patience_s: float = 2 * PATIENCE_S) -> None:
        self._max_wait_s = max_wait_s
        self._patience_s = patience_s
        self._threads = _Waiver()
        self.begin()

    def begin(self) -> None:
        """Begin anew, in a forked child."""
        self._changed = Event()
        self._times_made = 0
        self._is_given_up = False

    def made(self) -> None:
        """Let those look who wait; from any thread."""
        self._times_made += 1
        self._is_given_up = False
        self._changed.set()

    def waive(self, *, is_waived: bool = True) -> bool:
        """Let the calling thread never wait, or wait again; return whether it did not before.

        Whoever makes room would wait for itself, and so would a thread that it waits for. What it
        brings goes past the bound: it is little, and had been kept elsewhere until then.
        """
        before, self._threads.is_waived = self._threads.is_waived, is_waived
        return before

    def is_found(self, is_full: Callable[[], bool], ask: Callable[[], None]) -> bool:
        """Wait while ``is_full``; return whether there is room now, or the thread need not wait.

        Args:
            is_full: asked before and after each wait.
            ask: asks for room; called before each wait.
        """
        if self._threads.is_waived and self._max_wait_s != 0:
            return True
        began = patient_since = Time.monotonic()
        while is_full():
            end = patient_since + self._patience_s
            if self._max_wait_s is not None:
                end = min(end, began + self._max_wait_s)
            if self._is_given_up or Time.monotonic() >= end:
                self._is_given_up = True
                return False
            if self._waits(end, is_full, ask):
                patient_since = Time.monotonic()
        return True

    def _waits(self, end: float, is_full: Callable[[], bool], ask: Callable[[], None]) -> bool:
        """Wait once; return whether room was made meanwhile."""
        times = self._times_made
        self._changed.clear()
        if is_full():  # not made just now
            ask()
            self._changed.wait(end - Time.monotonic())
        return self._times_made != times
