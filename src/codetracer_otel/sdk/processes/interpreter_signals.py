"""Reads what CPython's own signal handler has noted, and the kernel's side of a handler."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import signal
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os

if TYPE_CHECKING:
    from collections.abc import Iterable

_ACTION_BYTES: Final = 256  # of ``struct sigaction``, which takes 152 with glibc
_WORD: Final = 8 if sys.maxsize > 2**32 else 4  # the handler comes first
_IGNORES: Final = 1  # stands for a handler
_STATUS: Final = "/proc/self/status"
_CAUGHT: Final = b"SigCgt:"
_IGNORED: Final = b"SigIgn:"
_PART_BYTES: Final = 16_384  # all of it is about 1,500 with Linux 6
_FAULTS: Final = ("ABRT", "BUS", "FPE", "ILL", "SEGV", "SYS", "TRAP")
_OWN_FAULTS: Final = frozenset(getattr(signal, f"SIG{name}", 0) for name in _FAULTS)
"""What a thread brings upon itself; blocked, it would end the process without its handler."""

_REQUESTS_TO_END: Final = {getattr(signal, f"SIG{name}", 0) for name in ("HUP", "QUIT", "TERM")}

_REACH: Final = 16_384  # bytes; found at 464 (3.12), 1080 (3.13), 1256 (3.14), 1384 (3.15)


class InterpreterSignal:
    """One signal whose Python handler is ours, seen from a thread that Python does not notify.

    CPython's handler in C notes that a signal has come, and the main thread looks at the notes
    between two instructions. A main thread that is about to wait for a semaphore looks no more.
    Its table of notes and handlers has no name in the C API; it is recognized by the handlers of
    all signals, which must be those that `signal.getsignal` returns.

    Args:
        number: of the signal, whose handler is installed.
        table: address of the interpreter's notes, see `_find_table`.
    """

    def __init__(self, number: int, table: int) -> None:
        self._number = number
        self._c_handler: int | None = None
        ctypes = _foreign_functions()
        self._set_action: Any = ctypes.PyDLL(None)["signal"]
        self._set_action.argtypes = [ctypes.c_int, ctypes.c_void_p]
        self._set_action.restype = ctypes.c_void_p
        self._note = ctypes.c_int.from_address(table + 16 * number)

    @property
    def has_come(self) -> bool:
        """Whether the signal has come, and the main thread has not called the handler yet."""
        return bool(self._note.value)

    def rest(self) -> None:
        """Let the kernel take the default action, while Python keeps the handler."""
        handler = self._set_action(self._number, None)
        self._c_handler = handler or self._c_handler

    def resume(self) -> None:
        """Undo `rest`; from any thread."""
        if self._c_handler is not None:
            self._set_action(self._number, self._c_handler)
            _signal.siginterrupt(self._number, True)  # as Python installs its handlers


def find_signals(numbers: Iterable[int]) -> dict[int, InterpreterSignal]:
    """Return the signals by number; none where this interpreter does not show what it notes.

    Args:
        numbers: of the signals, whose Python handlers are installed.
    """
    wanted = list(numbers)
    if sys.platform != "linux" or not wanted:
        return {}
    try:
        table = _find_table(wanted[0])
        return {number: InterpreterSignal(number, table) for number in wanted}
    except (ImportError, OSError, ValueError, AttributeError):
        return {}


def _foreign_functions() -> Any:
    """Import `ctypes` where its functions are needed: not as a thread of ours begins.

    It takes 5 ms, and libffi from 3.5 on opens its own file for as long as the process lives: one
    descriptor more in a program that is attached to, after all is detached.
    """
    import ctypes  # noqa: PLC0415

    return ctypes


@cache
def kernel_handlers() -> KernelHandlers:
    """Return what reads and sets the kernel's handlers, and calls nothing but C code from then on.

    It is made before calls are recorded: those of `ctypes` would be taken for the program's.
    """
    return KernelHandlers()


class KernelHandlers:
    """The handlers that the kernel calls, which need not be those that Python knows of.

    A host that embeds Python, such as uWSGI, installs its own in C. Python goes on to say SIG_DFL,
    or `default_int_handler` for SIGINT, and ``signal.signal`` would replace them unseen.
    """

    def __init__(self) -> None:
        self._new_action: Any = bytes
        self._exchange: Any = lambda *_: -1
        try:
            ctypes = _foreign_functions()
            self._exchange = ctypes.PyDLL(None)["sigaction"]
        except (ImportError, OSError, ValueError, AttributeError, TypeError):
            return  # not known, as on Windows or without ctypes
        self._new_action = ctypes.c_char * _ACTION_BYTES

    def get(self, number: int) -> bytes:
        """Return what is installed for a signal: its handler, flags and mask; empty if not known.

        Flags and mask belong to it: a handler that is called with other arguments would crash.
        """
        found = self._new_action()
        return b"" if self._exchange(number, None, found) else bytes(found)

    def put_back(self, number: int, action: bytes) -> None:
        """Install what `get` has returned; Python's own view stays as it is."""
        if action:
            self._exchange(number, action, None)

    def handler(self, number: int) -> int:
        """Return the address of what the kernel calls; 0 for the default action, or not known."""
        return int.from_bytes(self.get(number)[:_WORD], sys.byteorder)


def in_kernel(*, ignored: bool = False) -> set[int]:
    """Return the signals for which the kernel calls a handler, and those that it ignores if asked.

    Linux lists them. Where it does not, or another system runs, each one is asked about.
    """
    wanted = (_CAUGHT, _IGNORED) if ignored else (_CAUGHT,)
    masks = [int(line.split(b":")[1], 16) for line in _status() if line.startswith(wanted)]
    numbers = _signal.valid_signals()
    if len(masks) == len(wanted):
        return {n for n in numbers if any(mask >> (n - 1) & 1 for mask in masks)}
    kernel, least = kernel_handlers(), _IGNORES if ignored else _IGNORES + 1
    return {n for n in numbers if kernel.handler(n) >= least}


def _status() -> list[bytes]:
    """Return the lines that Linux shows of this process; none elsewhere."""
    parts = []
    try:
        descriptor = Os.open(_STATUS, os.O_RDONLY)
        try:
            while part := Os.read(descriptor, _PART_BYTES):  # groups of users may be thousands
                parts.append(part)
        finally:
            Os.close(descriptor)
    except OSError:
        return []
    return b"".join(parts).splitlines()


def signals_of_host() -> set[int]:
    """Return the signals that a host in C handles, with those that may be its own as well.

    Python tells its handlers from those of others only where it has none: a host that handles
    a request to end may handle each signal. Others are handled by libraries, such as readline.
    """
    caught = in_kernel() - _OWN_FAULTS
    of_python = {number for number in caught if callable(_signal.getsignal(number))}
    return caught if (caught - of_python) & _REQUESTS_TO_END else set()


def leave_signals_to_host() -> None:
    """Block in this thread of ours the signals of a host in C, such as uWSGI.

    Python's handlers run in the main thread, but a host's where the signal comes to. uWSGI ends the
    process there: on a thread that the end of our session waits for, for ever. Where there is no
    host all stays as it is: a child process would inherit what is blocked.
    """
    if not hasattr(_signal, "pthread_sigmask"):  # as on Windows
        return
    signals = signals_of_host()
    if signals:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, signals)


def _find_table(number: int) -> int:
    """Return the address of ``struct {int note; PyObject *handler;}[]``.

    Args:
        number: of a signal with a handler that no other object is.

    Raises:
        ValueError: it is not where it is in the versions that are known.
    """
    ctypes = _foreign_functions()
    runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    words = (ctypes.c_size_t * (_REACH // 8)).from_address(runtime)
    known = {each: id(_signal.getsignal(each)) for each in _signal.valid_signals()}
    for place in _places_of(known[number], words):
        first = place - 2 * number
        if first > 0 and all(words[first + 2 * n] == handler for n, handler in known.items()):
            return int(runtime + 8 * (first - 1))
    raise ValueError("no table of signals")


def _places_of(word: int, words: Any) -> list[int]:
    last = len(words) - 2 * max(_signal.valid_signals())
    return [place for place in range(last) if words[place] == word]
