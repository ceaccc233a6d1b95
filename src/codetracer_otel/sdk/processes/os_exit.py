"""Delivers what is there when the process ends by `os._exit`, which asks nobody."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, NoReturn, SupportsIndex

if TYPE_CHECKING:
    from collections.abc import Callable


def deliver_before_os_exit(end_session: Callable[[], object]) -> Callable[[], None]:
    """Have `os._exit` end the session first: workers of rq, Celery and billiard leave by it.

    Who has imported the function by its name before keeps the original one.

    Args:
        end_session: is called on the thread that leaves, and has to come back.

    Returns:
        What undoes it; a function that somebody has put there since stays.
    """
    leave = os._exit

    def _exit(status: SupportsIndex) -> NoReturn:
        code = operator.index(status)  # a wrong one raises, and the program goes on
        try:
            end_session()
        finally:
            leave(code)

    def undo() -> None:
        if os._exit is _exit:
            os._exit = leave

    os._exit = _exit
    return undo
