"""The recorder behind `ports.Recorder`, through what its protocol offers."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.conftest import only

from codetracer_otel.instrumentation.spans.traced_code import TracedCode
from codetracer_otel.model.record import CODE, PLAN, RESULT
from codetracer_otel.sdk.session.configure import active_session, configure


@pytest.fixture
def recorder():
    options = {"policy": {"on_recorder_error": "abort"}}
    with configure(only(__file__), "none", **options):
        yield active_session()._leading.recorder


def leaf(n):
    return n


def steps():
    yield leaf(1)


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


def test_what_a_broken_off_healing_left_on_the_stack_is_not_delivered_twice(recorder):
    leaf(1)
    (delivered,) = recorder.drain(10)
    stack = recorder.stacks.mine()
    stack.append(delivered)
    recorder.callbacks()["PY_UNWIND"](leaf.__code__, 0, ValueError())
    assert delivered not in stack
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
    assert recorder.traced_codes[id(leaf.__code__)] is made


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
    active_session().shutdown()
    recorder.close()
    assert recorder.suspended.take_all() == []
    assert recorder.stacks.mine()[1:] == []


def test_in_a_forked_child_open_calls_are_parents_only(recorder):
    def inside():
        recorder.begin_in_forked_child()
        return [entry[PLAN] for entry in recorder.stacks.mine()[1:]]

    leaf(1)
    assert inside() == [None, None]  # this function's own among them
    assert names(recorder.drain(10)) == []


def test_a_code_object_that_is_collected_leaves_no_site(recorder):
    namespace = {}
    exec(compile("def fresh():\n    return 1\n", __file__, "exec"), namespace)
    namespace["fresh"]()
    key = id(namespace["fresh"].__code__)
    assert key in recorder.traced_codes
    recorder.drain(10)
    namespace.clear()
    assert key not in recorder.traced_codes


def test_its_counters_are_numbers_by_name(recorder):
    leaf(1)
    stats = recorder.stats()
    assert stats["healed_stack_entries"] == 0
    assert stats["queue_depth"] == 1
    assert stats["dropped_buffer_full"] == 0
