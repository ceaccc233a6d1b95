"""Owning a tool id: conflicts, what is switched on, and a complete undo."""

import gc
import sys
import weakref

import pytest

from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.instrumentation.monitoring import tool as tool_module
from codetracer_otel.instrumentation.monitoring.api import local_mask
from codetracer_otel.instrumentation.monitoring.tool import Monitor, generator_close_is_silent
from codetracer_otel.sdk.session.configure import active_session, configure

MONITORING = sys.monitoring
EVENTS = MONITORING.events


@pytest.fixture
def other_tool():
    taken = []

    def take(tool, name):
        MONITORING.use_tool_id(tool, name)
        taken.append(tool)

    yield take
    for tool in taken:
        MONITORING.set_events(tool, 0)
        MONITORING.free_tool_id(tool)


def probe():
    return 1


class Calls(list):
    """Callbacks that note what fired; PY_START answers with ``answer``."""

    answer = None

    def callbacks(self, *names):
        return {name: self._callback(name) for name in names}

    def _callback(self, name):
        def callback(code, *_):
            if code is not probe.__code__:
                return MONITORING.DISABLE if name == "PY_START" else None
            self.append(name)
            return self.answer if name == "PY_START" else None

        return callback


def test_the_first_free_tool_id_is_taken(other_tool):
    other_tool(3, "somebody")
    monitor = Monitor()
    assert monitor.tool_id == 4
    assert MONITORING.get_tool(4) == "codetracer-otel"
    monitor.uninstall()
    assert MONITORING.get_tool(4) is None


def test_with_no_free_tool_id_the_owners_are_named(other_tool):
    other_tool(3, "first")
    other_tool(4, "second")
    with pytest.raises(EnvironmentFailure) as raised:
        Monitor()
    assert raised.value.code is ErrorCode.TRACER_INSTALL_CONFLICT
    assert raised.value.context == {"tool_3": "first", "tool_4": "second"}


def test_configure_without_a_free_tool_id_installs_nothing(other_tool):
    import opentelemetry.context as context_api

    other_tool(3, "first")
    other_tool(4, "second")
    before = context_api._RUNTIME_CONTEXT
    with pytest.raises(EnvironmentFailure):
        configure(exporter="none")
    assert context_api._RUNTIME_CONTEXT is before
    assert active_session() is None


def test_the_undo_can_be_called_twice():
    monitor = Monitor()
    uninstall = monitor.install({})
    uninstall()
    uninstall()
    assert MONITORING.get_tool(3) is None


def test_a_second_undo_leaves_the_next_owner_alone(other_tool):
    uninstall = Monitor().install({})
    uninstall()
    other_tool(3, "next")
    uninstall()
    assert MONITORING.get_tool(3) == "next"


def test_install_and_undo_in_pairs_leave_no_event_and_no_callback():
    for _ in range(3):
        calls = Calls()
        monitor = Monitor()
        uninstall = monitor.install(calls.callbacks("PY_START", "PY_RETURN", "PY_UNWIND"))
        probe()
        uninstall()
        probe()
        assert calls == ["PY_START"]
        MONITORING.use_tool_id(3, "probe")
        try:
            assert MONITORING.get_events(3) == 0
            assert MONITORING.get_local_events(3, probe.__code__) == 0
            assert MONITORING.register_callback(3, EVENTS.PY_START, None) is None
        finally:
            MONITORING.free_tool_id(3)


def test_watched_code_tells_its_first_call_completely():
    calls, monitor = Calls(), Monitor()
    callbacks = calls.callbacks("PY_START", "PY_RETURN")
    started = callbacks["PY_START"]

    def on_start(code, offset):
        if code is probe.__code__ and not calls:
            monitor.watch(code)
        return started(code, offset)

    uninstall = monitor.install({**callbacks, "PY_START": on_start})
    probe()
    uninstall()
    assert calls == ["PY_START", "PY_RETURN"]


def test_events_of_exceptions_are_off_until_something_is_watched():
    calls, monitor = Calls(), Monitor()
    exceptions = EVENTS.PY_UNWIND | EVENTS.PY_THROW
    uninstall = monitor.install(calls.callbacks("PY_START", "PY_UNWIND", "PY_THROW"))
    assert MONITORING.get_events(monitor.tool_id) == EVENTS.PY_START
    monitor.watch(probe.__code__)
    # CPython 3.15 has them per code object; until then code that is not watched pays for them, too
    everywhere = exceptions & ~local_mask(monitor.tool_id)
    assert MONITORING.get_events(monitor.tool_id) == EVENTS.PY_START | everywhere
    watched = MONITORING.get_local_events(monitor.tool_id, probe.__code__)
    assert watched | everywhere == exceptions
    uninstall()


def test_skipped_code_is_told_again_in_the_next_session():
    first, second = Calls(), Calls()
    first.answer = MONITORING.DISABLE
    monitor = Monitor()
    uninstall = monitor.install(first.callbacks("PY_START"))
    probe()
    monitor.skipped(probe.__code__)
    probe()
    uninstall()
    uninstall = Monitor().install(second.callbacks("PY_START"))
    probe()
    uninstall()
    assert (first, second) == (["PY_START"], ["PY_START"])


def test_the_disabled_locations_of_another_tool_stay_disabled(other_tool):
    other_tool(0, "other")
    seen = []

    def on_start(code, _offset):
        seen.append(code)
        return MONITORING.DISABLE

    MONITORING.register_callback(0, EVENTS.PY_START, on_start)
    MONITORING.set_events(0, EVENTS.PY_START)
    probe()
    calls = Calls()
    calls.answer = MONITORING.DISABLE
    monitor = Monitor()
    uninstall = monitor.install(calls.callbacks("PY_START"))
    probe()
    monitor.skipped(probe.__code__)
    uninstall()
    probe()
    MONITORING.set_events(0, 0)
    MONITORING.register_callback(0, EVENTS.PY_START, None)
    assert (calls, seen.count(probe.__code__)) == (["PY_START"], 1)


def test_pause_stops_every_event_and_resume_brings_them_back():
    calls, monitor = Calls(), Monitor()
    uninstall = monitor.install(calls.callbacks("PY_START", "PY_RETURN", "PY_UNWIND"))
    monitor.watch(probe.__code__)
    monitor.pause()
    monitor.pause()
    assert monitor.is_paused
    probe()
    assert calls == []
    monitor.resume()
    monitor.resume()
    assert not monitor.is_paused
    probe()
    uninstall()
    assert calls == ["PY_START", "PY_RETURN"]


def test_pause_and_resume_after_the_undo_do_nothing():
    monitor = Monitor()
    monitor.install({})()
    monitor.pause()
    monitor.resume()
    monitor.watch(probe.__code__)
    monitor.add_events(probe.__code__, ("CALL",))
    assert MONITORING.get_tool(3) is None


def test_code_is_remembered_without_keeping_it_alive():
    monitor = Monitor()
    uninstall = monitor.install({})
    namespace = {}
    exec("def f(): pass\ndef g(): pass", namespace)
    monitor.watch(namespace["f"].__code__)
    monitor.skipped(namespace["g"].__code__)
    references = [weakref.ref(namespace[name].__code__) for name in "fg"]
    namespace.clear()
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    assert monitor._watched == monitor._skipped == {}
    uninstall()


def test_the_self_test_leaves_the_tool_without_events():
    monitor = Monitor()
    assert generator_close_is_silent(monitor.tool_id) is (sys.version_info[:3] == (3, 13, 0))
    assert MONITORING.get_events(monitor.tool_id) == 0
    assert MONITORING.register_callback(monitor.tool_id, EVENTS.PY_UNWIND, None) is None
    monitor.uninstall()


class Broken(Exception):
    """What a callback is said to have raised."""


def handle(error):
    try:
        raise error
    except Broken:
        return MONITORING.get_events(3)


@pytest.mark.parametrize("act", [Monitor.watch, Monitor.unwatch])
def test_a_session_may_end_on_another_thread_as_code_is_met(monkeypatch, act):
    monitor = Monitor()
    uninstall = monitor.install({"PY_START": lambda *_: None, "PY_RETURN": lambda *_: None})
    monitor.watch(probe.__code__)

    class Ending:
        def set_local_events(self, tool, code, mask):
            monkeypatch.setattr(tool_module, "_monitoring", MONITORING)
            uninstall()
            MONITORING.set_local_events(tool, code, mask)

    monkeypatch.setattr(tool_module, "_monitoring", Ending())
    act(monitor, probe.__code__)
    assert MONITORING.get_tool(3) is None


def test_what_is_to_happen_as_an_error_is_handled_happens_once():
    monitor, handled, error = Monitor(), [], Broken()
    undo = monitor.install(Calls().callbacks("PY_START"))
    try:
        monitor.when_handled(error, handled.append)
        handle(Broken())
        assert handled == []
        assert not handle(error) & EVENTS.EXCEPTION_HANDLED
        handle(error)
        assert handled == [error]
    finally:
        undo()


def test_an_error_in_whose_place_another_came_is_forgotten():
    monitor, handled, error, later = Monitor(), [], Broken(), Broken()
    undo = monitor.install(Calls().callbacks("PY_START"))
    try:
        monitor.when_handled(error, handled.append)
        monitor.never_handled(error)
        monitor.when_handled(later, handled.append)
        handle(later)
        handle(error)
        assert handled == [later]
    finally:
        undo()
