"""The event table is complete and says of every event what the interpreter says."""

import sys

import pytest

from codetracer_otel.instrumentation.monitoring.api import (
    FREE_TOOL_IDS,
    Part,
    build_event_table,
    local_mask,
    mask_of,
)

MONITORING = sys.monitoring
# CPython 3.15 switches events of exceptions on per code object.
GLOBAL = {"PY_UNWIND", "PY_THROW"} if sys.version_info < (3, 15) else set()
NAMES = [
    name
    for name, value in vars(MONITORING.events).items()
    if not name.startswith("_") and isinstance(value, int) and value
]


@pytest.fixture
def tool():
    MONITORING.use_tool_id(3, "probe")
    yield 3
    MONITORING.set_events(3, 0)
    MONITORING.free_tool_id(3)


def test_every_event_of_the_interpreter_is_in_the_table_once():
    assert sorted(build_event_table()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_has_the_interpreters_mask(name):
    assert build_event_table()[name].mask == getattr(MONITORING.events, name)


# C_RETURN and C_RAISE come with CALL and cannot be asked for alone.
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("C_")])
def test_an_event_is_local_exactly_if_the_interpreter_takes_it_for_one_code_object(name, tool):
    def probe():
        pass

    mask = build_event_table()[name].mask
    try:
        MONITORING.set_local_events(tool, probe.__code__, mask)
    except ValueError:
        is_local = False
    else:
        is_local = True
        MONITORING.set_local_events(tool, probe.__code__, 0)
    assert bool(local_mask(tool) & mask) is is_local


def test_span_recording_has_the_six_events_of_a_call():
    spans = {info.name for info in build_event_table().values() if info.part is Part.SPANS}
    assert spans == {"PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "PY_UNWIND", "PY_THROW"}


def test_no_global_event_may_be_disabled_by_one_of_ours(record):
    from codetracer_otel.sdk.session.configure import active_session

    table = build_event_table()
    with record():
        callbacks = active_session()._leading.recorder.callbacks()
        local = local_mask(active_session()._leading.monitor.tool_id)
    ours = {name for name in callbacks if not table[name].mask & local}
    # They come with CALL and have no mask of their own.
    assert ours - {"C_RETURN", "C_RAISE"} == GLOBAL


def test_masks_add_up():
    events = MONITORING.events
    assert mask_of(("PY_START", "LINE")) == events.PY_START | events.LINE
    assert mask_of(()) == 0


def test_the_tool_ids_are_those_that_nobody_owns():
    reserved = {
        MONITORING.DEBUGGER_ID,
        MONITORING.COVERAGE_ID,
        MONITORING.PROFILER_ID,
        MONITORING.OPTIMIZER_ID,
    }
    assert not reserved & set(FREE_TOOL_IDS)
