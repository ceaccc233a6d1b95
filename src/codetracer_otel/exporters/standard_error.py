"""The standard error of the process as it was when a session began.

Tests and tools replace ``sys.stderr`` and descriptor 2 to see what the program writes there. What
this package says goes to where the program's standard error went before that.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.exporters.files.line_writer import DescriptorOutput, StreamOutput

if TYPE_CHECKING:
    from collections.abc import Callable

_STDERR: Final = 2


class StandardError:
    """Writes text to a stream that does not follow ``sys.stderr`` when that is replaced.

    That is a duplicate of descriptor 2 where the stream writes to it; else the object. A
    forked child gives the duplicate up, or a terminal or pipe would stay open as long as a daemon
    runs, and writes to its descriptor 2 as long as that is the same file.

    Args:
        stream: what ``sys.stderr`` is now; None where there is none.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._descriptor = _duplicate_of(self._stream)
        self._output = self._descriptor or StreamOutput(lambda: self._stream)

    def isatty(self) -> bool:
        """Return whether people read what is written."""
        if self._descriptor is not None:
            return self._descriptor.isatty()
        try:
            return bool(self._stream.isatty())
        except Exception:  # noqa: BLE001 - a stream of the program may raise anything
            return False

    def is_same_as(self, output: DescriptorOutput) -> bool:
        """Return whether what is written here goes to the same file as what goes to ``output``."""
        return self._descriptor is not None and self._descriptor.identity == output.identity

    def write(self, text: str) -> None:
        """Write ``text``.

        Raises:
            OSError: there was no standard error, or it was closed.
        """
        self._output.write(text)

    def flush(self) -> None:
        """Flush the object, if it is one."""
        self._output.flush()

    def reopen_after_fork(self, path: str | None = None) -> None:  # noqa: ARG002 - as any output
        """Give the duplicate up."""
        if self._descriptor is not None:
            self._descriptor.give_up_for(_STDERR)

    def close(self) -> None:
        """Do nothing: others write here, too; see `release`."""

    def release(self) -> None:
        """Close the duplicate."""
        if self._descriptor is not None:
            self._descriptor.close()


def _duplicate_of(stream: Any) -> DescriptorOutput | None:
    try:
        if stream.fileno() != _STDERR:
            return None
        return DescriptorOutput(_STDERR, str(stream.encoding))
    except Exception:  # noqa: BLE001 - a stream of the program may be anything
        return None


class _Held:
    by_session: StandardError | None = None


def hold_standard_error() -> Callable[[], None]:
    """Let `standard_error` be what it is now until the result, its undo, is called."""
    held = _Held.by_session = StandardError(sys.stderr)

    def release() -> None:
        if _Held.by_session is held:
            _Held.by_session = None
        held.release()

    return release


def standard_error() -> StandardError:
    """Return the standard error as the running session found it, or as it is now without one."""
    return _Held.by_session or StandardError(sys.stderr)
