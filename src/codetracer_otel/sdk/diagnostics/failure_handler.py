"""Applies the user's policy to a defect of ours: once, whichever thread meets it first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Paths
from codetracer_otel.errors import CodetracerError, ErrorCode, InternalError
from codetracer_otel.own_code import FOLDER, is_ours
from codetracer_otel.sdk.settings.error_policy import OnRecorderError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.sdk.diagnostics.metrics import Metrics
    from codetracer_otel.sdk.settings.error_policy import Policy

_READERS: Final = ("frame_variables.py", "safe_access.py")


class Failures:
    """What becomes of the first defect of a session; later ones are its consequences.

    Args:
        policy: of the session.
        notify: the session's log.
        metrics: the session's.
    """

    def __init__(self, policy: Policy, notify: Notify, metrics: Metrics) -> None:
        self._aborts = policy.on_recorder_error is OnRecorderError.ABORT
        self._notify = notify
        self._metrics = metrics
        # lists, because taking from one is atomic: a lock here could be met again by a signal
        self._pending: list[CodetracerError] = []
        self._chances = [True]
        self._stop: Callable[[str], object] = lambda _reason: None
        self._raise_soon: Callable[[], object] = lambda: None
        self._trace_id: Callable[[], str | None] = lambda: None

    def attach(
        self,
        stop: Callable[[str], object],
        raise_soon: Callable[[], object],
        trace_id: Callable[[], str | None],
    ) -> None:
        """Learn how to end the recording.

        Args:
            stop: ends it, given the name of the error's class.
            raise_soon: lets the program's next traced call raise what `take` returns.
            trace_id: returns the trace at work on this thread.
        """
        self._stop, self._raise_soon, self._trace_id = stop, raise_soon, trace_id

    def in_callback(self, error: BaseException) -> None:
        """Deal with a defect in a callback, on a thread of the program.

        Raises:
            CodetracerError: the policy is ``abort``, and nothing was raised before.
        """
        self._deal_with("recorder_failed", error)
        pending = self.take()
        if pending is not None:
            raise pending from error

    def in_worker(self, error: BaseException) -> None:
        """Deal with a defect on a thread of ours; the program learns of it at its next call."""
        if self._deal_with("drain_failed", error):
            self._raise_soon()

    def at_end(self, error: BaseException) -> None:
        """Deal with a defect as the session ends, which raises what `take` returns."""
        self._deal_with("finish_failed", error)

    def take(self) -> CodetracerError | None:
        """Return the error that the program is still to see, this one time."""
        try:
            return self._pending.pop()
        except IndexError:
            return None

    @property
    def has_failed(self) -> bool:
        """Whether there was a defect."""
        return not self._chances

    def _deal_with(self, event: str, error: BaseException) -> bool:
        try:
            self._chances.pop()
        except IndexError:
            return False
        trace_id = self._trace_id()
        name = type(error).__qualname__
        self._stop_recording(name)
        module, file, line = place_of(error)
        code = code_of(error, file)
        self._metrics.internal_error(event)
        self._metrics.detached(event, code)
        if self._aborts:
            self._pending.append(_as_ours(event, error, code, f"{module}:{line}"))
        self._notify(
            event, "error", error=name, error_code=code, trace_id=trace_id,
            module_path=module, file=file, line=line,
        )  # fmt: skip
        return True

    def _stop_recording(self, reason: str) -> None:
        try:
            self._stop(reason)
        except Exception:  # noqa: BLE001 - what failed once fails again as its calls are finished
            self._metrics.internal_error("stop_failed")


def _as_ours(event: str, error: BaseException, code: ErrorCode, place: str) -> CodetracerError:
    if isinstance(error, CodetracerError):
        return error
    name = type(error).__qualname__
    message = f"{event.replace('_', ' ')}: {name}; recording is off"
    made = InternalError(message, code, {"at": place})
    made.__cause__ = error
    return made


def place_of(error: BaseException) -> tuple[str, str, int]:
    """Return module, file and line of this package in which an error arose."""
    found = ("codetracer_otel", "", 0)
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if is_ours(file):
            inner = file.removeprefix(FOLDER).removesuffix(".py")
            module = ".".join(("codetracer_otel", *inner.split(os.sep)))
            found = (module, file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def code_of(error: BaseException, file: str) -> ErrorCode:
    """Return the stable identifier of a defect."""
    if isinstance(error, CodetracerError):
        return error.code
    if Paths.basename(file) in _READERS:
        return ErrorCode.FRAME_INTROSPECTION_FAILED
    return ErrorCode.UNKNOWN
