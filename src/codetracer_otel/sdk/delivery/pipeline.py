"""Moves finished records from the recorder to the exporters: one worker, bounded everywhere."""

from __future__ import annotations

from collections import Counter
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final, Protocol

from codetracer_otel.bindings import Event, Time
from codetracer_otel.instrumentation.spans.record_buffer import RECORD_BYTES
from codetracer_otel.instrumentation.spans.room import Room
from codetracer_otel.model.record import SPAN_ID, START
from codetracer_otel.model.record_block import RecordBlock
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.delivery import fork_warning
from codetracer_otel.sdk.delivery.export_queue import CATCH_UP_S
from codetracer_otel.sdk.delivery.flight_recorder.ring import Dump
from codetracer_otel.sdk.delivery.fold import Fold
from codetracer_otel.sdk.delivery.worker import Worker
from codetracer_otel.sdk.processes.span_starts import SpanStarts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.filters.types import FoldRules
    from codetracer_otel.model.protocols import SpanRecorder
    from codetracer_otel.model.record import Plan, Record
    from codetracer_otel.model.span_view import SpanView
    from codetracer_otel.model.value import AttributeValue
    from codetracer_otel.sdk.delivery.export_queue import ExportQueue
    from codetracer_otel.sdk.delivery.flight_recorder.ring import Ring

_WAKE: Final = "wake"
_STOP: Final = "stop"
_FIRST_INTERVAL_S: Final = 0.1  # the first seconds: a person watches
_FIRST_DRAINS: Final = 20  # whatever they bring: where nothing is kept, none brings a batch
_HINDERED_INTERVAL_S: Final = 0.01
LEAST_S: Final = 0.5  # for a step of the end, whatever time those before it took
_PARK_S: Final = 0.2  # how long a fork waits for a batch in work; a hanging exporter is copied


class Hold(Protocol):
    """Decides what is delivered; see `Tails`.

    Attributes:
        given_up: records and spans that were lost because there was no room.
    """

    given_up: int

    @property
    def waiting(self) -> int:
        """How many records and spans are held."""

    def note(self, spans: Sequence[ReadableSpan]) -> None:
        """See spans that have ended before what is taken next, and are taken later."""

    def take(
        self, records: Sequence[Record], spans: Sequence[ReadableSpan]
    ) -> Sequence[tuple[RecordBlock, list[ReadableSpan]]]:
        """Take what has ended; return what is to be delivered.

        Whatever ended before one of the records was taken or noted before, or is among these;
        whatever ended before one of the spans was taken before, or is among these.
        """

    def take_open(self, calls: RecordBlock) -> Sequence[tuple[RecordBlock, list[ReadableSpan]]]:
        """Return what is to be delivered already of traces that go on.

        Args:
            calls: copies of those that are open, which are nowhere else.
        """

    def finish(self) -> Sequence[tuple[RecordBlock, list[ReadableSpan]]]:
        """Return what is to be delivered of all that is held."""

    def holds_from_before(self, time_ns: int) -> bool:
        """Return whether anything waits that was taken by then (monotonic ns)."""

    def forget(self, calls: Sequence[Record]) -> None:
        """Begin anew in a forked child, in which these calls of the parent are open."""


class Pipeline:
    """Drains, redacts by content, and hands the batches to every queue.

    Args:
        queues: one per exporter.
        views_of: makes views of ended OpenTelemetry spans.
        redact: replaces secrets by shape in records and views, in place, before a queue sees them.
        resource: resource attributes of this process.
        resource_schema: URL of the schema that names them.
        interval_s: seconds between two drains.
        batch_records: records per batch at most.
        max_spans: bound on hand-written and library spans that wait.
        max_wait_s: how long the program waits for room before a span of those is dropped, as for
            `RecordBuffer`; what is not 0 leaves records where they are while a queue has no room.
        on_thread_start: called first on the worker thread.
        on_error: told of a defect of ours; the batch in work is lost and counted.
        on_failure: told that the recorder's records cannot be taken.
        on_drained: called after each drain.
        look: called on the worker thread now and then; returns the s after which to do it again.
        on_unpark: called when the threads are there again after a fork.
        hold: decides what of the records and spans is delivered, and when; None for all at once.
        ring: keeps what would be delivered until a dump is asked for; None to deliver it.
        starts: knows which spans are the parent process's.

    Attributes:
        watch: is shown each block of records before anything is decided about it; or None. What it
            is about to fold stays where it can be, while an exporter has more than a batch to do.
        fold: makes one span of many short calls; None for none. May be replaced at any time.
    """

    def __init__(
        self,
        export_queues: Sequence[ExportQueue],
        views_of: Callable[[Sequence[ReadableSpan]], Sequence[SpanView]],
        redact: Callable[[Sequence[Record], Sequence[SpanView]], Sequence[SpanView]],
        resource: Mapping[str, AttributeValue],
        resource_schema: str = "",
        *,
        interval_s: float,
        batch_records: int,
        max_spans: int,
        max_wait_s: float | None = 0.0,
        on_thread_start: Callable[[], None],
        on_error: Callable[[BaseException], None],
        on_failure: Callable[[Exception], None],
        on_drained: Callable[[], None] = lambda: None,
        look: Callable[[], float] | None = None,
        on_unpark: Callable[[], None] = lambda: None,
        hold: Hold | None = None,
        ring: Ring | None = None,
        starts: SpanStarts | None = None,
    ) -> None:
        self.export_queues = tuple(export_queues)
        self.resource = resource
        self._resource_schema = resource_schema
        self.recorder: SpanRecorder | None = None
        self.recorded = 0
        self.dropped_spans = 0
        self.failed_internally = 0
        self.hold = hold
        self.ring = ring
        self._dumps: list[Dump] = []
        # and the time (monotonic ns) by which what was recorded before had been taken
        self._once_judged: tuple[Callable[[], None], int | None] | None = None
        self.fold: Fold | None = None
        self.watch: Callable[[RecordBlock], None] | None = None
        self._views_of = views_of
        self._redact = redact
        self._on_error = on_error
        self._on_failure = on_failure
        self._on_drained = on_drained
        self._on_unpark = on_unpark
        self._interval_s = interval_s
        self._batch_records = batch_records
        self._max_spans = max_spans
        self._waits_for_lanes = max_wait_s != 0 and ring is None
        self._is_hindered = False
        self._room = Room(max_wait_s)
        self._spans: list[ReadableSpan] = []
        # how many of them, from the first one on, ...
        self._noted_spans = 0  # the hold has seen,
        self._ready_spans = 0  # may be taken,
        self._next_spans = 0  # may be taken once so many more records are:
        self._records_before = 0
        self._is_woken = False
        self._is_parked = False
        self._is_cut_off = self._is_over = False
        self._spans_behind_end = 0
        self._judging = 0  # records and spans of the batch that is kept, or folded and judged
        self._in_hand = 0  # and of those behind it
        self._drains = 0
        self._starts = starts or SpanStarts()
        self._worker = Worker(
            self._handle, self._next_interval, on_thread_start, look, self._on_worker_failure
        )

    def start(self) -> None:
        """Start the worker and the queues."""
        for export_queue in self.export_queues:
            export_queue.start()
        self._worker.start()

    def wake(self) -> None:
        """Ask for a drain soon; cheap, reentrant, from any thread."""
        self.unpark()
        if not self._is_woken:
            self._is_woken = True
            self._worker.put(_WAKE)

    def add_span(self, span: ReadableSpan) -> None:
        """Take a hand-written or library span that has ended."""
        if self._starts.is_in_child and not self._starts.takes(span):
            return  # began before the fork: the parent process delivers it
        if self._is_over:
            self._spans_behind_end += 1
            return
        if not self._room.is_found(self._is_full, self.wake):
            self.dropped_spans += 1
            return
        self.unpark()
        fold = self.fold
        if fold is not None:
            fold.note_child(span)
        self._spans.append(span)
        if len(self._spans) >= self._max_spans // 2:
            self.wake()

    def waive_waits(self) -> None:
        """Let the calling thread, which is one of ours, add spans however many there are."""
        self._room.waive()

    def _is_full(self) -> bool:
        return len(self._spans) >= self._max_spans

    def use_fold(self, rules: FoldRules | None) -> None:
        """Fold calls as these rules say from now on; with None, none that end later."""
        if self.fold is not None:
            self.fold.by_plan.clear()
            self.fold.rules = rules
        elif rules is not None:
            self.fold = Fold(rules)

    def fold_plan(self, plan: Plan, rules: FoldRules | None) -> None:
        """Fold the calls of one plan by rules of its own; with None, as those of others."""
        if rules is not None:
            self.fold = self.fold or Fold(None)
            self.fold.by_plan[id(plan)] = rules
        elif self.fold is not None:
            self.fold.by_plan.pop(id(plan), None)

    def cpu_ns(self) -> int:
        """Return the CPU time of the threads that deliver, without what they are at just now."""
        return self._worker.cpu_ns + sum(queue.cpu_ns for queue in self.export_queues)

    def folded(self) -> dict[str, int]:
        """Return how many calls were folded into how many spans; nothing where none are."""
        fold = self.fold
        return {} if fold is None else {"calls": fold.calls, "spans": fold.spans}

    def flush(self, timeout: float) -> bool:
        """Return whether everything recorded before the call was delivered in ``timeout`` s."""
        deadline = Time.monotonic() + timeout
        self.unpark()
        drained = Event()
        self._worker.put(drained)
        if not drained.wait(timeout):
            return False
        answers = [export_queue.begin_flush(deadline) for export_queue in self.export_queues]
        return sum(answer() for answer in answers) == len(answers)

    def dump(self, seconds: float | None, timeout: float) -> tuple[int, bool]:
        """Deliver what the ring has kept of the last ``seconds``, or all of it, and open calls.

        Returns:
            How many spans that is, and whether the exporters had them in ``timeout`` s.
        """
        deadline = Time.monotonic() + timeout
        wish = Dump(seconds)
        self.unpark()
        self._worker.put(wish)
        if not wish.wait(timeout):
            return wish.count, False
        return wish.count, self.flush(max(deadline - Time.monotonic(), 0.0))

    def dump_soon(self) -> None:
        """Have a dump of everything begun, without waiting for it; from any thread."""
        if self.ring is not None:
            self.ring.is_asked = True
            self.wake()

    def dump_at_end(self) -> None:
        """Deliver everything that is kept when `stop` is called."""
        if self.ring is not None:
            self.ring.is_asked_at_end = True

    def kept(self) -> dict[str, dict[str, Any]]:
        """Return the counters of the flight recorder by its name; nothing without one."""
        return {} if self.ring is None else {"flight_recorder": self.ring.stats()}

    def once_judged(self, then: Callable[[], None]) -> None:
        """Have ``then`` called on the worker's thread once all that is recorded by now was judged.

        The latest call takes the place of one that still waits.
        """
        self._once_judged = then, None
        self.wake()

    def _tell_judged(self) -> None:
        if self._once_judged is None:
            return
        wish = then, taken_ns = self._once_judged
        if taken_ns is None:
            if self._undrained:
                return  # what was recorded before may be among it
            taken_ns = Time.monotonic_ns()
        if any(it.holds_from_before(taken_ns) for it in (self.hold, self.ring) if it is not None):
            if self._once_judged is wish:
                self._once_judged = then, taken_ns
        elif self._once_judged is wish:
            self._once_judged = None
            then()

    def stop(self, timeout: float, *, is_patient: bool = False) -> bool:
        """Deliver the rest within ``timeout`` s of wall time and end all threads.

        Args:
            timeout: for everything; the exporters get `LEAST_S` of it in any case.
            is_patient: take longer while an exporter that the program waits for catches up.
        """
        deadline = Time.monotonic() + timeout
        self.unpark()
        self._worker.put(_STOP)
        has_ended = self._worker.join(deadline)
        while not has_ended and is_patient and any(q.is_catching_up for q in self.export_queues):
            has_ended = self._worker.join(Time.monotonic() + CATCH_UP_S)
            deadline = Time.monotonic() + timeout  # the others had their time before
        self._is_cut_off = not has_ended or self._worker.has_died
        self._is_over = True
        deadline = max(deadline, Time.monotonic() + min(timeout, LEAST_S))
        for export_queue in self.export_queues:
            export_queue.begin_stop(deadline)
        ended = [queue.wait_for_stop(is_patient=is_patient) for queue in self.export_queues]
        return all(ended) and not self._worker.is_alive

    def park(self) -> None:
        """Bring our threads to rest before a fork, as far as that comes soon.

        In a program without threads of its own what is there is delivered, and ours end.
        """
        deadline = Time.monotonic() + _PARK_S
        if fork_warning.is_deserved():
            self._worker.hold(deadline)
            for export_queue in self.export_queues:
                export_queue.hold(deadline)
        else:
            self._end_threads(deadline)

    def _end_threads(self, deadline: float) -> None:
        self._worker.put(_WAKE)
        are_gone = [
            self._worker.park(deadline),
            *(export_queue.park(deadline) for export_queue in self.export_queues),
        ]
        if not all(are_gone):
            fork_warning.silence()

    def unpark_soon(self) -> None:
        """Go on after `park`; threads that ended start again when there is something to do.

        CPython 3.13 counts the threads after the parent's fork hooks have run.
        """
        self._worker.release()
        for export_queue in self.export_queues:
            export_queue.release()
        self._is_parked = True

    def keep_looking(self) -> None:
        """Restart the worker's thread in the parent of a fork at once: it has checks to make.

        What CPython 3.13 then counts is ours, see `unpark_soon`.
        """
        fork_warning.silence()
        self._worker.unpark()

    def unpark(self) -> None:
        """Go on after `park`, now."""
        if self._is_parked:
            self._is_parked = False
            fork_warning.restore()
            for export_queue in self.export_queues:
                export_queue.unpark()
            self._worker.unpark()
            self._on_unpark()

    def after_fork(self) -> None:
        """Begin anew in a forked child: empty queues, and threads when there is something to do.

        A child that waits for work would be slow to hear signals beside threads that start.
        """
        fork_warning.restore()
        self._spans = []
        self._noted_spans = self._ready_spans = self._next_spans = self._records_before = 0
        if self.hold is not None:
            self.hold.forget([] if self.recorder is None else self.recorder.view_this_thread()())
        if self.fold is not None:
            self.fold.forget()
        if self.ring is not None:
            self.ring.forget()
        self._dumps.clear()
        self._room.begin()
        self._is_woken = self._is_hindered = False
        self._is_parked = True
        self.recorded = self.dropped_spans = self.failed_internally = 0
        self._judging = self._in_hand = 0
        for export_queue in self.export_queues:
            export_queue.after_fork()
        self._worker.renew()

    @property
    def is_judging(self) -> bool:
        """Whether the worker is still there: what is in its hands has not been judged."""
        return self._worker.is_alive

    @property
    def waiting_spans(self) -> int:
        """How many hand-written and library spans wait to be drained."""
        return len(self._spans)

    def dropped(self) -> dict[str, int]:
        """Return how many records were lost, by cause, as far as there are any."""
        causes = Counter(self.dropped_before())
        for export_queue in self.export_queues:
            causes.update(export_queue.losses())
        return dict(causes)

    def dropped_before(self) -> dict[str, int]:
        """Return how many records came to no exporter at all, by cause, as far as there are any."""
        recorder = {} if self.recorder is None else self.recorder.stats()
        causes = {
            "buffer_full": recorder.get("dropped_buffer_full", 0) + self.dropped_spans,
            "shutdown": self._left_behind(recorder),
            "internal": self.failed_internally,
            "tail_memory": 0 if self.hold is None else self.hold.given_up,
        }
        return {cause: count for cause, count in causes.items() if count}

    def _left_behind(self, recorder: Mapping[str, Any]) -> int:
        """Return how much has not come as far as the queues when the time to stop was over."""
        if not self._is_over:
            return 0
        folded = 0 if self.fold is None else self.fold.waiting
        dumped = 0 if self.ring is None else self.ring.leaving
        held = 0 if self.hold is None else self.hold.waiting
        waiting = int(recorder.get("queue_depth", 0)) + len(self._spans) + self._spans_behind_end
        return waiting + self._judging + self._in_hand + folded + dumped + held

    def _handle(self, command: Any) -> bool:
        self._is_woken = False  # whatever it is: a signal may have kept the wish out of the queue
        self._drains += 1
        is_awaited, is_last = command not in (None, _WAKE), command is _STOP
        drain = partial(self._drain, everything=is_last, is_awaited=is_awaited)
        left = inf
        while not self._succeeds(drain) and is_awaited and self._undrained < left:
            left = self._undrained  # each that fails loses a batch
        self._succeeds(lambda: self._put_folded(everything=is_awaited))
        self._succeeds(lambda: self._tend(command))
        self._succeeds(self._on_drained)
        self._succeeds(self._tell_judged)
        if isinstance(command, Event) and command not in self._dumps:
            command.set()
        return not is_last

    @property
    def _undrained(self) -> int:
        return len(self._spans) + (0 if self.recorder is None else self.recorder.waiting)

    def _succeeds(self, step: Callable[[], object]) -> bool:
        """Take a step; a defect of ours must end neither the others nor the deliveries."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whatever it is
            self._lose_what_is_in_hand()
            self._on_failure(error)
            return False
        return True

    def _on_worker_failure(self, command: Any, error: BaseException) -> bool:
        """Count what was in work when something other than an `Exception` ended it."""
        self._lose_what_is_in_hand()
        self._on_error(error)
        if isinstance(command, Event):
            command.set()
        return command is not _STOP

    def _lose_what_is_in_hand(self) -> None:
        self.recorded += self._in_hand  # what is judged is among it already
        self.failed_internally += self._judging + self._in_hand
        self._judging = self._in_hand = 0

    def _next_interval(self) -> float:
        if self._is_hindered:
            return _HINDERED_INTERVAL_S
        is_new = self._drains < _FIRST_DRAINS
        return min(self._interval_s, _FIRST_INTERVAL_S) if is_new else self._interval_s

    def _drain(self, *, everything: bool, is_awaited: bool) -> None:
        # Threads may record as fast as this delivers; who waits for a flush waits for what was
        # there when it was asked for, and of records that is no more than their buffer holds.
        left, spans_left = 2 * self._max_spans, len(self._spans)
        while left > 0 or spans_left > 0 or everything:
            self._is_hindered = self._waits_for_lanes and not self._have_lanes_room(is_awaited)
            if self.watch is not None and not is_awaited and self._are_lanes_behind():
                self._is_hindered = True
                self.watch(RecordBlock())
            if self._is_hindered:
                return
            records = self._take_records()
            spans = self._take_spans(len(records))
            if records or spans:
                self._keep(records, spans)
            elif not self._next_spans:
                if self.hold is not None:
                    hold = self.hold
                    self._deliver_all(hold.finish() if everything else hold.take((), ()))
                return
            left -= len(records) + len(spans)
            spans_left -= len(spans)
        self.wake()

    def _take_spans(self, records: int) -> Sequence[ReadableSpan]:
        """Take a batch of spans, after so many records.

        Records and spans come in two rows. For a hold they must come in the order of their ends: it
        judges a trace as its root ends, by what has ended before; and a fold is complete as the
        parent ends. So spans stay where they are until the records are taken that there were when
        they were looked at.
        """
        if self.hold is None and self.fold is None:
            return self._pop_spans(self._batch_records)
        self._records_before = self._records_before - records if records else 0
        if self._records_before <= 0:
            self._ready_spans = self._next_spans
        if self._ready_spans == self._next_spans:
            # in this order: a record that comes in between is waited for without need
            self._next_spans = len(self._spans)
            self._records_before = 0 if self.recorder is None else self.recorder.waiting
            if not self._records_before:
                self._ready_spans = self._next_spans
        return self._pop_spans(min(self._ready_spans, self._batch_records))

    def _pop_spans(self, count: int) -> list[ReadableSpan]:
        spans = self._spans[:count]
        del self._spans[: len(spans)]
        self._noted_spans = max(self._noted_spans - len(spans), 0)
        self._ready_spans = max(self._ready_spans - len(spans), 0)
        self._next_spans = max(self._next_spans - len(spans), 0)
        self._room.made()  # even where none were taken: who waits sees that deliveries go on
        return spans

    def _tend(self, command: Any) -> None:
        """Begin the dump that was asked for, and continue one that has begun."""
        ring, is_last = self.ring, command is _STOP
        if ring is None:
            return
        if isinstance(command, Dump):
            command.count = self._begin_dump(ring, command.seconds)
            self._dumps.append(command)
        elif ring.is_asked or (is_last and ring.is_asked_at_end):
            self._begin_dump(ring)
        if self._send_dumped(ring, everything=is_last):
            self._put_folded(everything=True)
            while self._dumps:
                self._dumps.pop().set()
        if is_last:
            ring.discard()

    def _begin_dump(self, ring: Ring, seconds: float | None = None) -> int:
        """Take everything out of the ring that began before now; return how many spans it is.

        Whatever began later stays for the next dump: the calls it was made in are not copied.
        """
        now = Time.monotonic_ns()
        recorder = self.recorder
        open_calls, waiting = ([], 0) if recorder is None else recorder.copy_open_calls()
        late: list[Record] = []
        ended: set[int] = set()
        while waiting > 0:
            block = RecordBlock.of(self._take_records())
            waiting -= len(block) or waiting
            rows = block.outlines()
            ended.update([row[0] for row in rows])
            behind = [index for index, row in enumerate(rows) if row[4] > now]
            late += [block.take_over(index) for index in behind]
            block.discard(behind)
            self._keep(block)
        open_calls = [call for call in open_calls if call[SPAN_ID] not in ended]
        copies = RecordBlock([call for call in open_calls if call[START] <= now])
        if self.hold is None:
            self._keep(copies)
        else:
            self._deliver_all(self.hold.take_open(copies))
        count = ring.begin_dump(seconds)
        self._keep(RecordBlock(late))
        return count

    def _keep(self, records: Sequence[Record], spans: Sequence[ReadableSpan] = ()) -> None:
        """Deliver, or let the hold decide; the records are taken off before this is called."""
        self._in_hand = len(records) + len(spans)
        if self.hold is None:
            if records or spans:
                self._deliver_all([(RecordBlock.of(records), spans)])
        else:
            unseen = self._spans[self._noted_spans :]
            self._noted_spans += len(unseen)
            self.hold.note(unseen)
            self._deliver_all(self.hold.take(records, spans))

    def _send_dumped(self, ring: Ring, *, everything: bool) -> bool:
        """Hand parts of dumps to the exporters as they have room; return whether none is left."""
        has_sent = False
        while (part := ring.next_part()) is not None:
            size = part.size + RECORD_BYTES * len(part)
            is_behind = any(queue.is_busy(len(part), size) for queue in self.export_queues)
            if is_behind and everything and not self._is_cut_off:
                Time.sleep(_HINDERED_INTERVAL_S)
            elif is_behind:
                self._is_hindered = True
                return False
            elif everything or not has_sent:
                has_sent = True
                part = ring.take_part()
                self._send(part.records, part.spans)
            else:
                self.wake()  # what is recorded meanwhile has to be drained
                return False
        return True

    def _are_lanes_behind(self) -> bool:
        return any(queue.is_behind(self._batch_records) for queue in self.export_queues)

    def _have_lanes_room(self, is_awaited: bool) -> bool:  # noqa: FBT001
        """Return whether every queue can take another batch, or is not worth waiting for.

        Args:
            is_awaited: wait until it is so: somebody waits for the end of this drain.
        """
        while any(
            export_queue.is_worth_waiting_for(self._batch_records)
            for export_queue in self.export_queues
        ):
            if not is_awaited or self._is_cut_off:
                return False
            Time.sleep(_HINDERED_INTERVAL_S)
        return True

    def _take_records(self) -> Sequence[Record]:
        records: Sequence[Record] = ()
        if self.recorder is None:
            return records
        try:
            records = self.recorder.drain(self._batch_records)
            if self.watch is not None:
                self.watch(RecordBlock.of(records))
        except Exception as error:  # noqa: BLE001 - what there is is delivered all the same
            self._on_failure(error)
        return records

    def _deliver_all(self, batches: Sequence[tuple[RecordBlock, Sequence[ReadableSpan]]]) -> None:
        self._in_hand = sum([len(records) + len(spans) for records, spans in batches])
        for records, spans in batches:
            self._in_hand -= len(records) + len(spans)
            self._deliver(records, spans)

    def _deliver(self, records: Sequence[Record], spans: Sequence[ReadableSpan]) -> None:
        self.recorded += len(records) + len(spans)
        if self.ring is not None:
            self._judging = len(records) + len(spans)
            self.ring.add(records, spans)
            self._judging = 0
        else:
            self._send(records, spans)

    def _send(self, records: Sequence[Record], spans: Sequence[ReadableSpan]) -> None:
        self._judging = len(records) + len(spans)
        if self.fold is not None:
            records = block = self.fold.take(records)
            block.extend(self.fold.take_spans(everything=False))  # not a request of their own
        self._put(records, spans)
        self._put_folded()

    def _put_folded(self, *, everything: bool = False) -> None:
        if self.fold is not None:
            self._put(self.fold.take_spans(everything=everything), ())

    def _put(self, records: Sequence[Record], spans: Sequence[ReadableSpan]) -> None:
        """Hand a batch to every queue, once it is judged."""
        self._judging = len(records) + len(spans)
        if not self._judging:
            return
        try:
            judged = self._judged(records, spans)
            batch = Batch(records, judged, self.resource, self._resource_schema)
        except Exception as error:  # noqa: BLE001 - a batch that cannot be judged is not delivered
            self.failed_internally += self._judging
            self._judging = 0
            self._on_error(error)
            return
        self._judging = 0
        for export_queue in self.export_queues:
            export_queue.put(batch)

    def _judged(
        self, records: Sequence[Record], spans: Sequence[ReadableSpan]
    ) -> Sequence[SpanView]:
        try:
            return self._redact(records, self._views(spans))
        except RecursionError:  # the program has just lowered the limit
            self._worker.wait_for_room()
            return self._redact(records, self._views(spans))

    def _views(self, spans: Sequence[ReadableSpan]) -> Sequence[SpanView]:
        views = self._views_of(spans)
        if self.fold is not None:
            self.fold.adopt(views)
        return views
