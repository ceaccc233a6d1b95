"""Wakes an event loop that waits for events, as a debugger does when it attaches."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_SEIZE: Final = 0x4206  # <sys/ptrace.h>; unlike ATTACH, neither sends SIGSTOP
_INTERRUPT: Final = 0x4207
_DETACH: Final = 17
_WALL: Final = 0x40000000
_EVENT_BITS: Final = 16  # of a wait status; the bits above hold PTRACE_EVENT_*
_PATIENCE_S: Final = 1.0


def wake(pid: int) -> None:
    """Let the main thread's `epoll_wait` return early, which Python repeats, as a signal would.

    Nothing else notices: no signal is sent, and most other system calls are restarted by the
    kernel. Where that is not permitted or there is no such thing, nothing happens.
    """
    if sys.platform != "linux":
        return
    ptrace = _ptrace()
    if ptrace is None or ptrace(_SEIZE, pid, 0, 0) != 0:
        return
    # if this process ends before it detaches, the kernel does
    if ptrace(_INTERRUPT, pid, 0, 0) == 0:
        signal = _stopped_by(pid)
        if signal is not None:
            ptrace(_DETACH, pid, 0, signal)


def _ptrace() -> Callable[..., int] | None:
    import ctypes  # noqa: PLC0415 - not every interpreter has it

    function: Any = getattr(ctypes.CDLL(None), "ptrace", None)
    if function is not None:
        function.argtypes = [ctypes.c_long] * 4
        function.restype = ctypes.c_long
    return function  # type: ignore[no-any-return]


def _stopped_by(pid: int) -> int | None:
    """Return the program's signal that was about to be delivered, 0 for none; None: no stop."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        stopped, status = os.waitpid(pid, os.WNOHANG | _WALL)
        if stopped == pid:
            is_ours = status >> _EVENT_BITS != 0
            return 0 if is_ours or not os.WIFSTOPPED(status) else os.WSTOPSIG(status)
        time.sleep(0.001)
    return None
