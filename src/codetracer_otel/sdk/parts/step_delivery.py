"""Takes recorded steps to native traces, from a thread of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Event, Time
from codetracer_otel.sdk.delivery.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetracer_otel.instrumentation.steps.recorder import StepRecorder
    from codetracer_otel.model.step_entries import Entry, StepSink

_STOP: Final = object()
_WAKE: Final = object()
_FIRST_INTERVAL_S: Final = 0.1  # the first ten deliveries: a person watches, or a crash is near
_FIRST_DELIVERIES: Final = 10
_PARK_S: Final = 1.0


class StepDelivery:
    """Drains a recorder at intervals, and when one of its threads has no room left.

    Args:
        recorder: whose entries are taken.
        sinks: where they go.
        interval_s: seconds between two deliveries.
        on_thread_start: called first on the worker thread.
        on_error: told of a defect of ours; nothing more is delivered then.
    """

    def __init__(
        self,
        recorder: StepRecorder,
        sinks: Sequence[StepSink],
        interval_s: float,
        on_thread_start: Callable[[], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._recorder = recorder
        self._sinks = tuple(sinks)
        self._interval_s = interval_s
        self._on_error = on_error
        self._deliveries = 0
        self._is_parked = self._has_failed = False
        self._worker = Worker(
            self._handle, self._next_interval, on_thread_start, on_failure=self._on_failure
        )

    def start(self) -> None:
        """Start the thread."""
        self._recorder.wake = self._wake
        self._recorder.is_delivering = True
        self._worker.start()

    def flush(self, timeout: float) -> bool:
        """Return whether everything recorded before the call was delivered in ``timeout`` s."""
        done = Event()
        self._unpark()
        self._worker.put(done)
        return done.wait(timeout) and not self._has_failed

    def stop(self, timeout: float) -> bool:
        """Deliver the rest and end the sinks; return whether that was in time.

        To be called when no event fires any more.
        """
        self._unpark()
        self._worker.put(_STOP)
        is_ended = self._worker.join(Time.monotonic() + timeout)
        self._recorder.is_delivering = False
        self._recorder.give_up()
        return is_ended

    def park(self) -> None:
        """Bring the thread to rest before a fork; it ends where it would be the second one."""
        self._worker.rest(Time.monotonic() + _PARK_S)

    def unpark_soon(self) -> None:
        """Go on after `park`, a thread that ended with the next step."""
        self._worker.release()
        self._is_parked = True
        self._recorder.wake_with_next()

    def _wake(self) -> None:
        self._unpark()
        self._worker.put(_WAKE)

    def _unpark(self) -> None:
        if self._is_parked:
            self._is_parked = False
            self._worker.unpark()

    def _next_interval(self) -> float:
        is_early = self._deliveries < _FIRST_DELIVERIES
        return min(self._interval_s, _FIRST_INTERVAL_S) if is_early else self._interval_s

    def _handle(self, command: Any) -> bool:
        # After a failure the thread stays, to answer who flushes: nobody waits for nothing.
        try:
            if not self._has_failed:
                self._deliver(command)
        except Exception as error:  # noqa: BLE001 - the thread's outermost frame of ours
            self._fail(error)
        finally:
            if isinstance(command, Event):
                command.set()
        return command is not _STOP

    def _on_failure(self, command: Any, error: BaseException) -> bool:
        self._fail(error)
        return command is not _STOP

    def _fail(self, error: BaseException) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._recorder.is_delivering = False
            self._on_error(error)

    def _deliver(self, command: Any) -> None:
        self._deliveries += command is None
        is_last = command is _STOP or isinstance(command, Event)
        self._recorder.drain(self._take, is_last=is_last)
        for number in self._recorder.take_ended_threads():
            for sink in self._sinks:
                sink.end_thread(number)
        if command is _STOP:
            for sink in self._sinks:
                sink.finish()

    def _take(self, thread: int, entries: list[Entry]) -> None:
        for sink in self._sinks:
            sink.write(thread, entries)
