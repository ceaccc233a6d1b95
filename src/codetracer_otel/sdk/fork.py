"""What happens to a session when its process forks, by whatever road."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.sdk.signals import hold_sigterm

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.sdk.session import Session

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

    held = threading.local()  # threads may fork at the same time

    def before() -> None:
        session = active_session()
        if session is not None:
            session.before_fork()
            held.release = hold_sigterm()

    def after_in_parent() -> None:
        session = active_session()
        try:
            if session is not None:
                session.after_fork_in_parent()
        finally:
            _release(held)

    def after_in_child() -> None:
        session = active_session()
        try:
            if session is not None:
                session.after_fork_in_child()
                deliver_at_child_end(session)
        finally:
            _release(held)

    os.register_at_fork(
        before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
    )
    _before_atexit(lambda: after_last_fork(active_session()))


def _release(held: threading.local) -> None:
    release: Callable[[], None] | None = held.__dict__.pop("release", None)
    if release is not None:
        release()


def after_last_fork(session: Session | None) -> None:
    """Let a session that is quiet since a fork have its threads back while there can be any."""
    if session is not None:
        session.prepare_for_exit()


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
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, session.shutdown, exitpriority=_LAST)
