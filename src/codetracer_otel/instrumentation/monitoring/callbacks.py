"""The policy boundary around the recorder's callbacks: what becomes of an exception in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


def build_boundary(
    on_failure: Callable[[BaseException], None], is_ours: Callable[[str], bool]
) -> Callable[[BaseException], None]:
    """Return the function that every callback calls with an exception it could not handle.

    The callbacks hold the ``try`` themselves: a wrapper around them would cost every traced call
    a Python call and the program a level of recursion.

    Args:
        on_failure: applies the user's policy to a defect of ours; may raise into the program.
        is_ours: answers whether a code file is one of this package.
    """

    def boundary(error: BaseException) -> None:
        if not is_defect(error, is_ours):
            raise error
        on_failure(error)

    return boundary


def is_defect(error: BaseException, is_ours: Callable[[str], bool]) -> bool:
    """Return whether an exception in a callback is our fault.

    Signals are delivered inside callbacks as they are anywhere: what a handler of the program
    raises is the program's, and so are an interrupt and the end of its stack.
    """
    if isinstance(error, KeyboardInterrupt | RecursionError | SystemExit):
        return False
    return is_ours(_origin(error.__traceback__))


def _origin(traceback: TracebackType | None) -> str:
    file = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        traceback = traceback.tb_next
    return file


def reraise(error: BaseException) -> None:
    """Raise every exception of a callback: the boundary of this project's own tests."""
    raise error
