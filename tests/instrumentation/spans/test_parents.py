"""Whose child a call is, decided from the stack and OpenTelemetry's context."""

import threading

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from codetracer_otel.instrumentation.spans.parents import (
    UNSAMPLED,
    Parents,
    build_base,
    build_unrecorded,
    thread_of,
)
from codetracer_otel.model.record import ARGUMENTS, SEGMENT, SPAN_ID, RemoteParent, wire_span_id
from codetracer_otel.testing import FixedClock, SequentialIds

EMPTY = Context()


def parents_of(remote=None, **options):
    return Parents(SequentialIds(), FixedClock(), remote, **options)


def spans_context(trace_id=7, span_id=9, flags=1, *, remote=True):
    span = SpanContext(trace_id, span_id, is_remote=remote, trace_flags=TraceFlags(flags))
    return set_span_in_context(NonRecordingSpan(span), EMPTY)


def test_the_first_call_of_a_thread_begins_a_trace():
    base = build_base()
    segment, parent_id = parents_of().adopt(EMPTY, base, base)
    assert (segment.trace_id, parent_id) == (1, 0)


def test_two_roots_are_two_traces():
    parents, base = parents_of(), build_base()
    first, _ = parents.adopt(EMPTY, base, base)
    second, _ = parents.adopt(EMPTY, base, base)
    assert first.trace_id != second.trace_id


def test_a_trace_knows_the_distance_of_its_clocks():
    base = build_base()
    segment, _ = parents_of().adopt(EMPTY, base, base)
    clock = FixedClock()
    assert segment.wall_offset_ns == clock.wall_ns() - clock.monotonic_ns()


def test_a_remote_parent_is_the_parent_of_every_root():
    remote = RemoteParent(0xABC, 0xDEF, 1, "a=b")
    parents, base = parents_of(remote), build_base()
    for _ in range(2):
        segment, parent_id = parents.adopt(EMPTY, base, base)
        assert (segment.trace_id, parent_id) == (0xABC, wire_span_id(0xDEF))
        assert (segment.trace_state, segment.remote_parent_id) == ("a=b", parent_id)


@pytest.mark.parametrize("respect", [True, False])
def test_a_remote_parent_that_is_not_sampled_is_respected_unless_told_otherwise(respect):
    base = build_base()
    parents = parents_of(RemoteParent(1, 2, 0), respect_parent=respect)
    segment, _ = parents.adopt(EMPTY, base, base)
    assert (segment is None) is respect


def test_a_span_in_the_context_is_the_parent():
    base = build_base()
    segment, parent_id = parents_of().adopt(spans_context(), base, base)
    assert (segment.trace_id, parent_id) == (7, wire_span_id(9))
    assert segment.remote_parent_id == parent_id


def test_a_local_span_in_the_context_is_no_remote_parent():
    base = build_base()
    segment, _ = parents_of().adopt(spans_context(remote=False), base, base)
    assert segment.remote_parent_id == 0


def test_calls_below_one_span_share_a_segment():
    parents, base, context = parents_of(), build_base(), spans_context()
    first, _ = parents.adopt(context, base, base)
    second, _ = parents.adopt(context, base, base)
    assert first is second


def test_a_muted_thread_records_nothing():
    base = build_base(muted=True)
    parents = parents_of()
    assert parents.adopt(EMPTY, base, base) == (None, 0)
    assert parents.adopt(spans_context(), base, base) == (None, 0)


def test_below_what_is_not_sampled_a_sampled_context_is_recorded_again():
    base = build_base()
    entry = build_unrecorded(None, UNSAMPLED, None, 0)
    entry[ARGUMENTS] = unsampled = spans_context(flags=0)
    parents = parents_of()
    assert parents.adopt(unsampled, entry, base) == (None, 0)
    segment, _ = parents.adopt(spans_context(), entry, base)
    assert segment.trace_id == 7


def test_a_context_without_a_span_below_a_recorded_call_is_its_child():
    parents, base = parents_of(), build_base()
    segment, _ = parents.adopt(EMPTY, base, base)
    entry = build_unrecorded(None, EMPTY, segment, 5)
    assert parents.adopt(Context(), entry, base) == (segment, 5)


def test_a_thread_handed_a_parent_takes_its_trace_under_its_own_name():
    parents, base = parents_of(), build_base()
    base[SEGMENT], base[SPAN_ID] = parents.new_root(base)[0], 5
    found = []

    def work():
        other = build_base()
        other[SEGMENT], other[SPAN_ID] = base[SEGMENT], 5
        found.append(parents.adopt(EMPTY, other, other))
        found.append(parents.adopt(EMPTY, other, other))

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    (segment, parent_id), (again, _) = found
    assert (segment.trace_id, segment.thread_name, parent_id) == (1, "worker", 5)
    assert again is segment


def test_a_linked_root_remembers_where_it_was_called():
    parents, base = parents_of(), build_base()
    segment, _ = parents.new_root(base)
    fresh, parent_id, links = parents.new_linked_root(segment, wire_span_id(9), base)
    assert (fresh.trace_id, parent_id) == (2, 0)
    assert [(link.trace_id, link.span_id) for link in links] == [(1, 9)]
    assert parents.new_linked_root(segment, 0, base)[2] is None


def test_the_main_thread_has_no_name():
    assert thread_of(build_base()) == (0, "")


def test_a_thread_is_named_without_the_registrys_lock():
    found = []
    thread = threading.Thread(target=lambda: found.append(thread_of(build_base())), name="mine")
    with threading._active_limbo_lock:
        assert thread_of(build_base()) == (0, "")
    thread.start()
    thread.join()
    assert found == [(thread.ident, "mine")]


def test_a_thread_that_python_does_not_know_is_numbered_and_not_registered():
    import _thread

    done, found = _thread.allocate_lock(), []
    done.acquire()

    def work():
        found.append(thread_of(build_base()))
        done.release()

    before = threading.active_count()
    ident = _thread.start_new_thread(work, ())
    done.acquire()
    assert found == [(ident, "")]
    assert threading.active_count() == before
