"""How calls end that the flat callbacks cannot end: here from outside of their function."""

from collections import deque
from types import SimpleNamespace

import pytest

from codetracer_otel.instrumentation.spans.call_ends import CallEnds
from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
from codetracer_otel.instrumentation.spans.thread_stacks import Stacks
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.model.record import (
    CODE,
    CONTEXT,
    END,
    EXTRAS,
    PLAN,
    RECORD_LENGTH,
    START,
    Ending,
    SpanDetails,
)


@pytest.fixture
def ends():
    clock = SystemClock()
    return CallEnds(
        traced_codes={},
        stacks=Stacks(),
        suspended=SuspendedCalls(clock.monotonic_ns, watches=False),
        buffer=RecordBuffer(10, 1000, lambda: None),
        next_span_id=lambda: 1,
        clock=clock,
        release=lambda _entry: None,
        exception_text=False,
    )


@pytest.mark.parametrize(("now", "end"), [(9, 10), (10, 10), (11, 11)])
def test_a_call_that_is_ended_from_outside_never_ends_before_it_began(ends, now, end):
    record = [None] * RECORD_LENGTH
    record[PLAN], record[START] = object(), 10
    ends.finish_open(record, now, Ending.UNFINISHED)
    assert record[END] == end
    assert record[EXTRAS].ending is Ending.UNFINISHED
    assert ends._buffer.take(2) == [record]


def test_what_a_broken_off_healing_left_on_the_stack_is_not_delivered_twice(ends):
    def entry(code, end):
        record = [None] * RECORD_LENGTH
        record[CODE], record[PLAN], record[START], record[END] = code, object(), 10, end
        return record

    running, delivered = entry("running", 0), entry("lost", 11)
    stack = ["base", running, delivered]
    assert ends.resync_to(stack, "running") is running
    assert stack == ["base", running]
    assert ends._buffer.take(2) == []


def deliver_failed(ends, record):
    record[CONTEXT], record[END] = None, 11  # as `waits` leaves it
    ends.waiting.append(SpanDetails())
    ends.waiting[0].failed_inside = deque([record])
    ends.deliver_waiting()


def finish_cramped(ends, record):
    record[CONTEXT], record[END] = object(), 11
    ends.deferred_ends.append((record, None))
    ends.finish_cramped()


def finish_open(ends, record):
    record[CONTEXT] = object()
    ends.finish_open(record, 11, Ending.UNFINISHED)


@pytest.mark.parametrize("end", [deliver_failed, finish_cramped, finish_open])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_record_that_an_interrupt_keeps_from_the_buffer_is_delivered_later(
    ends, monkeypatch, end, place
):
    buffer, record = ends._buffer, [None] * RECORD_LENGTH
    overflow = buffer.overflow

    def interrupted(record):
        monkeypatch.undo()
        if place == "behind":
            overflow(record)
        raise KeyboardInterrupt

    monkeypatch.setattr(buffer, "overflow", interrupted)
    record[PLAN], record[START] = SimpleNamespace(sampling=None), 10
    buffer.wake_with_next()
    with pytest.raises(KeyboardInterrupt):
        end(ends, record)
    ends.finish_cramped()
    assert buffer.take(2) == [record]
    assert record[CONTEXT] is None
