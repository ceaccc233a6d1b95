"""A lane isolates one exporter."""

from __future__ import annotations

import threading
import time

import pytest

from codetracer_otel.ports import ExportResult
from codetracer_otel.records import Batch
from codetracer_otel.sdk.lanes import Lane


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


def start(exporter, max_spans=100, notes=None):
    lane = Lane("test", exporter, max_spans, notes if notes is not None else Notes(), lambda: None)
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
    assert [note[0] for note in notes] == (["exporter_raised"] if failing == "raises" else [])
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


def test_a_forked_child_begins_with_an_empty_queue_and_reopens_its_exporter():
    exporter = Scripted(lambda _: ExportResult.SUCCESS)
    reopened = []
    exporter.reopen_after_fork = lambda: reopened.append(True)
    lane = Lane("test", exporter, 100, Notes(), lambda: None)
    lane.put(batch(3))
    lane.after_fork()
    lane.start()
    assert flush(lane)
    assert exporter.batches == []
    assert reopened == [True]
    assert stop(lane)
