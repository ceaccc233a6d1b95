"""Delivers what is buffered at `os._exit` and `os.exec`, which run no hooks."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from codetracer_otel.bindings import Paths

if TYPE_CHECKING:
    from collections.abc import Callable


def deliver_before_os_exit(end_session: Callable[[], object]) -> Callable[[], None]:
    """Have `os._exit` and `os.exec` end the session first.

    Workers of rq, Celery and billiard leave by the former, servers that restart themselves by the
    latter. Code that imported a function by its name earlier keeps the original one.

    Args:
        end_session: is called on the thread that leaves, and has to come back.

    Returns:
        What undoes it; a function that somebody has put there since stays.
    """
    leave = os._exit

    def _exit(status: SupportsIndex) -> NoReturn:
        code = operator.index(status)  # raises as the original does, before anything ends
        try:
            end_session()
        finally:
            leave(code)

    ours: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {"_exit": (leave, _exit)}
    for name in ("execv", "execve"):  # all other forms of `os.exec` call one of these
        if (execute := getattr(os, name, None)) is not None:
            ours[name] = (execute, _ending_first(execute, end_session))

    def undo() -> None:
        for name, (original, replacement) in ours.items():
            if getattr(os, name) is replacement:
                setattr(os, name, original)

    for name, (_, replacement) in ours.items():
        setattr(os, name, replacement)
    return undo


def _ending_first(
    execute: Callable[..., NoReturn], end_session: Callable[[], object]
) -> Callable[..., NoReturn]:
    def exec_(path: Any, *arguments: Any, **named: Any) -> NoReturn:
        # `os.execvp` tries each directory of PATH, and the program continues if all fail: the
        # session ends only before an attempt that will probably succeed.
        try:
            if _is_executable(path):
                end_session()
        finally:
            execute(path, *arguments, **named)

    return exec_


def _is_executable(path: Any) -> bool:
    try:
        return isinstance(path, int) or (Paths.is_file(path) and os.access(path, os.X_OK))
    except (OSError, TypeError, ValueError):
        return False  # the original raises the right error
