"""Keeps sessions to the main interpreter of a process, which subinterpreters are not."""

from __future__ import annotations

import _thread

from codetracer_otel.errors import EnvironmentFailure, ErrorCode


def is_main_interpreter() -> bool:
    """Return whether this is the interpreter that the process began with."""
    ask = getattr(_thread, "_is_main_interpreter", None)  # 3.12.0 has no way of asking
    return ask is None or bool(ask())


def require_main_interpreter() -> None:
    """Refuse what a subinterpreter cannot do.

    There signals cannot be handled, ``regex`` and ``tomli`` cannot be loaded or fail in the second
    one, and a worker that still runs when such an interpreter is destroyed aborts the process.

    Raises:
        EnvironmentFailure: this is a subinterpreter.
    """
    if not is_main_interpreter():
        raise EnvironmentFailure(
            "a session can only be started in the main interpreter, and this is a subinterpreter; "
            "mod_wsgi uses the main one with: WSGIApplicationGroup %{GLOBAL}",
            ErrorCode.OTHER_INTERPRETER,
        )
