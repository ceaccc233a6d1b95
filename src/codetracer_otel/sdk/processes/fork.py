"""Carries a session through a fork of its process, however it happens."""

from __future__ import annotations

import contextlib
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Threads
from codetracer_otel.sdk.processes.signals import WaitingSignals, hold_end_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codetracer_otel.sdk.session.session import Session

# multiprocessing runs finalizers of a higher priority first: ours comes after the program's own.
_LAST: Final = -1_000_000
_registered: list[Callable[[], Session | None]] = []


def watch_forks(active_session: Callable[[], Session | None]) -> None:
    """Register the fork hooks, once per process; they are inert while no session runs.

    Args:
        active_session: returns the running session at the time of a fork.
    """
    if _registered:
        return
    _registered.append(active_session)

    fork = _Fork()
    come: list[int] = []

    def before() -> None:
        fork.is_of_thread = Threads.get_ident() != threading.main_thread().ident
        fork.session = session = active_session()
        if session is not None:
            fork.waiting = WaitingSignals()
            session.before_fork()
            fork.release = hold_end_signals()

    def after_in_parent() -> None:
        session, fork.session = fork.session, None
        try:
            if session is not None:
                session.after_fork_in_parent()
        finally:
            come[:] = fork.let_signals_arrive()

    def after_in_child() -> None:
        session, fork.session = fork.session, None
        _Process.is_forked_by_thread |= fork.is_of_thread
        try:
            if session is not None:
                session.after_fork_in_child(is_forked_by_thread=_Process.is_forked_by_thread)
                deliver_at_child_end(session)
        finally:
            fork.let_signals_arrive()  # what has come was the parent's

    Os.register_at_fork(
        before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
    )
    # CPython prints what a hook raises. In here nothing but C code runs, so that handlers are
    # called behind the fork.
    handle = _again(partial(map, Threads.interrupt_main, come))
    Os.register_at_fork(after_in_parent=partial(any, handle))

    def before_exit() -> None:
        session = active_session()
        if session is not None:  # its threads may be parked since a fork
            session.prepare_for_exit()

    _before_atexit(before_exit)


def _again(begin: Callable[[], Iterator[object]]) -> Any:
    """Return what can be iterated over again and again, without Python code."""
    return type("Again", (), {"__iter__": staticmethod(begin)})()


class _Fork(threading.local):
    """What the hooks of one fork share: threads may fork at the same time.

    Attributes:
        session: the one that came to rest; it may have ended when the fork is over.
        waiting: keeps handlers of the program from raising in the hooks.
        release: undoes `hold_end_signals`.
        is_of_thread: whether another thread than the program's first one forks.
    """

    session: Session | None = None
    waiting: WaitingSignals | None = None
    release: Callable[[], object] | None = None
    is_of_thread = False

    def let_signals_arrive(self) -> list[int]:
        """Undo what keeps signals away, once; return those that handlers have not seen."""
        release, self.release = self.release, None
        waiting, self.waiting = self.waiting, None
        if release is not None:
            release()
        return [] if waiting is None else waiting.end()


class _Process:
    is_forked_by_thread = False  # by any ancestor: such a process ends with its last thread


def _before_atexit(call: Callable[[], None]) -> None:
    # atexit is too late: CPython starts no thread by then
    register: Any = getattr(threading, "_register_atexit", None)
    if register is not None:
        with contextlib.suppress(RuntimeError):  # the program is ending already
            register(call)


def deliver_at_child_end(session: Session) -> None:
    """Let a multiprocessing child shut its session down: CPython clears atexit there.

    The child also clears its finalizers as it begins its work; what is registered here runs after
    that.
    """
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(session, _register_finalizer)


def _register_finalizer(session: Session) -> None:
    session.prepare_for_exit()  # multiprocessing may terminate it before it has finished a call
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, session.shutdown, exitpriority=_LAST)
