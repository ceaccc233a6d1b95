"""A thread that takes items from a queue, and that can be stopped while the process forks."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import LONGEST_WAIT_S, Event, Os, Queues, Threads, Time
from codetracer_otel.sdk.delivery import fork_warning
from codetracer_otel.sdk.processes.interpreter_signals import leave_signals_to_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.model.protocols import Notify

_PARK: Final = object()
# A delivery needs this many levels of recursion; the program may have set a lower limit.
_LEVELS: Final = 150
_PATIENCE_S: Final = 2.0
_BEGIN_S: Final = 0.2
_POLL_S: Final = 0.005
_MAX_FAILURES: Final = 100  # of one worker, which then ends: it does nothing but fail


class Worker:
    """One daemon thread with its queue.

    The thread does not stand in ``threading``'s registry: a program that counts its threads, or
    joins them all, must not meet ours. While the process forks it handles nothing: a copied lock
    may be held for ever. Where there would be no thread but ours it ends before a fork and a new
    one goes on after it, since CPython warns the program about threads that are there when it
    forks.

    Args:
        handle: called with each item, and with None when ``interval`` has passed without one;
            returns whether to go on.
        interval: returns the seconds to wait for an item, or None for any time.
        on_start: called first on each new thread.
        look: called on the thread again and again; returns the s after which to call it again.
        on_failure: told of the item in work and of an exception that ``handle`` raised or that the
            program sent into the thread; returns whether to go on.
    """

    def __init__(
        self,
        handle: Callable[[Any], bool],
        interval: Callable[[], float | None],
        on_start: Callable[[], None],
        look: Callable[[], float] | None = None,
        on_failure: Callable[[Any, BaseException], bool] = lambda _item, _error: False,
    ) -> None:
        self._on_failure = on_failure
        self._failures = 0
        self._look = look
        self._handle = handle
        self._interval = interval
        self._on_start = on_start
        self._items: Queues.SimpleQueue[Any] = Queues.SimpleQueue()
        self._gate = Threads.allocate_lock()
        self._at_work = Threads.allocate_lock()
        self._held_by: int | None = None
        self._is_parking = self._is_parked = self._is_stranded = self._is_in_child = False
        self._is_patient = True
        self._thread = DetachedThread(self._run)
        self._cpu_ns = self._cpu_before_ns = 0

    @property
    def cpu_ns(self) -> int:
        """CPU time of its threads; of another thread than the caller's, up to its last item."""
        if self._thread.ident == Threads.get_ident():
            self._cpu_ns = Time.thread_time_ns()
        return self._cpu_before_ns + self._cpu_ns

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        # The number of threads changes here, not at some later moment.
        self._thread.wait_until_begun(_BEGIN_S)

    def put(self, item: Any) -> None:
        """Queue an item; reentrant, from any thread."""
        self._items.put(item)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive

    @property
    def has_died(self) -> bool:
        """Whether failures have ended the thread: nothing is handled any more."""
        return self._thread.has_died

    def join(self, deadline: float) -> bool:
        """Wait for the thread's end until ``deadline`` (monotonic s); return whether it came."""
        if self._is_stranded:
            self._handle_here()
        return self._thread.join(max(deadline - Time.monotonic(), 0.0))

    def park(self, deadline: float) -> bool:
        """End the thread when it has handled what is queued; return whether it is gone.

        A thread that does not come to that point before ``deadline`` (monotonic s) goes on.
        """
        if not self._thread.is_alive:
            return True
        self._is_parking, self._is_in_child = True, False
        self._items.put(_PARK)
        return self.join(deadline)

    def unpark(self) -> None:
        """Go on after `park`."""
        with self._gate:
            is_gone, self._is_parking, self._is_parked = self._is_parked, False, False
        if is_gone:
            thread = DetachedThread(self._run)
            try:
                thread.start()
                if not self._is_in_child:  # as many threads are there as before the fork
                    thread.wait_until_begun(_BEGIN_S)
            except RuntimeError:  # the interpreter is about to end and starts no thread
                self._is_stranded = True
            else:
                self._thread = thread

    def hold(self, deadline: float) -> bool:
        """Keep the thread from handling anything until `release`; return whether it is at rest.

        It waits, until ``deadline`` (monotonic s), for a thread that is at work only. While it
        waited another thread could begin to end the interpreter, and CPython 3.12 copies that
        into a forked child, which may start no thread then.
        """
        if self._at_work.acquire(timeout=max(deadline - Time.monotonic(), 0.0)):
            self._held_by = Threads.get_ident()
        return self._held_by == Threads.get_ident()

    def rest(self, deadline: float) -> None:
        """Bring the thread to rest before a fork; it ends where it would be the second one."""
        if fork_warning.is_deserved():
            self.hold(deadline)
        else:
            self.park(deadline)

    def release(self) -> None:
        """Undo this thread's `hold`."""
        if self._held_by == Threads.get_ident():
            self._held_by = None
            self._at_work.release()

    def _handle_here(self) -> None:
        while not self._items.empty():
            item = self._items.get()
            if item is not _PARK and not self._handle(item):
                return

    def renew(self) -> None:
        """Begin parked, with an empty queue, in a forked child."""
        self._items = Queues.SimpleQueue()
        self._gate, self._at_work = Threads.allocate_lock(), Threads.allocate_lock()
        self._held_by = None
        self._is_parked = self._is_in_child = True
        self._is_parking = self._is_stranded = False
        self._thread = DetachedThread(self._run)
        self._cpu_ns = self._cpu_before_ns = 0

    def _run(self) -> None:
        self._cpu_before_ns += self._cpu_ns
        self._cpu_ns = 0
        self._on_start()
        while True:
            item = None
            try:
                item = self._next()
                goes_on = not self._parks() if item is _PARK else self._handle_alone(item)
                leave_registry()
            except BaseException as error:  # noqa: BLE001 - programs raise into other threads
                goes_on = self._survives(item, error)
            if not goes_on:
                return

    def _handle_alone(self, item: Any) -> bool:
        self.wait_for_room()
        with self._at_work:
            goes_on = self._handle(item)
            self._cpu_ns = Time.thread_time_ns()
            return goes_on

    def _survives(self, item: Any, error: BaseException) -> bool:
        self._failures += 1
        if not self._on_failure(item, error):
            return False
        if self._failures >= _MAX_FAILURES:
            raise error
        return True

    def wait_for_room(self) -> None:
        """Wait for a program that has lowered the recursion limit, but not again and again."""
        deadline = Time.monotonic() + _PATIENCE_S
        while self._is_patient and _is_cramped():
            Time.sleep(_POLL_S)
            self._is_patient = Time.monotonic() < deadline
        self._is_patient = self._is_patient or not _is_cramped()

    def _parks(self) -> bool:
        with self._gate:  # `unpark` must not miss a thread that is about to end
            self._is_parked = self._is_parking
            return self._is_parked

    def _next(self) -> Any:
        left = self._interval()
        while True:
            pause = left if self._look is None else _shorter(left, self._look())
            pause = None if pause is None else min(pause, LONGEST_WAIT_S)
            try:
                return self._items.get(timeout=pause)
            except Queues.Empty:
                left = None if left is None or pause is None else left - pause
            if left is not None and left <= 0:
                return None


def _shorter(left: float | None, pause: float) -> float:
    return pause if left is None else min(left, pause)


class DetachedThread:
    """A thread that only its owner knows; a daemon, like every thread started this way.

    Args:
        run: what it does.

    Attributes:
        ident: its identifier, once it runs.
        native_id: the kernel's number for it, once it runs.
        was_started: whether `start` was called.
        has_died: whether an exception has ended it.
    """

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run
        self._ended = Event()
        # A lock, not an Event, whose code in Python the program may trace.
        self._begun = Threads.allocate_lock()
        self._begun.acquire()
        self.ident: int | None = None
        self.native_id: int | None = None
        self.was_started = self.has_died = False

    def start(self) -> None:
        """Start it."""
        self.was_started = True
        Threads.start_new_thread(self._run_to_end, ())

    def wait_until_begun(self, timeout: float) -> None:
        """Wait, ``timeout`` s at most, until it runs."""
        self._begun.acquire(timeout=timeout)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.was_started and not self._ended.is_set()

    def join(self, timeout: float) -> bool:
        """Wait ``timeout`` s for its end; return whether it came.

        The kernel's thread is waited for as well, until then: CPython counts those, and the program
        sees them in ``sys._current_frames()``.
        """
        deadline = Time.monotonic() + timeout
        if not self.was_started:
            return True
        if not self._ended.wait(timeout):
            return False
        while self._is_in_kernel() and Time.monotonic() < deadline:
            Time.sleep(0.0001)
        return True

    def _is_in_kernel(self) -> bool:
        try:
            Os.stat(f"/proc/self/task/{self.native_id}")
        except OSError:
            return False  # or this system has no such folder
        return True

    def _run_to_end(self) -> None:
        leave_signals_to_host()
        self.ident = Threads.get_ident()
        self.native_id = Threads.get_native_id()
        self._begun.release()
        try:
            self._run()
        except BaseException:  # noqa: BLE001 - a traceback of ours is no output of the program
            self.has_died = True
        finally:
            leave_registry()
            self._ended.set()


def _is_cramped() -> bool:
    """Return whether the program has left our threads too little room for their calls."""
    return sys.getrecursionlimit() < _LEVELS


def unregistered(notify: Notify) -> Notify:
    """Return a notifier that leaves no thread of ours in ``threading``'s registry."""

    def tell(event: str, /, level: str = "info", **facts: object) -> None:
        notify(event, level, **facts)
        leave_registry()

    return tell


def leave_registry() -> None:
    """Take the calling thread, which is ours, out of ``threading``'s registry if it is there."""
    # Whoever asks for the current thread (logging does) makes a stand-in for a thread it does not
    # know, and puts it into the registry.
    active: dict[int, Any] = threading._active  # type: ignore[attr-defined]  # noqa: SLF001
    if isinstance(active.get(Threads.get_ident()), threading._DummyThread):  # noqa: SLF001
        active.pop(Threads.get_ident(), None)
