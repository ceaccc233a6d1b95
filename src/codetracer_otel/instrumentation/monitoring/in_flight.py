"""Waits until other threads have left the callbacks, after events have been switched off."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Threads, Time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

_INTERVAL_S: Final = 0.0005
_MAX_INTERVALS: Final = 1_000  # a callback may wait for room, or for code of the program


class CallbacksInFlight:
    """Knows the callbacks of one recorder by their frames, so that no event costs anything.

    A thread loses the GIL within a callback in Python now and then. The record of a call that ends
    there is on no stack any more and not in the buffer yet: whoever closes the recorder meanwhile
    does not find it, and it comes when everything has been delivered.

    Attributes:
        codes: of the callbacks.
        sleep: lets the other threads go on.
    """

    sleep: Callable[[float], object] = Time.sleep

    def __init__(self) -> None:
        self.codes: set[CodeType] = set()

    def add(self, callbacks: Iterable[Callable[..., object]]) -> None:
        """Know the callbacks among these that are Python functions."""
        codes = (getattr(callback, "__code__", None) for callback in callbacks)
        self.codes.update(code for code in codes if code is not None)

    def wait(self) -> None:
        """Return when no other thread is in a callback, or after half a second.

        Call it when no event fires any more.
        """
        for _ in range(_MAX_INTERVALS):
            if not self._are_there():
                return
            self.sleep(_INTERVAL_S)

    def _are_there(self) -> bool:
        mine = Threads.get_ident()
        frames = sys._current_frames()  # noqa: SLF001 - the documented way to other threads
        return any(self._is_in_one(frame) for who, frame in frames.items() if who != mine)

    def _is_in_one(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if frame.f_code in self.codes:
                return True
            frame = frame.f_back
        return False
