"""A lane isolates one exporter."""

from __future__ import annotations

import threading
import time

import pytest

from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record import ARGUMENTS, NOT_CAPTURED, RECORD_LENGTH, RESULT
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.delivery.batch_weight import batch_bytes
from codetracer_otel.sdk.delivery.export_queue import Lane


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
    lane = Lane("test", exporter, max_spans, max_bytes, notify, lambda: None, **options)
    lane.start()
    return lane


def stop(lane, timeout=5.0):
    lane.begin_stop(time.monotonic() + timeout)
    return lane.wait_for_stop()


def flush(lane, timeout=5.0):
    return lane.begin_flush(time.monotonic() + timeout)()


def test_what_was_put_is_exported_in_order_and_counted():
    exporter = Scripted(lambda _: ExportResult.SUCCESS)
    lane = start(exporter)
    batches = [batch(2), batch(3)]
    for item in batches:
        lane.put(item)
    assert flush(lane)
    assert batches == exporter.batches
    assert lane.stats() == {"exported": 5, "queue_depth": 0}
    assert stop(lane)
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
    lane = start(Scripted(export), notes=notes)
    for _ in range(3):
        lane.put(batch())
    assert flush(lane)
    stats = lane.stats()
    assert (stats["failed"], stats["exported"]) == (2, 1)
    assert [note[0] for note in notes] == (
        ["exporter_raised", "exporter_recovered"] if failing == "raises" else []
    )
    assert stop(lane)


def test_a_full_queue_leaves_the_newest_batch_out():
    entered, go_on = threading.Event(), threading.Event()

    def export(_):
        entered.set()
        go_on.wait(10)
        return ExportResult.SUCCESS

    exporter = Scripted(export)
    lane = start(exporter, max_spans=10)
    lane.put(batch(6))
    assert entered.wait(5)
    lane.put(batch(4))
    lane.put(batch(1))
    go_on.set()
    assert flush(lane)
    assert [len(item) for item in exporter.batches] == [6, 4]
    assert lane.stats()["dropped_queue_full"] == 1
    assert stop(lane)


def test_a_batch_larger_than_the_queue_passes_when_nothing_waits():
    lane = start(Scripted(lambda _: ExportResult.SUCCESS), max_spans=2)
    lane.put(batch(5))
    assert flush(lane)
    assert lane.stats()["exported"] == 5
    assert stop(lane)


def test_a_hanging_exporter_cannot_hold_the_stop_beyond_its_deadline():
    go_on = threading.Event()
    exporter = Scripted(lambda _: go_on.wait(30) and ExportResult.SUCCESS)
    lane = start(exporter)
    lane.put(batch(3))
    lane.put(batch(2))
    began = time.monotonic()
    assert not flush(lane, 0.1)
    assert not stop(lane, 0.2)
    assert time.monotonic() - began < 5
    assert lane.stats()["dropped_at_shutdown"] == 5
    assert len(exporter.ended) == 1  # told to give up, from outside its thread
    go_on.set()


def test_what_is_delivered_after_the_deadline_is_not_counted_as_dropped():
    go_on = threading.Event()
    lane = start(Scripted(lambda _: go_on.wait(30) and ExportResult.SUCCESS))
    lane.put(batch(3))
    assert not stop(lane, 0.05)
    assert lane.stats()["dropped_at_shutdown"] == 3
    go_on.set()
    assert stop(lane)
    counted = lane.stats()
    assert (counted["exported"], counted["dropped_at_shutdown"]) == (3, 0)


def test_a_forked_child_begins_with_an_empty_queue_and_reopens_its_exporter():
    exporter = Scripted(lambda _: ExportResult.SUCCESS)
    reopened = []
    exporter.reopen_after_fork = lambda: reopened.append(True)
    lane = Lane("test", exporter, 100, 10**9, Notes(), lambda: None, len)
    lane.put(batch(3))
    lane.after_fork()
    lane.start()
    assert flush(lane)
    assert exporter.batches == []
    assert reopened == [True]
    assert stop(lane)


def test_an_exporter_that_cannot_be_reopened_does_not_stop_the_child():
    exporter, notes = Scripted(lambda _: ExportResult.SUCCESS), Notes()
    exporter.reopen_after_fork = lambda: 1 / 0
    lane = Lane("test", exporter, 100, 10**9, notes, lambda: None, len)
    lane.after_fork()
    assert notes == [
        ("exporter_raised", "warn", {"exporter": "test", "error": "ZeroDivisionError"})
    ]
    lane.start()
    lane.put(batch(2))
    assert flush(lane)
    assert lane.stats()["exported"] == 2
    assert stop(lane)


class Held:
    """An exporter that is held inside `export` until the test lets it go."""

    def __init__(self):
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.shutdowns_begun = 0

    def export(self, _batch):
        self.entered.set()
        self.go_on.wait(10)
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
    lane = start(exporter, max_bytes=10_000, weigh=batch_bytes)
    lane.put(batch_of_text(1))
    assert exporter.entered.wait(5)
    for _ in range(10):
        lane.put(batch_of_text(3000))
    assert lane.stats()["queue_depth"] == 1 + 2
    assert lane.stats()["dropped_queue_full"] == 8
    exporter.go_on.set()
    assert flush(lane)
    lane.put(batch_of_text(3000))
    assert flush(lane)
    assert lane.stats()["exported"] == 4
    assert stop(lane)


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_no_exception_of_an_exporter_ends_its_lane(raised):
    outcomes = iter([raised, None])

    def export(_):
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return ExportResult.SUCCESS

    lane = start(Scripted(export))
    lane.put(batch())
    lane.put(batch())
    assert flush(lane)
    assert (lane.stats()["failed"], lane.stats()["exported"]) == (1, 1)
    assert stop(lane)


def test_an_exporter_learns_that_its_end_is_near_before_it_is_waited_for():
    exporter = Held()
    lane = start(exporter)
    lane.put(batch())
    assert exporter.entered.wait(5)
    assert stop(lane)
    assert exporter.shutdowns_begun == 1
    assert lane.stats()["exported"] == 1


def test_one_fork_waits_for_a_busy_exporter_and_the_next_does_not():
    exporter = Held()
    lane = start(exporter)
    lane.put(batch())
    assert exporter.entered.wait(5)
    lane.park(time.monotonic() + 0.05)
    lane.unpark()
    began = time.monotonic()
    lane.park(time.monotonic() + 60)
    lane.unpark()
    assert time.monotonic() - began < 30
    exporter.go_on.set()
    assert flush(lane)
    lane.park(time.monotonic() + 60)
    assert not lane._worker.is_alive
    lane.unpark()
    assert stop(lane)


def test_an_exporter_that_keeps_account_is_believed():
    exporter = Scripted(lambda _: ExportResult.FAILURE)
    accounts = iter([{}, {"spans_failed": 2, "spans_rejected": 1}])
    exporter.stats = lambda: next(accounts)
    lane = start(exporter)
    lane.put(batch(10))
    assert flush(lane)
    counters = lane.counters
    assert (counters["exported"], counters["failed"], counters["rejected"]) == (7, 2, 1)
    assert stop(lane)


def test_an_account_that_cannot_be_read_is_none():
    exporter = Scripted(lambda _: ExportResult.SUCCESS)
    exporter.stats = lambda: 1 / 0
    lane = start(exporter)
    lane.put(batch(10))
    assert flush(lane)
    assert lane.stats()["exported"] == 10
    assert stop(lane)
