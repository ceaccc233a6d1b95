"""A queue isolates one exporter."""

from __future__ import annotations

import threading
import time

import pytest
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value

from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record import ARGUMENTS, NOT_CAPTURED, RECORD_LENGTH, RESULT
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.delivery.batch_weight import batch_bytes
from codetracer_otel.sdk.delivery.export_queue import ExportQueue


class Notes(list):
    def __call__(self, event, /, level="info", **facts):
        self.append((event, level, facts))


class Scripted:
    """An exporter that does what the test says."""

    def __init__(self, export):
        self.do = export
        self.batches = []
        self.ended = []

    def export(self, batch):
        self.batches.append(batch)
        return self.do(batch)

    def flush(self, timeout):
        return True

    def shutdown(self, timeout):
        self.ended.append(timeout)


def batch(size=1):
    return Batch([object()] * size, [], {})


def batch_of_text(length):
    record = [None] * RECORD_LENGTH
    record[ARGUMENTS], record[RESULT] = ("x" * length,), NOT_CAPTURED
    return Batch([record], [], {})


def start(exporter, max_spans=100, notes=None, max_bytes=10**9, **options):
    options.setdefault("weigh", len)
    notify = notes if notes is not None else Notes()
    export_queue = ExportQueue(
        "test", exporter, max_spans, max_bytes, notify, lambda: None, **options
    )
    export_queue.start()
    return export_queue


def stop(export_queue, timeout=60.0):
    export_queue.begin_stop(time.monotonic() + timeout)
    return export_queue.wait_for_stop()


def flush(export_queue, timeout=60.0):
    return export_queue.begin_flush(time.monotonic() + timeout)()


def test_what_was_put_is_exported_in_order_and_counted():
    exporter = Scripted(lambda _: ExportResult.SUCCESS)
    export_queue = start(exporter)
    batches = [batch(2), batch(3)]
    for item in batches:
        export_queue.put(item)
    assert flush(export_queue)
    assert batches == exporter.batches
    assert export_queue.stats() == {"exported": 5, "queue_depth": 0, "dropped": {}}
    assert stop(export_queue)
    assert len(exporter.ended) == 1


@pytest.mark.parametrize("failing", ["returns", "raises"])
def test_a_failing_exporter_loses_its_batch_only_and_says_so_once(failing):
    outcomes = iter([failing, failing, "works"])

    def export(_):
        outcome = next(outcomes)
        if outcome == "raises":
            raise RuntimeError("no")
        return ExportResult.SUCCESS if outcome == "works" else ExportResult.FAILURE

    notes = Notes()
    export_queue = start(Scripted(export), notes=notes)
    for _ in range(3):
        export_queue.put(batch())
    assert flush(export_queue)
    stats = export_queue.stats()
    assert (stats["failed"], stats["exported"]) == (2, 1)
    assert [note[0] for note in notes] == (
        ["exporter_raised", "exporter_recovered"] if failing == "raises" else []
    )
    assert stop(export_queue)


def test_a_full_queue_leaves_the_newest_batch_out():
    entered, go_on = threading.Event(), threading.Event()

    def export(_):
        entered.set()
        go_on.wait(60)
        return ExportResult.SUCCESS

    exporter = Scripted(export)
    export_queue = start(exporter, max_spans=10)
    export_queue.put(batch(6))
    assert entered.wait(60)
    export_queue.put(batch(4))
    export_queue.put(batch(1))
    go_on.set()
    assert flush(export_queue)
    assert [len(item) for item in exporter.batches] == [6, 4]
    assert export_queue.stats()["dropped_queue_full"] == 1
    assert stop(export_queue)


def test_a_batch_larger_than_the_queue_passes_when_nothing_waits():
    export_queue = start(Scripted(lambda _: ExportResult.SUCCESS), max_spans=2)
    export_queue.put(batch(5))
    assert flush(export_queue)
    assert export_queue.stats()["exported"] == 5
    assert stop(export_queue)


def test_a_hanging_exporter_cannot_hold_the_stop_beyond_its_deadline():
    go_on = threading.Event()
    exporter = Scripted(lambda _: go_on.wait(300) and ExportResult.SUCCESS)
    notes = Notes()
    export_queue = start(exporter, notes=notes)
    export_queue.put(batch(3))
    export_queue.put(batch(2))
    assert not flush(export_queue, 0.1)
    assert not stop(export_queue, 0.2)
    reason = "not done by the end of the session"
    assert ("exporter_failing", "warn", {"exporter": "test", "reason": reason}) in notes
    assert export_queue.stats()["dropped_at_shutdown"] == 5
    go_on.set()
    assert len(exporter.ended) == 1  # told to give up, from outside its thread
    go_on.set()


def test_what_is_delivered_after_the_deadline_is_not_counted_as_dropped():
    go_on = threading.Event()
    export_queue = start(Scripted(lambda _: go_on.wait(300) and ExportResult.SUCCESS))
    export_queue.put(batch(3))
    assert not stop(export_queue, 0.05)
    assert export_queue.stats()["dropped_at_shutdown"] == 3
    go_on.set()
    assert stop(export_queue)
    counted = export_queue.stats()
    assert (counted["exported"], counted["dropped_at_shutdown"]) == (3, 0)


def test_a_forked_child_begins_with_an_empty_queue_and_reopens_its_exporter():
    exporter = Scripted(lambda _: ExportResult.SUCCESS)
    reopened = []
    exporter.reopen_after_fork = lambda: reopened.append(True)
    export_queue = ExportQueue("test", exporter, 100, 10**9, Notes(), lambda: None, len)
    export_queue.put(batch(3))
    export_queue.after_fork()
    export_queue.start()
    assert flush(export_queue)
    assert exporter.batches == []
    assert reopened == [True]
    assert stop(export_queue)


def test_an_exporter_that_cannot_be_reopened_does_not_stop_the_child():
    exporter, notes = Scripted(lambda _: ExportResult.SUCCESS), Notes()
    exporter.reopen_after_fork = lambda: 1 / 0
    export_queue = ExportQueue("test", exporter, 100, 10**9, notes, lambda: None, len)
    export_queue.after_fork()
    assert notes == [
        ("exporter_raised", "warn", {"exporter": "test", "error": "ZeroDivisionError"})
    ]
    export_queue.start()
    export_queue.put(batch(2))
    assert flush(export_queue)
    assert export_queue.stats()["exported"] == 2
    assert stop(export_queue)


class Held:
    """An exporter that is held inside `export` until the test lets it go."""

    def __init__(self):
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.shutdowns_begun = 0

    def export(self, _batch):
        self.entered.set()
        self.go_on.wait(60)
        return ExportResult.SUCCESS

    def flush(self, _timeout):
        return True

    def shutdown(self, _timeout):
        self.go_on.set()

    def begin_shutdown(self):
        self.shutdowns_begun += 1
        self.go_on.set()


def test_what_waits_is_bounded_in_bytes_too():
    exporter = Held()
    export_queue = start(exporter, max_bytes=10_000, weigh=batch_bytes)
    export_queue.put(batch_of_text(1))
    assert exporter.entered.wait(60)
    for _ in range(10):
        export_queue.put(batch_of_text(3000))
    assert export_queue.stats()["queue_depth"] == 1 + 2
    assert export_queue.stats()["dropped_queue_full"] == 8
    exporter.go_on.set()
    assert flush(export_queue)
    export_queue.put(batch_of_text(3000))
    assert flush(export_queue)
    assert export_queue.stats()["exported"] == 4
    assert stop(export_queue)


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_no_exception_of_an_exporter_ends_its_lane(raised):
    outcomes = iter([raised, None])

    def export(_):
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return ExportResult.SUCCESS

    export_queue = start(Scripted(export))
    export_queue.put(batch())
    export_queue.put(batch())
    assert flush(export_queue)
    assert (export_queue.stats()["failed"], export_queue.stats()["exported"]) == (1, 1)
    assert stop(export_queue)


def test_an_exporter_learns_that_its_end_is_near_before_it_is_waited_for():
    exporter = Held()
    export_queue = start(exporter)
    export_queue.put(batch())
    assert exporter.entered.wait(60)
    assert stop(export_queue)
    assert exporter.shutdowns_begun == 1
    assert export_queue.stats()["exported"] == 1


def test_one_fork_waits_for_a_busy_exporter_and_the_next_does_not():
    exporter = Held()
    export_queue = start(exporter)
    export_queue.put(batch())
    assert exporter.entered.wait(60)
    export_queue.park(time.monotonic() + 0.05)
    export_queue.unpark()
    export_queue.park(time.monotonic() + 300)
    export_queue.unpark()
    assert "exported" not in export_queue.stats()  # nobody has waited for the end of the export
    exporter.go_on.set()
    assert flush(export_queue)
    export_queue.park(time.monotonic() + 60)
    assert not export_queue._worker.is_alive
    export_queue.unpark()
    assert stop(export_queue)


def test_an_exporter_that_keeps_account_is_believed():
    exporter = Scripted(lambda _: ExportResult.FAILURE)
    accounts = iter([{}, {"spans_failed": 2, "spans_rejected": 1}])
    exporter.stats = lambda: next(accounts)
    export_queue = start(exporter)
    export_queue.put(batch(10))
    assert flush(export_queue)
    counters = export_queue.counters
    assert (counters["exported"], counters["failed"], counters["rejected"]) == (7, 2, 1)
    assert stop(export_queue)


def test_an_account_that_cannot_be_read_is_none():
    exporter = Scripted(lambda _: ExportResult.SUCCESS)
    exporter.stats = lambda: 1 / 0
    export_queue = start(exporter)
    export_queue.put(batch(10))
    assert flush(export_queue)
    assert export_queue.stats()["exported"] == 10
    assert stop(export_queue)


class Gate:
    """Lets an exporter go on with its next batch; the exporter says that it has begun."""

    def __init__(self):
        self.begun, self.goes_on = threading.Semaphore(0), threading.Semaphore(0)

    def pass_by(self):
        self.begun.release()
        assert self.goes_on.acquire(timeout=60)

    def wait_and_open(self):
        assert self.begun.acquire(timeout=60)
        self.goes_on.release()


def test_a_batch_that_was_lost_to_an_exception_takes_no_room():
    gate, outcomes = Gate(), iter([None, RuntimeError("no"), None, None])

    def export(_):
        gate.pass_by()
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return ExportResult.SUCCESS

    def notify(_event, /, *_level, **_facts):
        if not told.is_set():
            told.set()
            raise KeyboardInterrupt  # as a program sends it into other threads

    told = threading.Event()
    export_queue = start(Scripted(export), notes=notify, max_bytes=100)
    export_queue.put(batch(1))
    export_queue.put(batch(60))
    gate.wait_and_open()
    gate.wait_and_open()
    assert told.wait(60)
    assert flush(export_queue)
    export_queue.put(batch(1))
    assert gate.begun.acquire(timeout=60)
    export_queue.put(batch(60))
    gate.goes_on.release()
    gate.wait_and_open()
    assert flush(export_queue)
    stats = export_queue.stats()
    assert (stats["exported"], stats["dropped"]) == (62, {"export_failed": 60})
    assert stop(export_queue)


def test_what_an_exporter_answers_behind_the_deadline_is_counted_once_whoever_counts_first():
    gate, late = Gate(), threading.Event()

    class Counting(Scripted):
        failed = 0

        def stats(self):
            if late.is_set() and threading.current_thread() is not threading.main_thread():
                late.clear()
                self.ended_first.wait(60)
            return {"spans_failed": self.failed}

    def export(item):
        gate.pass_by()
        exporter.failed += len(item)
        late.set()
        return ExportResult.FAILURE

    exporter = Counting(export)
    exporter.ended_first = threading.Event()
    export_queue = start(exporter)
    for _ in range(2):
        export_queue.put(batch(3))
    gate.wait_and_open()
    export_queue.begin_stop(time.monotonic())
    assert not export_queue.wait_for_stop()
    exporter.ended_first.set()
    gate.wait_and_open()
    assert export_queue._worker.join(time.monotonic() + 60)
    assert export_queue.stats()["dropped"] == {"shutdown": 6}


def test_an_instrumented_client_of_an_exporter_makes_no_spans():
    seen = []

    def export(_):
        seen.append(get_value(_SUPPRESS_INSTRUMENTATION_KEY))
        return ExportResult.SUCCESS

    export_queue = start(Scripted(export))
    export_queue.put(batch())
    assert stop(export_queue)
    assert seen == [True]
    assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


def test_a_batch_lost_to_an_exception_behind_the_deadline_is_counted_once():
    gate = Gate()

    def export(_):
        gate.pass_by()
        raise RuntimeError

    def notify(event, /, *_level, **_facts):
        if event == "exporter_raised":
            raise KeyboardInterrupt  # as a program sends it into other threads

    export_queue = start(Scripted(export), notes=notify)
    export_queue.put(batch(3))
    assert gate.begun.acquire(timeout=60)
    export_queue.begin_stop(time.monotonic())
    assert not export_queue.wait_for_stop()
    assert export_queue.losses() == {"shutdown": 3}
    gate.goes_on.release()
    assert export_queue._worker.join(time.monotonic() + 60)
    assert export_queue.losses() == {"shutdown": 3}
