"""Ends a program as the interpreter does when an exception has left ``__main__``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NoReturn

from codetracer_otel.errors import CodetracerError
from codetracer_otel.own_code import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    ExceptionHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]

_DISPLAY: Final = sys.__excepthook__

INTERRUPTED: Final = 130  # what a shell reports for a process that SIGINT has ended


def report_uncaught(error: BaseException) -> int:
    """Show an exception as the interpreter would and return the exit status it asks for.

    Raises:
        SystemExit: the program's ``sys.excepthook`` asked for it.
    """
    error.__traceback__ = without_our_frames(error.__traceback__)
    _remember(error)
    _call_hook(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return error.exit_status if isinstance(error, CodetracerError) else 1


def raise_silently(error: KeyboardInterrupt) -> NoReturn:
    """Let the interpreter finish and then end the process by SIGINT, as it does for its own.

    Raises:
        KeyboardInterrupt: ``error``, which is not shown again.
    """
    sys.excepthook = _SilentOnce(error)
    raise error


def without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of this package at its outer end."""
    while traceback and is_ours(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return traceback


def _remember(error: BaseException) -> None:
    sys.last_exc = error
    sys.last_type = type(error)
    sys.last_value = error
    sys.last_traceback = error.__traceback__


def _call_hook(error: BaseException) -> None:
    hook: ExceptionHook | None = getattr(sys, "excepthook", None)
    sys.audit("sys.excepthook", hook, type(error), error, error.__traceback__)
    if hook is None:
        _write("sys.excepthook is missing\n")
        _display(error)
        return
    second = _failure_of(hook, error)
    if second is None:
        return
    _write("Error in sys.excepthook:\n")
    _display(second)
    _write("\nOriginal exception was:\n")
    _display(error)


def _failure_of(hook: ExceptionHook, error: BaseException) -> BaseException | None:
    try:
        hook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as failure:  # noqa: BLE001 - whatever the program's hook raises is shown
        failure.__traceback__ = without_our_frames(failure.__traceback__)
        return failure
    return None


def _display(error: BaseException) -> None:
    _DISPLAY(type(error), error, error.__traceback__)


def _write(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(text)


class _SilentOnce:
    """An exception hook that shows nothing and puts back what it replaced."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._traceback = error.__traceback__
        self._replaced = getattr(sys, "excepthook", _DISPLAY)

    def __call__(self, *_: object) -> None:
        sys.excepthook = self._replaced
        self._error.__traceback__ = self._traceback
        _remember(self._error)
