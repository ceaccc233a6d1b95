"""One exporter with its own thread and bounded queue, so that it slows down nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, set_value

from codetracer_otel.bindings import Event, Threads, Time
from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.instrumentation.spans.room import PATIENCE_S
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.delivery.batch_weight import batch_bytes
from codetracer_otel.sdk.delivery.worker import DetachedThread, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.model.protocols import Exporter, Notify
    from codetracer_otel.model.span_view import Batch

_STOP: Final = object()
CATCH_UP_S: Final = 0.2  # between two looks at an exporter that catches up
_REASONS: Final = {
    "dropped_queue_full": "queue_full",
    "failed": "export_failed",
    "rejected": "rejected",
    "dropped_at_shutdown": "shutdown",
}
"""Counter of a queue -> the reason that users read."""
_GRACE_S: Final = 0.05  # for a thread whose exporter was just told to give up


class _Flush(NamedTuple):
    done: Event
    outcome: list[bool]
    deadline: float


class ExportQueue:
    """Delivers batches to one exporter.

    Beside the methods of `ports.Exporter` an exporter may have ``stats()``, which returns counters
    of its own; ``begin_shutdown()``, called from any thread, after which it should not wait for
    what may never come; ``note_losses()``, called after ``shutdown()`` with what all exporters of
    the session have come to; and ``reopen_after_fork()``, called in a forked child.

    Args:
        name: as the user wrote it; for counters and messages.
        exporter: where the batches go.
        max_spans: bound on the spans that wait; the newest batch is left out beyond it.
        max_bytes: bound on about how much memory they take.
        notify: told of failures.
        on_thread_start: called first on the queue's thread.
        weigh: returns about how many bytes a batch takes.
        is_waited_for: whoever puts asks `is_worth_waiting_for` first, so a batch that goes beyond
            ``max_bytes`` is taken where it found room.
    """

    def __init__(
        self,
        name: str,
        exporter: Exporter,
        max_spans: int,
        max_bytes: int,
        notify: Notify,
        on_thread_start: Callable[[], None],
        weigh: Callable[[Batch], int] = batch_bytes,
        *,
        is_waited_for: bool = False,
    ) -> None:
        self.name = name
        self.exporter = exporter
        self.counters: Counter[str] = Counter()
        self._max_spans = max_spans
        self._max_bytes = max_bytes
        self._notify = notify
        self._weigh = weigh
        self._is_waited_for = is_waited_for
        self._waiting = self._waiting_bytes = self._given_up = 0
        self._state = Threads.allocate_lock()
        self._is_failing = False
        self._exports = self._export_at_work = self._too_busy_to_rest = 0
        self._progressed_at = 0.0
        self._deadline = 0.0
        self._uncounted = 0  # spans of the batch in work
        self._on_thread_start = on_thread_start
        self._worker = Worker(
            self._handle, lambda: None, self._begin_thread, on_failure=self._on_failure
        )

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def _begin_thread(self) -> None:
        """Let no instrumentation make a span of an export: it would ask for the next export."""
        self._on_thread_start()
        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))

    def put(self, batch: Batch) -> None:
        """Queue a batch, or leave it out and count it when the queue is full."""
        # an exporter that keeps up is not made to wait for the weighing
        size = self._weigh(batch) if self._waiting else 0
        with self._state:
            if self._worker.has_died:
                self.counters["failed"] += len(batch)
                return
            if self._deadline:  # nobody comes to what is behind the end
                self.counters["dropped_at_shutdown"] += len(batch)
                return
            excess = 0 if self._is_waited_for else size
            if self._waiting and not self._has_room_for(len(batch), excess):
                self.counters["dropped_queue_full"] += len(batch)
                return
            if not self._waiting:
                self._progressed_at = Time.monotonic()
            self._waiting += len(batch)
            self._waiting_bytes += size
            self._worker.put((batch, size))

    def is_worth_waiting_for(self, spans: int) -> bool:
        """Return whether there is no room for so many spans, and soon will be.

        That is so while an exporter that the program waits for goes on delivering.
        """
        return self.is_catching_up and not self._has_room_for(spans, 0)

    @property
    def is_catching_up(self) -> bool:
        """Whether the program waits for this exporter, which has a backlog and still delivers."""
        return self._is_waited_for and self._goes_on

    def is_busy(self, spans: int, size: int) -> bool:
        """Return whether spans of about so many bytes find room later, and would be dropped now.

        For what can wait where it is, whatever the program waits for.
        """
        return self._goes_on and not self._has_room_for(spans, size)

    def is_behind(self, spans: int) -> bool:
        """Return whether more than so many spans wait that will soon be delivered."""
        return self._waiting > spans and self._goes_on

    @property
    def _goes_on(self) -> bool:
        if self._worker.has_died or not self._waiting:
            return False
        return Time.monotonic() - self._progressed_at < PATIENCE_S

    def _has_room_for(self, spans: int, size: int) -> bool:
        is_in_number = self._waiting + spans <= self._max_spans
        return is_in_number and self._waiting_bytes + size <= self._max_bytes

    def begin_flush(self, deadline: float) -> Callable[[], bool]:
        """Ask for a flush until ``deadline`` (monotonic s); the result waits for the answer."""
        done = Event()
        outcome: list[bool] = []
        self._worker.put(_Flush(done, outcome, deadline))
        if self._worker.has_died:
            return lambda: False
        return lambda: done.wait(max(deadline - Time.monotonic(), 0.0)) and all(outcome)

    def begin_stop(self, deadline: float) -> None:
        """Ask the queue to deliver what is queued until ``deadline`` (monotonic s) and to end."""
        with self._state:
            self._deadline = deadline
        begin_shutdown = getattr(self.exporter, "begin_shutdown", None)
        if callable(begin_shutdown):
            begin_shutdown()
        self._worker.put(_STOP)

    def wait_for_stop(self, *, is_patient: bool = False) -> bool:
        """Wait for the end that `begin_stop` asked for; past its deadline end the exporter.

        Args:
            is_patient: past the deadline, too, while an exporter that the program waits for
                catches up.
        """
        has_ended = self._worker.join(self._deadline)
        while not has_ended and is_patient and self.is_catching_up:
            self._deadline = Time.monotonic() + CATCH_UP_S
            has_ended = self._worker.join(self._deadline)
        if has_ended and not self._worker.has_died:
            return True
        if self._waiting and not self._worker.has_died:
            reason = "not done by the end of the session"
            self._notify("exporter_failing", "warn", exporter=self.name, reason=reason)
        has_ended = self._ends_in_grace()
        with self._state:
            self._given_up = self._waiting
            self.counters["dropped_at_shutdown"] += self._waiting
            self._waiting = self._waiting_bytes = 0
        return has_ended

    def _ends_in_grace(self) -> bool:
        closing = DetachedThread(self._end_exporter)  # it may hang in there, too
        try:
            closing.start()
        except RuntimeError:  # the interpreter is about to end, and the exporter with it
            return False
        return closing.join(_GRACE_S) and self._worker.join(Time.monotonic() + _GRACE_S)

    def losses(self) -> dict[str, int]:
        """Return how many spans this exporter lost, by reason, as far as there are any."""
        return {reason: lost for key, reason in _REASONS.items() if (lost := self.counters[key])}

    def note_losses(self, losses: Mapping[str, Any]) -> None:
        """Let an exporter whose thread has ended say in its output what was lost."""
        note = getattr(self.exporter, "note_losses", None)
        if self._worker.is_alive or not callable(note):
            return
        try:
            note(losses)
        except BaseException as error:  # noqa: BLE001 - an exporter may raise anything
            self._fail(error)

    @property
    def cpu_ns(self) -> int:
        """CPU time of its thread, up to the last batch."""
        return self._worker.cpu_ns

    def stats(self) -> dict[str, Any]:
        """Return the counters and the number of spans that wait."""
        counters: dict[str, Any] = dict(self.counters)
        counters["queue_depth"] = self._waiting
        counters["dropped"] = self.losses()
        own = self._own_stats()
        if own:
            counters["exporter"] = own
        return counters

    def park(self, deadline: float) -> bool:
        """Be without a thread, if everything is exported before ``deadline`` (monotonic s).

        Returns whether the thread is gone.
        """
        return self._rest(self._worker.park, deadline)

    def hold(self, deadline: float) -> bool:
        """Export nothing until `release`; return whether that was so by ``deadline``."""
        return self._rest(self._worker.hold, deadline)

    def _rest(self, rest: Callable[[float], bool], deadline: float) -> bool:
        """Wait for an export that does not end in one fork only, not in every one."""
        at_work = self._export_at_work
        if at_work and at_work == self._too_busy_to_rest:
            deadline = 0.0
        is_at_rest = rest(deadline)
        if not is_at_rest:
            self._too_busy_to_rest = at_work
        return is_at_rest

    def unpark(self) -> None:
        """Undo `park`."""
        self._worker.unpark()

    def release(self) -> None:
        """Undo this thread's `hold`."""
        self._worker.release()

    def after_fork(self) -> None:
        """Begin anew in a forked child; what waits is delivered by the parent."""
        self._state = Threads.allocate_lock()
        self._waiting = self._waiting_bytes = self._given_up = 0
        self._exports = self._export_at_work = self._too_busy_to_rest = 0
        self._is_failing = False
        self.counters.clear()
        self._reopen_exporter()
        self._worker.renew()

    def _reopen_exporter(self) -> None:
        reopen = getattr(self.exporter, "reopen_after_fork", None)
        try:
            if callable(reopen):
                reopen()
        except BaseException as error:  # noqa: BLE001 - an exporter may raise anything
            self._fail(error)

    def _handle(self, item: Any) -> bool:
        if item is _STOP:
            self._end_exporter()
            return False
        if isinstance(item, _Flush):
            item.outcome.append(self._flush_exporter(max(item.deadline - Time.monotonic(), 0.0)))
            item.done.set()
        else:
            self._export(*item)
        return True

    def _on_failure(self, item: Any, error: BaseException) -> bool:
        """Count what was in work when an exception came from outside of the exporter."""
        lost, self._uncounted = self._uncounted, 0
        with self._state:
            self._let_go(lost, item[1] if lost else 0)
            self._take_back(lost)
            self.counters["dropped_at_shutdown" if self._is_too_late else "failed"] += lost
        self._fail(error)
        if isinstance(item, _Flush):
            item.outcome.append(False)
            item.done.set()
        return item is not _STOP

    def _flush_exporter(self, timeout: float) -> bool:
        try:
            return bool(self.exporter.flush(timeout))
        except BaseException as error:  # noqa: BLE001 - an exporter may raise anything
            self._fail(error)
            return False

    def _export(self, batch: Batch, size: int) -> None:
        self._uncounted = len(batch)
        losses = self._own_losses()
        self._exports += 1
        self._export_at_work = self._exports
        try:
            result = self.exporter.export(batch)
        except BaseException as error:  # noqa: BLE001 - an exporter may raise anything
            result = ExportResult.FAILURE
            self._fail(error)
        self._export_at_work = 0
        if result is ExportResult.SUCCESS:
            self._progressed_at = Time.monotonic()
        own = self._own_losses() - losses
        with self._state:  # at the end of a session another thread counts, too
            self._let_go(len(batch), size)
            self._take_back(len(batch))
            self._count(len(batch), result, own)
            self._uncounted = 0
        if result is ExportResult.SUCCESS and self._is_failing:
            self._is_failing = False
            self._notify("exporter_recovered", "warn", exporter=self.name)

    def _let_go(self, spans: int, size: int) -> None:
        self._waiting = max(self._waiting - spans, 0)
        self._waiting_bytes = max(self._waiting_bytes - size, 0)

    def _take_back(self, spans: int) -> None:
        """Count a batch no longer as dropped at shutdown: what came of it is known in the end."""
        answered = min(spans, self._given_up)
        self._given_up -= answered
        if answered:
            self.counters["dropped_at_shutdown"] -= answered

    def _count(self, spans: int, result: ExportResult, own: Counter[str]) -> None:
        if result is not ExportResult.SUCCESS:
            self.counters["failed_batches"] += 1
            if not own:  # it keeps no account of its own
                own = Counter(failed=spans)
        self.counters["exported"] += max(spans - own.total(), 0)
        if self._is_too_late:  # it was told to give up
            own["dropped_at_shutdown"] = own.pop("failed", 0)
        self.counters.update(own)

    @property
    def _is_too_late(self) -> bool:
        return self._deadline > 0 and Time.monotonic() >= self._deadline

    def _own_losses(self) -> Counter[str]:
        """Return how many spans were lost so far, by the exporter's own account if it has one."""
        stats = self._own_stats()
        failed = stats.get("spans_failed", 0) + stats.get("spans_unencodable", 0)
        return Counter(failed=failed, rejected=stats.get("spans_rejected", 0))

    def _own_stats(self) -> Mapping[str, Any]:
        stats = getattr(self.exporter, "stats", None)
        try:
            found = stats() if callable(stats) else None
        except BaseException as error:  # noqa: BLE001 - an exporter may raise anything
            self._fail(error)
            return {}
        return found if isinstance(found, dict) else {}

    def _fail(self, error: BaseException) -> None:
        self.counters["exceptions"] += 1
        if not self._is_failing:
            self._is_failing = True
            self._notify(
                "exporter_raised", "warn", exporter=self.name, error=type(error).__qualname__
            )

    def _end_exporter(self) -> None:
        with self._state:
            ended, self.counters["ended"] = self.counters["ended"], 1
        if ended:
            return
        try:
            self.exporter.shutdown(max(self._deadline - Time.monotonic(), 0.0))
        except BaseException as error:  # noqa: BLE001 - an exporter may raise anything
            self._fail(error)
