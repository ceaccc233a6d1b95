from __future__ import annotations

import sys

import pytest
from tests.exporters.native.made_trace import call_of, open_trace, plan_of, tree
from tests.native_trace import read_trace

from codetracer_otel.exporters.native import TraceError, repair
from codetracer_otel.model.step_entries import RETURN


@pytest.fixture
def cut(tmp_path):
    """A recording with two threads, and a function that cuts it to a number of bytes."""
    trace = open_trace(tmp_path / "t")
    plan = plan_of(arguments=("a",))
    trace.write(1, [call_of(plan, 1), 11, call_of(plan, 2), [12, 1, "text"]])
    trace.write(2, tree(plan_of("g")))
    trace.write(1, [13, (RETURN, 1), 14])
    trace.finish()
    trace.note_losses({})
    file = tmp_path / "t" / "trace.json"
    whole = file.read_bytes()

    def cut_to(size):
        file.write_bytes(whole[:size])
        return tmp_path / "t"

    cut_to.size = len(whole)
    return cut_to


def test_wherever_a_trace_is_cut_off_its_beginning_can_be_saved(cut):
    saved = 0
    for size in range(cut.size):
        folder = cut(size)
        try:
            done = repair(str(folder))
        except TraceError as error:
            assert "does not even have its first call" in error.rule
            continue
        assert done.was_needed
        assert read_trace(folder).root.name == "<toplevel>"
        saved += 1
    assert saved > cut.size * 0.8


def test_a_whole_trace_is_left_as_it_is(cut):
    folder = cut(cut.size)
    before = (folder / "trace.json").read_bytes()
    assert not repair(str(folder)).was_needed
    assert (folder / "trace.json").read_bytes() == before


def test_a_repair_says_what_it_did(cut):
    done = repair(str(cut(cut.size - 1)))
    assert (done.was_needed, done.closed_calls, done.removed_bytes) == (True, 0, 0)
    torn = repair(str(cut(cut.size - 10)))
    assert torn.closed_calls == 1
    assert torn.removed_bytes > 0


def test_what_is_no_trace_is_not_touched(tmp_path):
    (tmp_path / "trace.json").write_text('{"a": 1}')
    with pytest.raises(TraceError):
        repair(str(tmp_path))
    assert (tmp_path / "trace.json").read_text() == '{"a": 1}'


def leave_no_room_at_first(monkeypatch):
    """Let the first write of the repair find the disk full."""
    module = sys.modules[repair.__module__]
    real = module.write_all
    attempts = []

    def write_all(descriptor, data):
        attempts.append(len(data))
        if len(attempts) == 1:
            raise OSError(28, "No space left on device")
        real(descriptor, data)

    monkeypatch.setattr(module, "write_all", write_all)


def repaired_without_room(folder, calls, monkeypatch):
    """Repair a trace of some calls where the end finds no room until something is removed."""
    trace = open_trace(folder)
    for _ in range(calls):
        trace.write(1, tree(plan_of()))
    trace.abandon()
    module = sys.modules[repair.__module__]
    attempts = []
    real = module.write_all

    def no_room_at_first(descriptor, data):
        attempts.append(len(data))
        if len(attempts) == 1:
            raise OSError(28, "No space left on device")
        real(descriptor, data)

    monkeypatch.setattr(module, "write_all", no_room_at_first)
    assert repair(str(folder)).was_needed
    return read_trace(folder).root


def test_where_there_is_no_room_for_the_end_some_of_the_last_events_go(tmp_path, monkeypatch):
    root = repaired_without_room(tmp_path / "t", 300, monkeypatch)
    assert 200 < len(root.children) < 300


def test_the_first_call_stays_where_a_small_trace_has_no_room_for_its_end(tmp_path, monkeypatch):
    assert repaired_without_room(tmp_path / "t", 5, monkeypatch).name == "<toplevel>"
