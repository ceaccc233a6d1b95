"""Delivers what is buffered at signals that ask a process to end, unless it handles them."""

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
    find_signals,
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


ENDS: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What others send to ask a process to end; docs/how-it-works.md says what others do."""


class EndSignals:
    """Answers SIGTERM and SIGHUP for one session: shuts it down, then lets the signal end it.

    Two ways lead to the answer, which a thread of its own gives: the handler, and `look`, which
    another thread of ours calls, for a main thread that does not come to call the handler. Where
    the session is being shut down already, the end of that answers.

    Nothing is installed when the program has a handler of its own, or outside the main thread,
    where Python cannot. A program that takes a signal later has it, and one that ignores SIGHUP, as
    below nohup, goes on ignoring it.

    Args:
        shutdown: ends the session and calls `close`.
        on_thread_start: called first on the thread that answers.

    Attributes:
        is_resting: whether the signals are left alone, see `rest`.
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
        # recursion limit and raise it, the last one is `__format__`, given the signal's number.
        handle = "{0[was]}{1[is]}{2:{3}}".format
        self._handler = HandlerInC(handle, self._limit, self._raised, self)
        self._seen: dict[int, InterpreterSignal] = {}
        self._begin()

    def _begin(self) -> None:
        self._claim, self._over = Threads.allocate_lock(), Threads.allocate_lock()
        self._over.acquire()
        self._asked: int | None = None
        self.is_resting = self._was_seen = False
        self._is_answering = self._is_held = False

    def install(self) -> bool:
        """Answer from now on; return whether that is so for any signal."""
        free = [number for number in ENDS if is_in_main_thread() and is_free(number)]
        for number in free:
            _signal.signal(number, self._handler)
        self._seen = find_signals(free)
        return bool(free)

    def look(self) -> float:
        """Answer a signal that the main thread sleeps through; return the s to the next look."""
        come = self._come()
        if come is None:
            self._was_seen = False
            return LOOK_S
        if self._was_seen and self._claim.acquire(blocking=False):
            self._asked = come
            self._answer_in_thread()
        self._was_seen = True
        return _LOOK_AGAIN_S

    def _come(self) -> int | None:
        """Return a signal that has come, and whose handler was not called yet."""
        come = (number for number, seen in self._seen.items() if seen.has_come)
        return next(filter(self._is_ours, come), None)

    def rest(self) -> None:
        """Leave the signals alone in a forked child: nothing is to be delivered, nobody looks."""
        self._begin()
        for number in filter(self._is_ours, ENDS):
            if number in self._seen:
                self.is_resting = True
                self._seen[number].rest()
            elif is_in_main_thread():
                _signal.signal(number, _signal.SIG_DFL)

    def resume(self) -> None:
        """Undo `rest`, now that a thread looks; from any thread."""
        if self.is_resting:
            self.is_resting = False
            for number in filter(self._is_ours, self._seen):
                self._seen[number].resume()

    def claim(self) -> None:
        """Note that the session is being shut down: from now on `close` answers."""
        self._claim.acquire(blocking=False)

    def close(self) -> None:
        """Restore the handlers unless they have been replaced, and handle what has arrived.

        Only the main thread can do that as far as Python knows; what stays there does nothing.
        """
        for number in filter(self._is_ours, ENDS):
            self._give_back(number)
        asked, self._asked = self._asked, None
        come = (number for number, seen in self._seen.items() if seen.has_come)
        if (number := asked or next(come, None)) is not None:
            Os.kill(Os.getpid(), number)
        with contextlib.suppress(RuntimeError):  # `close` again
            self._over.release()  # the first process of a container goes on

    def _give_back(self, number: int) -> None:
        if number in self._seen:
            self._seen[number].rest()
        if is_in_main_thread():
            # Python first calls the handler for what has come; it answers no more, see `claim`
            _signal.signal(number, _signal.SIG_DFL)

    def __format__(self, number: str) -> str:
        """Answer a signal, as the last field of the handler."""
        was = self._limit["was"]
        sys.setrecursionlimit(was + _ROOM)  # other threads keep about theirs
        try:
            self._answer(int(number), sys._getframe(1))  # noqa: SLF001 - the frame that the signal came to
        finally:
            self._limit.clear()
            self._raised.clear()
            with contextlib.suppress(RecursionError):  # the stack is higher than that
                sys.setrecursionlimit(was)
        return ""

    def _answer(self, number: int, frame: FrameType | None) -> None:
        if not self._is_ours(number):
            return  # the program's handler calls the previous one, which untraced is none
        self._asked = self._asked or number
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
        number = self._asked
        if not hasattr(signal, "pthread_kill") or number is None:
            return
        for _ in range(_ATTEMPTS):
            if self._is_held or not self._is_ours(number):
                return
            with contextlib.suppress(ProcessLookupError):
                signal.pthread_kill(threading.main_thread().ident or 0, number)
            Time.sleep(_ATTEMPT_S)

    def _is_ours(self, number: int) -> bool:
        return _signal.getsignal(number) is self._handler


class HandlerInC(partial[str]):
    """A handler that is called where no Python code can begin: at the recursion limit.

    A signal is reported once. A program that goes on after the RecursionError of a Python handler
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


def hold_end_signals() -> Callable[[], object]:
    """Let the signals that we would answer wait for this thread; return the undo.

    CPython forgets in a forked child what arrived before its hooks run. Without our handler the
    child would have ended.
    """
    ours = {number for number in ENDS if type(_signal.getsignal(number)) is HandlerInC}
    if not ours or not hasattr(signal, "pthread_sigmask"):
        return lambda: None
    held = ours - signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    return lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, held)


@contextlib.contextmanager
def remembered_signals() -> Iterator[None]:
    """Let handlers of the program wait in the main thread, and call them afterwards.

    A KeyboardInterrupt, or anything else that a handler raises, would end a delivery halfway.
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
