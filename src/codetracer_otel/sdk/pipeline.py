"""Moves finished records from the recorder to the exporters: one worker, bounded everywhere."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.records import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.captured import AttributeValue
    from codetracer_otel.ports import Recorder
    from codetracer_otel.records import Record, SpanView
    from codetracer_otel.sdk.lanes import Lane

_WAKE: Final = "wake"
_STOP: Final = "stop"
_FIRST_INTERVAL_S: Final = 0.1  # the first ten batches: a person watches
_FIRST_BATCHES: Final = 10


class Pipeline:
    """Drains, redacts by content, and hands the batches to every lane.

    Args:
        lanes: one per exporter.
        views_of: makes views of ended OpenTelemetry spans.
        redact: replaces secrets by shape in records and views, in place, before a lane sees them.
        resource: resource attributes of this process.
        interval_s: seconds between two drains.
        batch_records: records per batch at most.
        max_spans: bound on hand-written and library spans that wait.
        on_thread_start: called first on the worker thread.
        on_error: told of a defect of ours; the batch in work is lost and counted.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        views_of: Callable[[Sequence[ReadableSpan]], Sequence[SpanView]],
        redact: Callable[[Sequence[Record], Sequence[SpanView]], Sequence[SpanView]],
        resource: Mapping[str, AttributeValue],
        *,
        interval_s: float,
        batch_records: int,
        max_spans: int,
        on_thread_start: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.lanes = tuple(lanes)
        self.resource = resource
        self.recorder: Recorder | None = None
        self.recorded = 0
        self.dropped_spans = 0
        self.failed_internally = 0
        self._views_of = views_of
        self._redact = redact
        self._on_error = on_error
        self._interval_s = interval_s
        self._batch_records = batch_records
        self._max_spans = max_spans
        self._on_thread_start = on_thread_start
        self._spans: list[ReadableSpan] = []
        self._commands: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._is_woken = False
        self._batches = 0
        self._thread = self._new_thread()

    def start(self) -> None:
        """Start the worker and the lanes."""
        for lane in self.lanes:
            lane.start()
        self._thread.start()

    def wake(self) -> None:
        """Ask for a drain soon; cheap, reentrant, from any thread."""
        if not self._is_woken:
            self._is_woken = True
            self._commands.put(_WAKE)

    def add_span(self, span: ReadableSpan) -> None:
        """Take a hand-written or library span that has ended."""
        if len(self._spans) >= self._max_spans:
            self.dropped_spans += 1
            return
        self._spans.append(span)
        if len(self._spans) >= self._max_spans // 2:
            self.wake()

    def flush(self, timeout: float) -> bool:
        """Return whether everything recorded before the call was delivered in ``timeout`` s."""
        deadline = time.monotonic() + timeout
        drained = threading.Event()
        self._commands.put(drained)
        if not drained.wait(timeout):
            return False
        answers = [lane.begin_flush(deadline) for lane in self.lanes]
        return sum(answer() for answer in answers) == len(answers)

    def stop(self, timeout: float) -> bool:
        """Deliver the rest within ``timeout`` s of wall time and end all threads."""
        deadline = time.monotonic() + timeout
        self._commands.put(_STOP)
        self._thread.join(timeout)
        for lane in self.lanes:
            lane.begin_stop(deadline)
        ended = sum(lane.wait_for_stop() for lane in self.lanes)
        return ended == len(self.lanes) and not self._thread.is_alive()

    def after_fork(self) -> None:
        """Begin anew in a forked child: new threads, empty queues."""
        self._commands = queue.SimpleQueue()
        self._spans = []
        self._is_woken = False
        self.recorded = self.dropped_spans = 0
        for lane in self.lanes:
            lane.after_fork()
        self._thread = self._new_thread()
        self.start()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="codetracer-otel-worker", daemon=True)

    def _run(self) -> None:
        self._on_thread_start()
        while True:
            command = self._next_command()
            if command == _WAKE:
                self._is_woken = False
            self._drain_all()
            if isinstance(command, threading.Event):
                command.set()
            elif command == _STOP:
                self._drain_all()
                return

    def _next_command(self) -> Any:
        interval = self._interval_s
        if self._batches < _FIRST_BATCHES:
            interval = min(interval, _FIRST_INTERVAL_S)
        try:
            return self._commands.get(timeout=interval)
        except queue.Empty:
            return None

    def _drain_all(self) -> None:
        while True:
            records = self.recorder.drain(self._batch_records) if self.recorder else []
            spans = self._spans[: self._batch_records]
            del self._spans[: len(spans)]
            if not records and not spans:
                return
            self._deliver(records, spans)

    def _deliver(self, records: Sequence[Record], spans: Sequence[ReadableSpan]) -> None:
        self.recorded += len(records) + len(spans)
        self._batches += 1
        try:
            batch = Batch(records, self._redact(records, self._views_of(spans)), self.resource)
        except Exception as error:  # noqa: BLE001 - a batch that cannot be judged is not delivered
            self.failed_internally += len(records) + len(spans)
            self._on_error(error)
            return
        for lane in self.lanes:
            lane.put(batch)
