"""The bounded buffer: nothing is lost below its bounds, what is lost above is counted."""

import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
from codetracer_otel.model.record import RECORD_LENGTH


def push(buffer, name):
    """Do what the recorder does."""
    record = [name, *[None] * (RECORD_LENGTH - 1)]
    if len(buffer.records) < buffer.high_watermark:
        buffer.records.append(record)
    else:
        buffer.overflow(record)


def take(buffer, limit):
    return [record[0] for record in buffer.take(limit)]


def test_records_come_out_in_order():
    buffer = RecordBuffer(10, 1000, lambda: None)
    for n in range(7):
        push(buffer, n)
    assert take(buffer, 5) == [0, 1, 2, 3, 4]
    assert take(buffer, 5) == [5, 6]
    assert take(buffer, 5) == []


def test_the_newest_is_dropped_and_counted_when_the_buffer_is_full():
    buffer = RecordBuffer(3, 1000, lambda: None)
    for n in range(5):
        push(buffer, n)
    assert (take(buffer, 10), buffer.dropped_full) == ([0, 1, 2], 2)


def test_the_worker_is_woken_at_half_of_the_bound_and_not_before():
    woken = []
    buffer = RecordBuffer(10, 1000, lambda: woken.append(len(buffer.records)))
    for n in range(6):
        push(buffer, n)
    assert woken == [5]


def test_bytes_are_a_bound_too():
    buffer = RecordBuffer(100, 100, lambda: None)
    for n in range(5):
        buffer.charge(40)
        push(buffer, n)
    assert len(take(buffer, 100)) == 2
    assert buffer.dropped_full == 3


def test_room_comes_back_when_records_are_taken():
    buffer = RecordBuffer(4, 100, lambda: None)
    for n in range(6):
        buffer.charge(30)
        push(buffer, n)
    take(buffer, 100)
    buffer.charge(30)
    push(buffer, "after")
    assert take(buffer, 1) == ["after"]


def test_a_waiting_program_gets_room():
    taker = threading.Thread(target=lambda: take(buffer, 1))
    buffer = RecordBuffer(1, 1000, taker.start, max_wait_s=30)
    push(buffer, "first")
    push(buffer, "second")
    taker.join()
    assert (take(buffer, 9), buffer.dropped_full) == (["second"], 0)


def test_a_program_that_waited_in_vain_drops():
    buffer = RecordBuffer(1, 1000, lambda: None, max_wait_s=0.001)
    push(buffer, "first")
    push(buffer, "second")
    assert (take(buffer, 9), buffer.dropped_full) == (["first"], 1)


def test_a_thread_that_makes_room_appends_past_the_bound():
    buffer = RecordBuffer(1, 1000, lambda: None, max_wait_s=30)
    push(buffer, "first")
    buffer.waive_waits()
    push(buffer, "kept elsewhere until now")
    assert take(buffer, 9) == ["first", "kept elsewhere until now"]
    assert buffer.dropped_full == 0


def test_clearing_forgets_everything():
    buffer = RecordBuffer(2, 10, lambda: None)
    buffer.charge(100)
    push(buffer, 1)
    buffer.clear()
    assert take(buffer, 9) == []
    push(buffer, 2)
    assert take(buffer, 9) == [2]


@settings(max_examples=examples(100))
@given(
    st.lists(st.one_of(st.just("push"), st.integers(min_value=0, max_value=5)), max_size=60),
    st.integers(min_value=1, max_value=8),
)
def test_what_is_pushed_is_taken_in_order_or_counted(steps, bound):
    buffer, pushed, taken = RecordBuffer(bound, 10**6, lambda: None), 0, []
    for step in steps:
        if step == "push":
            push(buffer, pushed)
            pushed += 1
        else:
            taken += take(buffer, step)
        assert len(buffer.records) <= bound
    taken += take(buffer, 100)
    assert taken == sorted(set(taken))
    assert len(taken) + buffer.dropped_full == pushed


def charged(*sizes, max_bytes=100):
    """Return a buffer with one record for each size, and when the worker was woken."""
    woken = []
    buffer = RecordBuffer(100, max_bytes, lambda: woken.append(len(buffer.records)))
    for n, size in enumerate(sizes):
        buffer.charge(size)
        push(buffer, n)
    return buffer, woken


def test_half_of_the_bytes_wake_nobody_and_one_more_wakes_the_worker():
    assert charged(50)[1] == []
    assert charged(50, 1)[1] == [1]


def test_every_record_wakes_the_worker_while_the_bytes_stay_above_half():
    assert charged(51, 0, 0)[1] == [0, 1, 2]


def test_a_record_that_was_to_wake_the_worker_is_the_only_one_at_half_of_the_bytes():
    buffer, woken = charged(50)
    buffer.wake_with_next()
    push(buffer, "wakes")
    push(buffer, "does not")
    assert woken == [1]


def test_what_is_left_above_half_of_the_bytes_wakes_the_worker_and_half_does_not():
    left_above, woken = charged(26, 26, 26, 26, max_bytes=150)
    left_above.take(1)
    assert left_above.high_watermark == 0
    left_at_half, woken = charged(25, 25, 25, 25)
    del woken[:]
    left_at_half.take(2)
    push(left_at_half, "quiet")
    assert woken == []
