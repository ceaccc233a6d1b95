"""A worker's thread is the owner's secret, and is away while the process forks."""

from __future__ import annotations

import _thread
import ctypes
import logging
import sys
import threading
import time
import types

import pytest

from codetracer_otel.bindings import Queues
from codetracer_otel.sdk.delivery import worker as workers
from codetracer_otel.sdk.delivery.worker import Worker, unregistered


def soon():
    return time.monotonic() + 60


def start(handle, interval=lambda: None, on_start=lambda: None):
    worker = Worker(handle, interval, on_start)
    worker.start()
    return worker


def test_items_are_handled_in_order_until_one_ends_the_thread():
    handled = []

    def handle(item):
        handled.append(item)
        return item != "last"

    worker = start(handle)
    for item in ("first", "second", "last", "never"):
        worker.put(item)
    assert worker.join(soon())
    assert handled == ["first", "second", "last"]
    assert not worker.is_alive


def test_none_comes_when_the_interval_passes():
    ticked = threading.Event()
    worker = start(lambda item: item is None and not ticked.set(), lambda: 0.01)
    assert ticked.wait(60)
    worker.put("end")
    assert worker.join(soon())


def test_an_interval_that_no_queue_can_wait_for_passes_in_parts(monkeypatch):
    monkeypatch.setattr(workers, "LONGEST_WAIT_S", 0.001)  # with Windows it is 49 days
    waits, waited = [], threading.Event()

    class Items(Queues.SimpleQueue):
        def get(self, block=True, timeout=None):
            waits.append(timeout)
            if len(waits) > 3:
                waited.set()
            return super().get(block, timeout)

    ticks = []
    worker = Worker(lambda item: item is None and not ticks.append(1), lambda: 1e9, lambda: None)
    worker._items = Items()
    worker.start()
    assert waited.wait(60)
    worker.put("end")
    assert worker.join(soon())
    assert set(waits) == {0.001}
    assert ticks == []


def test_the_program_never_meets_the_thread_not_even_after_logging_in_it():
    logged = threading.Event()

    def handle(item):
        if item == "log":
            logging.getLogger("worker").debug("x")
            threading.current_thread()
            return True
        logged.set()
        return item != "end"

    before = threading.enumerate()
    worker = start(handle)
    worker.put("log")
    worker.put("look")
    assert logged.wait(60)
    assert threading.enumerate() == before
    worker.put("end")
    assert worker.join(soon())


def test_notifying_leaves_no_stand_in_behind_and_no_thread_of_the_programs_out():
    seen = []

    def handle(item):
        if item == "end":
            return False
        unregistered(lambda *_args, **_facts: logging.getLogger("worker").debug("x"))("event")
        seen.append(threading.enumerate())
        return True

    before = threading.enumerate()
    unregistered(lambda *_args, **_facts: threading.current_thread())("event")
    assert threading.enumerate() == before
    worker = start(handle)
    worker.put("notify")
    worker.put("end")
    assert worker.join(soon())
    assert seen == [before]


def test_while_parked_there_is_no_thread_and_nothing_is_lost():
    handled = []
    worker = start(lambda item: handled.append(item) or item != "end")
    worker.put(1)
    worker.park(soon())
    assert not worker.is_alive
    worker.put(2)
    worker.unpark()
    assert worker.is_alive
    worker.put("end")
    assert worker.join(soon())
    assert handled == [1, 2, "end"]


def test_a_thread_too_busy_to_park_goes_on_by_itself():
    entered, go_on = threading.Event(), threading.Event()
    handled = []

    def handle(item):
        if item == "busy":
            entered.set()
            go_on.wait(60)
        handled.append(item)
        return item != "end"

    worker = start(handle)
    worker.put("busy")
    assert entered.wait(60)
    worker.park(time.monotonic() + 0.01)
    worker.unpark()
    go_on.set()
    worker.put("end")
    assert worker.join(soon())
    assert handled == ["busy", "end"]


def test_a_held_thread_handles_nothing_until_whoever_holds_it_lets_go():
    handled = []
    worker = start(lambda item: handled.append(item) or item != "end")
    assert worker.hold(soon())
    worker.put("end")
    stranger = threading.Thread(target=worker.release)
    stranger.start()
    stranger.join()
    assert not worker.join(time.monotonic() + 0.02)
    assert handled == []
    worker.release()
    assert worker.join(soon())
    assert handled == ["end"]


def test_a_thread_at_work_is_not_held_and_another_threads_hold_is_not_undone():
    worker = start(lambda item: item != "end")
    answers = []

    def try_to_hold():
        answers.append(worker.hold(time.monotonic()))
        worker.release()

    assert worker.hold(soon())
    stranger = threading.Thread(target=try_to_hold)
    stranger.start()
    stranger.join()
    worker.put("end")
    assert answers == [False]
    assert not worker.join(time.monotonic() + 0.02)
    worker.release()
    assert worker.join(soon())


def test_a_worker_held_by_a_thread_that_a_fork_left_behind_works_in_the_child():
    handled = []
    worker = Worker(lambda item: handled.append(item) or item != "end", lambda: None, lambda: None)
    assert worker.hold(soon())
    worker.renew()
    worker.unpark()
    worker.put("end")
    assert worker.join(soon())
    assert handled == ["end"]


def test_unparking_returns_when_the_new_thread_counts():
    worker = start(lambda item: item != "end")
    counts = set()
    for _ in range(20):
        assert worker.park(soon())
        worker.unpark()
        counts.add(_thread._count())
    assert len(counts) == 1
    worker.put("end")
    assert worker.join(soon())


def test_a_renewed_worker_begins_with_an_empty_queue():
    handled = []
    worker = Worker(lambda item: handled.append(item) or item != "end", lambda: None, lambda: None)
    worker.put("of the parent")
    worker.renew()
    worker.start()
    worker.put("end")
    assert worker.join(soon())
    assert handled == ["end"]


def test_an_ended_worker_is_not_brought_back_by_a_fork():
    worker = start(lambda _: False)
    worker.put("end")
    assert worker.join(soon())
    worker.park(soon())
    worker.unpark()
    assert not worker.is_alive


def test_however_parking_and_unparking_meet_the_thread_it_goes_on():
    handled = []
    worker = start(lambda item: handled.append(item) or item != "end")
    for number in range(300):
        worker.put(number)
        worker.park(time.monotonic() + (number % 3) * 0.0001)
        worker.unpark()
    worker.put("end")
    assert worker.join(soon())
    assert handled == [*range(300), "end"]


class Limit:
    """The recursion limit, which the program has lowered, and a clock that only sleeping moves."""

    def __init__(self, monkeypatch, back_after=None):
        self.sleeps = 0
        self.back_after = back_after
        monkeypatch.setattr(sys, "getrecursionlimit", lambda: 1000 if self.is_back else 30)
        clock = types.SimpleNamespace(
            sleep=self.sleep, monotonic=lambda: float(self.sleeps), thread_time_ns=lambda: 0
        )
        monkeypatch.setattr(workers, "Time", clock)

    @property
    def is_back(self):
        return self.back_after is not None and self.sleeps >= self.back_after

    def sleep(self, _seconds):
        self.sleeps += 1


@pytest.mark.parametrize(("back_after", "expected"), [(2, ["room", "room"]), (None, [2, 2])])
def test_a_thread_waits_for_a_recursion_limit_that_is_too_low_but_not_for_ever(
    monkeypatch, back_after, expected
):
    limit, handled = Limit(monkeypatch, back_after), []

    def handle(item):
        handled.append("room" if limit.is_back else limit.sleeps)
        return item != "end"

    worker = start(handle)
    worker.put("first")
    worker.put("end")
    assert worker.join(soon())
    assert handled == expected


def test_a_thread_survives_what_it_cannot_handle_and_tells_of_it():
    handled, told = [], []

    def handle(item):
        if item == "bad":
            raise SystemExit
        handled.append(item)
        return item != "end"

    worker = Worker(
        handle,
        lambda: None,
        lambda: None,
        on_failure=lambda item, error: told.append((item, type(error))) or True,
    )
    worker.start()
    for item in ("bad", 1, "bad", "end"):
        worker.put(item)
    assert worker.join(soon())
    assert (handled, told) == ([1, "end"], [("bad", SystemExit)] * 2)
    assert not worker.has_died


def test_a_thread_that_does_nothing_but_fail_ends_and_that_can_be_seen(capfd):
    worker = Worker(lambda _: 1 / 0, lambda: 0.0, lambda: None, on_failure=lambda *_: True)
    worker.start()
    assert worker.join(soon())
    assert worker.has_died
    assert capfd.readouterr().err == ""


def test_an_exception_that_the_program_sends_into_the_thread_does_not_end_it():
    told, idents = [], []
    worker = Worker(
        lambda item: item != "end",
        lambda: 0.001,
        lambda: idents.append(threading.get_ident()),
        on_failure=lambda _item, error: told.append(type(error)) or True,
    )
    worker.start()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(idents[0]), ctypes.py_object(KeyboardInterrupt)
    )
    limit = soon()
    while not told and time.monotonic() < limit:
        time.sleep(0.001)
    worker.put("end")
    assert worker.join(soon())
    assert told == [KeyboardInterrupt]
