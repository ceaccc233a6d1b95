"""What happens to a session when its process forks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.sdk.session import Session

_registered: list[Callable[[], Session | None]] = []


def watch_forks(active_session: Callable[[], Session | None]) -> None:
    """Register the fork hooks, once per process; they are inert while no session runs.

    Args:
        active_session: returns the running session at the time of a fork.
    """
    if _registered:
        return
    _registered.append(active_session)

    def after_in_child() -> None:
        session = active_session()
        if session is not None:
            session.after_fork_in_child()

    os.register_at_fork(after_in_child=after_in_child)
