"""Delivers what is buffered at SIGTERM, unless the program handles that signal."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import contextlib
import os
import signal
import sys
import threading
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Queues, Threads, Time
from codetracer_otel.own_code import FOLDER, is_ours
from codetracer_otel.sdk.delivery.worker import DetachedThread
from codetracer_otel.sdk.processes.interpreter_signals import (
    find_signal,
    in_kernel,
    kernel_handlers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from codetracer_otel.sdk.processes.interpreter_signals import InterpreterSignal

SHUTDOWN_S: Final = 5.0
_PATIENCE_S: Final = SHUTDOWN_S + 1.0  # what the main thread waits for the thread that delivers
_ROOM: Final = 200  # levels of calls that the handler may take
_ANY_DEPTH: Final = 1_000_000
LOOK_S: Final = 0.25
_ATTEMPTS: Final = 50
_ATTEMPT_S: Final = 0.001
_LOOK_AGAIN_S: Final = 0.02  # time for the main thread to answer by itself
_COMMAND_LINE: Final = os.path.join(FOLDER, "cli", "")  # below every program
_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep


class Sigterm:
    """Answers SIGTERM for one session: shuts it down, then lets the signal do what it does.

    Two ways lead to the answer, which a thread of its own gives: the handler, and `look`, which
    another thread of ours calls, for a main thread that does not come to call the handler. Where
    the session is being shut down already, the end of that answers.

    Nothing is installed when the program has a handler of its own, or outside the main thread,
    where Python cannot. A program that takes the signal later has it.

    Args:
        shutdown: ends the session and calls `close`.
        on_thread_start: called first on the thread that answers.

    Attributes:
        is_resting: whether the signal is left alone, see `rest`.
    """

    def __init__(
        self, shutdown: Callable[[], object], on_thread_start: Callable[[], None] = lambda: None
    ) -> None:
        self._shutdown = shutdown
        self._on_thread_start = on_thread_start
        self._limit: defaultdict[str, int] = defaultdict(sys.getrecursionlimit)
        self._raised: defaultdict[str, None] = defaultdict(
            partial(sys.setrecursionlimit, _ANY_DEPTH)
        )
        # ``str.format`` is C code that reads its fields in order. The first two note the
        # recursion limit and raise it, the last one is `__format__`.
        self._handler = HandlerInC("{0[was]}{1[is]}{2}".format, self._limit, self._raised, self)
        self._seen: InterpreterSignal | None = None
        self._begin()

    def _begin(self) -> None:
        self._claim, self._over = Threads.allocate_lock(), Threads.allocate_lock()
        self._over.acquire()
        self._is_asked = self.is_resting = self._was_seen = False
        self._is_answering = self._is_held = False

    def install(self) -> bool:
        """Answer from now on; return whether that is so."""
        if not is_in_main_thread() or not is_free(signal.SIGTERM):
            return False
        _signal.signal(signal.SIGTERM, self._handler)
        self._seen = find_signal(signal.SIGTERM)
        return True

    def look(self) -> float:
        """Answer a signal that the main thread sleeps through; return the s to the next look."""
        if self._seen is None or not self._seen.has_come or not self._is_ours():
            self._was_seen = False
            return LOOK_S
        if self._was_seen and self._claim.acquire(blocking=False):
            self._is_asked = True
            self._answer_in_thread()
        self._was_seen = True
        return _LOOK_AGAIN_S

    def rest(self) -> None:
        """Leave the signal alone in a forked child: nothing is to be delivered, no thread looks."""
        self._begin()
        if not self._is_ours():
            return
        if self._seen is not None:
            self.is_resting = True
            self._seen.rest()
        elif is_in_main_thread():
            _signal.signal(signal.SIGTERM, _signal.SIG_DFL)

    def resume(self) -> None:
        """Undo `rest`, now that a thread looks; from any thread."""
        if self.is_resting and self._seen is not None:
            self.is_resting = False
            if self._is_ours():
                self._seen.resume()

    def claim(self) -> None:
        """Note that the session is being shut down: from now on `close` answers."""
        self._claim.acquire(blocking=False)

    def close(self) -> None:
        """Restore the signal's handler unless it has been replaced, and handle what has arrived.

        Only the main thread can do that as far as Python knows; what stays there does nothing.
        """
        if self._is_ours():
            self._give_back()
        if self._is_asked or (self._seen is not None and self._seen.has_come):
            self._is_asked = False
            Os.kill(Os.getpid(), signal.SIGTERM)
        with contextlib.suppress(RuntimeError):  # `close` again
            self._over.release()  # the first process of a container goes on

    def _give_back(self) -> None:
        if self._seen is not None:
            self._seen.rest()
        if is_in_main_thread():
            # Python first calls the handler for what has come; it answers no more, see `claim`
            _signal.signal(signal.SIGTERM, _signal.SIG_DFL)

    def __format__(self, _: str) -> str:
        """Answer, as the last field of the handler."""
        was = self._limit["was"]
        sys.setrecursionlimit(was + _ROOM)  # other threads keep about theirs
        try:
            self._answer(sys._getframe(1))  # noqa: SLF001 - the frame that the signal came to
        finally:
            self._limit.clear()
            self._raised.clear()
            with contextlib.suppress(RecursionError):  # the stack is higher than that
                sys.setrecursionlimit(was)
        return ""

    def _answer(self, frame: FrameType | None) -> None:
        self._is_asked = True
        if self._claim.acquire(blocking=False) and not self._answer_in_thread():
            self._shutdown()
        # What we were at may be what the thread waits for. Other code stands still, and C code
        # that called the handler, such as a regular expression, leaves the thread the GIL.
        if self._is_answering and not is_in_our_code(frame):
            self._is_held = True
            with remembered_signals():
                if not self._over.acquire(timeout=_PATIENCE_S):
                    self.close()

    def _answer_in_thread(self) -> bool:
        try:
            self._is_answering = True
            DetachedThread(self._run).start()
        except RuntimeError:  # the interpreter is ending and starts no thread
            self._is_answering = False
        return self._is_answering

    def _run(self) -> None:
        self._on_thread_start()
        self._hold_main_thread()
        self._shutdown()

    def _hold_main_thread(self) -> None:
        """Hold the program: it should have ended, and would take the GIL from us."""
        if not hasattr(signal, "pthread_kill"):
            return
        for _ in range(_ATTEMPTS):
            if self._is_held or not self._is_ours():
                return
            with contextlib.suppress(ProcessLookupError):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
            Time.sleep(_ATTEMPT_S)

    def _is_ours(self) -> bool:
        return _signal.getsignal(signal.SIGTERM) is self._handler


class HandlerInC(partial[str]):
    """A handler that is called where no Python code can begin: at the recursion limit.

    A signal is told once. A program that goes on after the RecursionError of a Python handler
    would never end.
    """


def is_in_main_thread() -> bool:
    """Return whether Python lets the calling thread install handlers."""
    return Threads.get_ident() == threading.main_thread().ident


def is_free(number: int) -> bool:
    """Return whether neither the program nor a host that embeds Python handles a signal."""
    present = _signal.getsignal(number)
    if type(present) is HandlerInC:  # of an ended session
        return True
    return present is _signal.SIG_DFL and number not in in_kernel(ignored=True)


def is_in_our_code(frame: FrameType | None) -> bool:
    """Return whether code of ours is running, perhaps inside a function of the library."""
    while frame is not None:
        file = frame.f_code.co_filename
        if is_ours(file):
            return not file.startswith(_COMMAND_LINE)
        if not file.startswith((_LIBRARY, "<frozen")):
            return False
        frame = frame.f_back
    return False


def hold_sigterm() -> Callable[[], object]:
    """Let SIGTERM wait for this thread where we would answer it; return the undo.

    CPython forgets in a forked child what arrived before its hooks run. Without our handler the
    child would have ended.
    """
    if type(_signal.getsignal(signal.SIGTERM)) is not HandlerInC:
        return lambda: None
    if not hasattr(signal, "pthread_sigmask"):
        return lambda: None
    if signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}):
        return lambda: None
    return lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


@contextlib.contextmanager
def remembered_signals() -> Iterator[None]:
    """Let handlers of the program wait in the main thread, and call them afterwards.

    A KeyboardInterrupt, or what else a handler raises, would end a delivery half-way.
    """
    if not is_in_main_thread():
        yield
        return
    come: Any = Queues.SimpleQueue()
    remember = come.put  # C code; the second argument of a handler is none that it minds
    replaced: dict[int, tuple[Any, bytes]] = {}
    kernel = kernel_handlers()
    for number in _handled_by_program():
        was, action = kernel.handler(number), kernel.get(number)
        handler = _signal.signal(number, remember)
        if kernel.handler(number) == was:
            replaced[number] = handler, action
        else:  # not Python's: a host in C has the signal, and Python does not know
            _signal.signal(number, handler)
            kernel.put_back(number, action)
    try:
        yield
    finally:
        for number, (handler, action) in replaced.items():
            if _signal.getsignal(number) is remember:
                _signal.signal(number, handler)
                kernel.put_back(number, action)  # asyncio's restart what they interrupt
        while not come.empty():
            Os.kill(Os.getpid(), come.get())


def _handled_by_program() -> list[int]:
    handlers = ((number, _signal.getsignal(number)) for number in _signal.valid_signals())
    return [number for number, each in handlers if callable(each) and type(each) is not HandlerInC]
