"""Surrounds the recorder's callbacks: the policy boundary, and activation."""

from __future__ import annotations

import os.path
import sys
from typing import TYPE_CHECKING, Any, Final, Protocol

from codetracer_otel.bindings import Os, Paths
from codetracer_otel.filters.code.paths import absolute_path
from codetracer_otel.instrumentation.monitoring.api import DISABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, TracebackType

    from codetracer_otel.instrumentation.monitoring.tool import Monitor

_PYTHON: Final = os.path.dirname(os.__file__) + os.sep
_frame_of = sys._getframe  # noqa: SLF001 - the documented way to the caller's frame


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

    def error_boundary(error: BaseException) -> None:
        if not is_defect(error, is_ours):
            raise error
        on_failure(error)

    return error_boundary


def is_defect(error: BaseException, is_ours: Callable[[str], bool]) -> bool:
    """Return whether an exception in a callback is our fault.

    Signals are delivered inside callbacks as they are anywhere: what a handler of the program
    raises is the program's, and so are an interrupt and the end of its stack. What the standard
    library raises where only we stand above it is ours.
    """
    if isinstance(error, KeyboardInterrupt | RecursionError | SystemExit):
        return False
    files = _files_of(error.__traceback__)
    if files and is_ours(files[-1]):
        return True
    return bool(files) and all(is_ours(file) or _is_of_python(file) for file in files)


def _files_of(traceback: TracebackType | None) -> list[str]:
    files = []
    while traceback is not None:
        files.append(traceback.tb_frame.f_code.co_filename)
        traceback = traceback.tb_next
    return files


def _is_of_python(file: str) -> bool:
    """Return whether a file is one of the standard library, where no handler of a program is."""
    if file.startswith("<frozen "):
        return True
    return file.startswith(_PYTHON) and "-packages" not in file


class ActivatedRecorder(Protocol):
    """The part of a recorder that activation needs."""

    def callbacks(self, depth: int = 1) -> Mapping[str, Callable[..., Any]]:
        """Return event name -> callable, as `ports.Recorder`."""

    def close(self) -> None:
        """Finish every open record."""


class Activation:
    """Lets a recorder record from the first entry into one file until that code returns, once.

    Before, the only callback looks at the file of each code object, once; after, the switchboard
    is uninstalled.

    Args:
        path: absolute path of the file.
        monitor: the recorder's switchboard.
        recorder: whose callbacks are installed in between.
        error_boundary: is told of every exception in a callback; raises it or returns.
    """

    def __init__(
        self,
        path: str,
        monitor: Monitor,
        recorder: ActivatedRecorder,
        error_boundary: Callable[[BaseException], None],
    ) -> None:
        self.is_recording = False
        self.was_entered = False
        self._path = path
        self._name = Paths.basename(path)
        self._monitor = monitor
        self._recorder = recorder
        self._error_boundary = error_boundary
        self._chances = [True]  # popped by the thread that enters first

    def callbacks(self) -> Mapping[str, Callable[..., Any]]:
        """Return what to install before the file is entered."""
        return {"PY_START": self._on_start}

    def _on_start(self, code: CodeType, offset: int) -> object:
        try:
            if not self._is_entered_by(code):
                self._monitor.skipped(code)
                return DISABLE
            if not self._is_first():
                return None
            deep = self._recorder.callbacks(depth=2)
            self._install(code, id(_frame_of(1)), deep)
        except BaseException as error:  # noqa: BLE001 - the one policy boundary
            self._error_boundary(error)
            return None
        return deep["PY_START"](code, offset)

    def _is_entered_by(self, code: CodeType) -> bool:
        file = code.co_filename
        if Paths.basename(file) != self._name:
            return False
        return absolute_path(file) == self._path or _is_same_file(file, self._path)

    def _is_first(self) -> bool:
        try:
            return self._chances.pop()
        except IndexError:
            return False  # another thread was faster

    def _install(self, code: CodeType, frame: int, deep: Mapping[str, Callable[..., Any]]) -> None:
        callbacks = {**self._recorder.callbacks(), **self._ends(code, frame, deep)}
        self._monitor.rearm()
        self._monitor.install(callbacks)
        self._monitor.watch(code)  # its end is to be seen, whether it is recorded or not
        self.is_recording = self.was_entered = True

    def _ends(
        self, entered: CodeType, frame: int, deep: Mapping[str, Callable[..., Any]]
    ) -> Mapping[str, Callable[..., Any]]:
        record_return, record_unwind = deep["PY_RETURN"], deep["PY_UNWIND"]

        def on_return(code: CodeType, offset: int, value: Any) -> object:
            result = record_return(code, offset, value)
            if code is entered and id(_frame_of(1)) == frame:
                self._end()
            return result

        def on_unwind(code: CodeType, offset: int, raised: BaseException) -> object:
            try:
                return record_unwind(code, offset, raised)
            finally:
                if code is entered and id(_frame_of(1)) == frame:
                    self._end()

        return {"PY_RETURN": on_return, "PY_UNWIND": on_unwind}

    def _end(self) -> None:
        self.is_recording = False
        try:
            self._monitor.uninstall()
            self._recorder.close()
        except BaseException as error:  # noqa: BLE001 - the one policy boundary
            self._error_boundary(error)


def _is_same_file(file: str, path: str) -> bool:
    try:
        first, second = Os.stat(file), Os.stat(path)
    except (OSError, ValueError):
        return False  # synthetic names, files that are gone
    return (first.st_ino, first.st_dev) == (second.st_ino, second.st_dev)
