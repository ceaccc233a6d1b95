"""Reads what CPython's own signal handler has noted, and the kernel's side of a handler."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import sys
from typing import Any, Final

_REACH: Final = 16_384  # bytes; found at 464 (3.12), 1080 (3.13), 1256 (3.14), 1384 (3.15)


class InterpreterSignal:
    """One signal whose Python handler is ours, seen from a thread that Python does not notify.

    CPython's handler in C notes that a signal has come, and the main thread looks at the notes
    between two instructions. A main thread that is about to wait for a semaphore looks no more.
    Its table of notes and handlers has no name in the C API; it is recognised by the handlers of
    all signals, which must be those that `signal.getsignal` returns.

    Args:
        number: of the signal, whose handler is installed.
    """

    def __init__(self, number: int) -> None:
        import ctypes  # noqa: PLC0415 - 5 ms, needed only where signals are answered

        self._number = number
        self._c_handler: int | None = None
        self._set_action: Any = ctypes.PyDLL(None)["signal"]
        self._set_action.argtypes = [ctypes.c_int, ctypes.c_void_p]
        self._set_action.restype = ctypes.c_void_p
        runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
        self._note = ctypes.c_int.from_address(_find_table(ctypes, runtime, number) + 16 * number)

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


def find_signal(number: int) -> InterpreterSignal | None:
    """Return the signal, or None where this interpreter does not show what it notes.

    Args:
        number: of the signal, whose Python handler is installed.
    """
    if sys.platform != "linux":
        return None
    try:
        return InterpreterSignal(number)
    except (ImportError, OSError, ValueError, AttributeError):
        return None


class KernelHandlers:
    """The handlers that the kernel calls, which need not be those that Python knows of.

    A host that embeds Python, such as uWSGI, installs its own in C. Python goes on to say SIG_DFL,
    or `default_int_handler` for SIGINT, and ``signal.signal`` would replace them unseen.
    """

    def __init__(self) -> None:
        try:
            import ctypes  # noqa: PLC0415 - 5 ms, needed only where signals are handled

            self._get: Any = ctypes.pythonapi.PyOS_getsig
            self._set: Any = ctypes.pythonapi.PyOS_setsig
        except (ImportError, AttributeError):
            self._get = self._set = lambda *_: 0
            return
        self._get.restype = self._set.restype = ctypes.c_void_p
        self._get.argtypes = [ctypes.c_int]
        self._set.argtypes = [ctypes.c_int, ctypes.c_void_p]

    def get(self, number: int) -> int:
        """Return the address of a signal's handler; 0 for the default action, or if not known."""
        return self._get(number) or 0

    def put_back(self, number: int, handler: int) -> None:
        """Install a handler that `get` has returned; Python's own view stays as it is."""
        self._set(number, handler)


def _find_table(ctypes: Any, runtime: int, number: int) -> int:
    """Return the address of ``struct {int note; PyObject *handler;}[]``.

    Raises:
        ValueError: it is not where it is in the versions that are known.
    """
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
