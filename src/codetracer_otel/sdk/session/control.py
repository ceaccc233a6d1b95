"""Keeps the one control socket of this process, for as long as a session or a user wants it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from codetracer_otel.bindings import Os, Threads
from codetracer_otel.sdk.control.server import ControlServer
from codetracer_otel.sdk.delivery.worker import leave_registry
from codetracer_otel.sdk.session.control_commands import Commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.sdk.session.control_commands import Begin
    from codetracer_otel.sdk.session.session import Session


class _Open:
    """The socket that is open, and how many want it to stay."""

    lock = Threads.RLock()
    server: ControlServer | None = None
    users = 0
    end_injection: Callable[[], None] | None = None
    follows_forks = False


def open_control(active_session: Callable[[], Session | None], begin: Begin) -> Callable[[], None]:
    """Offer the control socket of this process; return what ends that, once.

    Args:
        active_session: returns the running session, or None.
        begin: starts one.

    Raises:
        EnvironmentFailure: there is no place for it.
    """
    with _Open.lock:
        if _Open.server is None:
            commands = Commands(active_session, begin, _end_injection)
            server = ControlServer(commands, commands.deadline, commands.end_session)
            server.start()
            _Open.server = server
            _follow_forks()
        _Open.users += 1
    wanted = [True]

    def undo() -> None:
        with _Open.lock:
            if not wanted:
                return
            wanted.clear()
            _Open.users -= 1
            if not _Open.users and _Open.server is not None:
                server, _Open.server = _Open.server, None
                server.close()

    return undo


def inject_control(
    active_session: Callable[[], Session | None], begin: Begin, paths: list[str]
) -> None:
    """Take commands in a process that was not prepared for it, until its session ends.

    Args:
        active_session: returns the running session, or None.
        begin: starts one.
        paths: entries that were appended to ``sys.path`` for it, and leave it again.
    """
    close = open_control(active_session, begin)

    def end() -> None:
        _Open.end_injection = None
        close()
        sys.path[:] = [path for path in sys.path if path not in paths]

    _Open.end_injection = end
    leave_registry()  # what was imported may have asked for the current thread


def _end_injection() -> None:
    if _Open.end_injection is not None:
        _Open.end_injection()


def _follow_forks() -> None:
    if _Open.follows_forks:
        return
    _Open.follows_forks = True

    def before() -> None:
        if _Open.server is not None:
            _Open.server.before_fork()

    def after_in_parent() -> None:
        if _Open.server is not None:
            _Open.server.after_fork_in_parent()

    def after_in_child() -> None:
        _Open.lock = Threads.RLock()
        if _Open.server is not None:
            _Open.server.after_fork_in_child()

    Os.register_at_fork(
        before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
    )
