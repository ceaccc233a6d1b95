"""How calls end that the flat callbacks cannot end: here from outside of their function."""

import pytest

from codetracer_otel.instrumentation.spans.call_ends import CallEnds
from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
from codetracer_otel.instrumentation.spans.thread_stacks import Stacks
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.model.record import CODE, END, EXTRAS, PLAN, RECORD_LENGTH, START, Ending


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
