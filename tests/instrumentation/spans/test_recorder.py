"""The recorder behind `SpanRecorder`, through what that protocol offers."""

import _thread
import operator
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from tests.conftest import only

from codetracer_otel.instrumentation.monitoring.in_flight import CallbacksInFlight
from codetracer_otel.instrumentation.spans.call_ends import CallEnds
from codetracer_otel.instrumentation.spans.parents import Parents
from codetracer_otel.instrumentation.spans.record_buffer import RecordBuffer
from codetracer_otel.instrumentation.spans.suspended_calls import SuspendedCalls
from codetracer_otel.instrumentation.spans.traced_code import TracedCode
from codetracer_otel.model.record import CODE, EXTRAS, PLAN, RESULT, Ending
from codetracer_otel.sdk.delivery import pipeline
from codetracer_otel.sdk.session.configure import active_session, configure
from codetracer_otel.testing import InMemoryExporter


@pytest.fixture
def recorder():
    options = {"policy": {"on_recorder_error": "abort"}}
    with configure(only(__file__), "none", **options):
        yield active_session()._leading.recorder


def leaf(n):
    return n


def steps():
    yield leaf(1)


def start_unnoticed(*functions):
    """Call functions on a thread that hands no context on, from no function that is traced."""
    _thread.start_new_thread(list, (map(operator.call, functions),))


def names(records):
    return [record[CODE].co_name for record in records]


def test_every_callback_answers_for_an_event_of_the_interpreter(recorder):
    assert set(recorder.callbacks()) <= set(vars(sys.monitoring.events))
    assert {"PY_START", "PY_RETURN", "PY_UNWIND"} <= set(recorder.callbacks())


def test_finished_records_are_drained_once_oldest_first_and_within_the_limit(recorder):
    for n in range(3):
        leaf(n)
    first = recorder.drain(2)
    rest = recorder.drain(10)
    assert [record[RESULT] for record in (*first, *rest)] == [0, 1, 2]
    assert recorder.drain(10) == []


def test_the_current_record_is_the_innermost_of_this_thread(recorder):
    def inside():
        return recorder.current()[CODE].co_name

    assert inside() == "inside"
    assert recorder.current()[CODE].co_name == sys._getframe().f_code.co_name
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(recorder.current).result() is None


def test_unknown_code_of_ours_is_skipped_and_others_get_a_site(recorder):
    frame = sys._getframe()
    assert recorder.on_unknown(only.__code__, frame) is sys.monitoring.DISABLE
    assert recorder.on_unknown(TracedCode.read_arguments.__code__, frame) is sys.monitoring.DISABLE
    made = recorder.on_unknown(leaf.__code__, frame)
    assert type(made) is TracedCode
    assert recorder.is_traced(leaf.__code__)
    assert not recorder.is_traced(only.__code__)


def test_a_muted_thread_records_nothing(recorder):
    def run():
        recorder.mute_this_thread()
        leaf(1)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "leaf" not in names(recorder.drain(10))


def test_closing_finishes_what_is_open(recorder):
    generator = steps()
    next(generator)
    active_session()._leading.pause()
    (record,) = [record for record in recorder.drain(10) if record[CODE] is steps.__code__]
    assert record[EXTRAS].ending is Ending.UNFINISHED
    recorder.close()
    assert recorder.drain(10) == []
    assert recorder.view_this_thread()()[1:] == []


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Parents, "adopt"),
        (SuspendedCalls, "add"),
        (SuspendedCalls, "get"),
        (SuspendedCalls, "remove"),
        (CallEnds, "finish_extras"),
    ],
)
def test_closing_waits_for_callbacks_that_other_threads_are_in(recorder, monkeypatch, owner, name):
    arrived, goes_on, is_over = threading.Event(), threading.Event(), threading.Event()
    original, mine = getattr(owner, name), threading.get_ident()

    def halt(*arguments, **options):
        if threading.get_ident() != mine:
            arrived.set()
            assert goes_on.wait(5)
        return original(*arguments, **options)

    def sleep(seconds):
        goes_on.set()
        time.sleep(seconds)

    def drain():
        return [record for record in recorder.drain(20) if record[CODE] is steps.__code__]

    monkeypatch.setattr(owner, name, halt)
    monkeypatch.setattr(CallbacksInFlight, "sleep", staticmethod(sleep))
    start_unnoticed(partial(list, steps()), is_over.set)
    assert arrived.wait(5)
    active_session()._leading.pause()
    closed = drain()
    goes_on.set()
    assert is_over.wait(5)
    late = drain()
    recorder.close()
    assert (len(closed), late, drain()) == (1, [], [])


def test_closing_waits_for_a_record_that_is_about_to_enter_a_full_buffer(monkeypatch):
    arrived, goes_on, is_over = threading.Event(), threading.Event(), threading.Event()
    original, mine = RecordBuffer._is_full, threading.get_ident()

    def halt(buffer):
        if threading.get_ident() != mine:
            arrived.set()
            assert goes_on.wait(5)
        return original(buffer)

    def let_go(_seconds):
        goes_on.set()
        is_over.wait(5)

    exporter = InMemoryExporter()
    monkeypatch.setattr(pipeline, "_FIRST_DRAINS", 0)  # else the worker may just have made room
    with configure(only(__file__), exporter, buffer={"interval_ms": 60_000}) as session:
        leaf(0)
        monkeypatch.setattr(RecordBuffer, "_is_full", halt)
        monkeypatch.setattr(CallbacksInFlight, "sleep", staticmethod(let_go))
        wake = session._leading.recorder.wake_with_next

        def several():
            leaf(1)
            wake()
            leaf(2)  # in compiled code, below a call that is none

        start_unnoticed(several, is_over.set)
        assert arrived.wait(5)
    goes_on.set()
    assert is_over.wait(5)
    assert len(exporter.named(f"{__name__}.leaf")) == 3
    assert session.stats()["dropped"] == {}


def test_closing_does_not_wait_for_a_callback_for_ever(recorder, monkeypatch):
    arrived, goes_on, is_over = threading.Event(), threading.Event(), threading.Event()
    original, mine, slept = CallEnds.finish_extras, threading.get_ident(), []

    def halt(*arguments, **options):
        if threading.get_ident() != mine:
            arrived.set()
            assert goes_on.wait(5)
        return original(*arguments, **options)

    monkeypatch.setattr(CallEnds, "finish_extras", halt)
    monkeypatch.setattr(CallbacksInFlight, "sleep", slept.append)
    start_unnoticed(partial(list, steps()), is_over.set)
    assert arrived.wait(5)
    active_session()._leading.pause()
    goes_on.set()
    assert is_over.wait(5)
    assert sum(slept) == pytest.approx(0.5)


def test_in_a_forked_child_open_calls_are_parents_only(recorder):
    def inside():
        recorder.begin_in_forked_child()
        return [entry[PLAN] for entry in recorder.view_this_thread()()[1:]]

    leaf(1)
    assert inside() == [None, None]  # this function's own among them
    assert names(recorder.drain(10)) == []


def test_a_code_object_that_is_collected_leaves_no_site(recorder):
    namespace = {}
    exec(compile("def fresh():\n    return 1\n", __file__, "exec"), namespace)
    namespace["fresh"]()
    code = weakref.ref(namespace["fresh"].__code__)
    traced = recorder.stats()["code_objects_traced"]
    assert recorder.is_traced(code())
    recorder.drain(10)
    namespace.clear()
    assert code() is None
    assert recorder.stats()["code_objects_traced"] < traced


def test_its_counters_are_numbers_by_name(recorder):
    before = recorder.stats()["code_objects_traced"]
    leaf(1)
    stats = recorder.stats()
    assert stats["healed_stack_entries"] == 0
    assert stats["queue_depth"] == 1
    assert stats["dropped_buffer_full"] == 0
    assert stats["code_objects_traced"] == before + 1
