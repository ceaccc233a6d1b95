"""Carries a session through a fork of its process, however it happens."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Threads
from codetracer_otel.sdk.processes.signals import hold_end_signals

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def before() -> None:
        fork.is_of_thread = Threads.get_ident() != threading.main_thread().ident
        fork.release = None
        fork.session = session = active_session()
        if session is not None:
            session.before_fork()
            fork.release = hold_end_signals()

    def after_in_parent() -> None:
        session = fork.session
        try:
            if session is not None:
                session.after_fork_in_parent()
            fork.session = None
        finally:
            fork.let_end_signals_arrive()

    def after_in_child() -> None:
        session, fork.session = fork.session, None
        _Process.is_forked_by_thread |= fork.is_of_thread
        try:
            if session is not None:
                session.after_fork_in_child(is_forked_by_thread=_Process.is_forked_by_thread)
                deliver_at_child_end(session)
        finally:
            fork.let_end_signals_arrive()

    Os.register_at_fork(
        before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
    )
    # Registered twice: a signal handler of the program that raises in the first call ends it,
    # perhaps before it has done anything.
    Os.register_at_fork(after_in_parent=after_in_parent)

    def before_exit() -> None:
        session = active_session()
        if session is not None:  # its threads may be parked since a fork
            session.prepare_for_exit()

    _before_atexit(before_exit)


class _Fork(threading.local):
    """What the hooks of one fork share: threads may fork at the same time.

    Attributes:
        session: the one that came to rest; it may have ended when the fork is over.
        release: undoes `hold_end_signals`.
        is_of_thread: whether another thread than the program's first one forks.
    """

    session: Session | None = None
    release: Callable[[], object] | None = None
    is_of_thread = False

    def let_end_signals_arrive(self) -> None:
        """Undo `hold_end_signals`, once."""
        release, self.release = self.release, None
        if release is not None:
            release()


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
