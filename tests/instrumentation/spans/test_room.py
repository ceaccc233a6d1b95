from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from codetracer_otel.instrumentation.spans import room as module
from codetracer_otel.instrumentation.spans.room import Room

LONG = 30.0


class HandClock:
    """Time that passes while somebody waits, and otherwise not."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


class HandEvent:
    """An event whose `wait` takes all of its time at once, or as long as it takes to be set."""

    clock = None
    set_after = None  # s from the beginning of a wait

    def clear(self):
        self.is_set = False

    def set(self):
        self.is_set = True

    def wait(self, timeout):
        if self.is_set:
            return
        soon = timeout if self.set_after is None else min(self.set_after, timeout)
        self.clock.now += soon
        if self.set_after is not None and soon == self.set_after:
            self.made()


@pytest.fixture
def clock(monkeypatch):
    clock = HandClock()
    monkeypatch.setattr(module, "Time", clock)
    monkeypatch.setattr(module, "Event", HandEvent)
    monkeypatch.setattr(HandEvent, "clock", clock)
    return clock


def nothing():
    """Ask nobody."""


def test_room_that_is_there_is_found_at_once():
    assert Room(0).is_found(lambda: False, nothing)


def test_nobody_waits_where_waiting_is_not_wanted():
    asked = []
    assert not Room(0).is_found(lambda: True, lambda: asked.append(1))
    assert asked == []


def test_a_wait_goes_on_for_as_long_as_room_is_made_now_and_then():
    room, left = Room(None, patience_s=LONG), [5]

    def make_some():
        left[0] -= 1
        threading.Thread(target=room.made).start()

    assert room.is_found(lambda: left[0] > 0, make_some)
    assert left == [0]


def test_progress_renews_the_patience(clock):
    room, began = Room(None, patience_s=0.4), clock.now
    room._changed.set_after, room._changed.made = 0.1, room.made
    assert room.is_found(lambda: clock.now - began < 1.0, nothing)
    assert clock.now - began == pytest.approx(1.0)


def test_progress_that_comes_too_late_renews_nothing(clock):
    room, began = Room(None, patience_s=0.4), clock.now
    room._changed.set_after, room._changed.made = 0.5, room.made
    assert not room.is_found(lambda: True, nothing)
    assert clock.now - began == pytest.approx(0.4)


def test_a_wait_without_any_progress_ends_and_the_next_one_does_not_begin(clock):
    room, asked = Room(None, patience_s=0.1), []
    assert not room.is_found(lambda: True, lambda: asked.append(1))
    assert not room.is_found(lambda: True, lambda: asked.append(2))
    assert asked == [1]
    room.made()
    assert not room.is_found(lambda: True, lambda: asked.append(3))
    assert asked == [1, 3]


def test_one_wait_takes_no_longer_than_is_said_whatever_progress_there_is(clock):
    room, began = Room(0.1, patience_s=LONG), clock.now
    room._changed.set_after, room._changed.made = 0.03, room.made
    assert not room.is_found(lambda: True, nothing)
    assert clock.now - began == pytest.approx(0.1)


def test_room_made_before_the_wait_is_not_overslept():
    room, answers = Room(None, patience_s=LONG), [True, False, False]
    assert room.is_found(lambda: answers.pop(0), nothing)


def test_all_who_wait_are_told():
    room, is_full, found = Room(None, patience_s=LONG), [True], []
    threads = [
        threading.Thread(target=lambda: found.append(room.is_found(lambda: is_full[0], nothing)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    is_full[0] = False
    while any(thread.is_alive() for thread in threads):
        room.made()
        time.sleep(0.001)
    assert found == [True] * 8


def test_a_forked_child_begins_anew():
    room = Room(None, patience_s=0.05)
    assert not room.is_found(lambda: True, nothing)
    room.begin()
    asked = []
    room.is_found(lambda: True, lambda: asked.append(1))
    assert asked


def test_who_makes_room_waits_for_none_and_others_do():
    room, asked = Room(0.001), []
    assert room.waive() is False
    assert room.is_found(lambda: True, lambda: asked.append("maker"))
    with ThreadPoolExecutor() as pool:
        assert not pool.submit(room.is_found, lambda: True, lambda: asked.append("other")).result()
    assert asked == ["other"]
    assert room.waive(is_waived=False) is True
    assert not room.is_found(lambda: True, nothing)


def test_a_bound_holds_for_everyone_where_nobody_waits():
    room = Room(0)
    room.waive()
    assert not room.is_found(lambda: True, nothing)
