from __future__ import annotations

import pytest
from tests.exporters.native.made_trace import END, NONE, OPENING, STEP, TYPES, write_events
from tests.native_trace import read_trace

from codetracer_otel.exporters.native import TraceError, TruncatedError, iter_trace
from codetracer_otel.exporters.native.read.validation import Validator

FUNCTION = {"Function": {"path_id": 0, "line": 3, "name": "f"}}
CALL = {"Call": {"function_id": 1, "args": []}}
RETURN = {"Return": {"return_value": NONE}}
NAME = {"VariableName": "x"}


def value(body):
    return {"Value": {"variable_id": 0, "value": body}}


def broken_at(tmp_path, *events):
    """Return the index of the first event that breaks a rule, and the rule."""
    folder = write_events(tmp_path / "t", events)
    with pytest.raises(TraceError) as caught:
        read_trace(folder)
    return caught.value.event_index, caught.value.rule


def test_the_smallest_trace_is_valid(tmp_path):
    folder = write_events(tmp_path / "t", [*OPENING, *TYPES, END])
    assert read_trace(folder).functions == [(0, 1, "<toplevel>")]


def test_a_step_may_be_taken_back(tmp_path):
    folder = write_events(tmp_path / "t", [*OPENING, *TYPES, STEP, "DropLastStep", END])
    assert "DropLastStep" in read_trace(folder).events


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ({"Step": {"path_id": 1, "line": 3}}, "path_id 1 is not defined before its use"),
        ({"Step": {"path_id": 0, "line": "3"}}, "line is an integer, got str"),
        ({"Step": {"path_id": 0}}, "Step has the fields path_id; expected line, path_id"),
        ({"Step": {"path_id": True, "line": 3}}, "path_id is an integer, got bool"),
        ({"Walk": {}}, "unknown event 'Walk'"),
        ({"Path": "/a.py"}, "the path '/a.py' is defined twice"),
        ({"Path": 7}, "Path is a text, got int"),
        ({"VariableName": "\ud800"}, "VariableName has a lone surrogate"),
        ([], "an event is an object with one key"),
        ({"Call": {"function_id": 4, "args": []}}, "function_id 4 is not defined before its use"),
        ({"Call": {"function_id": 0, "args": []}}, "a call right after Type, not after a step"),
        ({"Function": {"path_id": 0, "line": 1, "name": "<toplevel>"}}, "defined twice"),
        (value(NONE), "a value before the first step"),
        ({"Event": {"kind": 0, "metadata": {}, "content": ""}}, "metadata is a text, got dict"),
        ({"ThreadExit": 2}, "thread 2 exits, but is not running"),
        ({"ThreadSwitch": 2}, "a switch to thread 2, which is not running"),
        ({"ThreadSwitch": 1}, "a switch to thread 1, which is the current one"),
        ({"Return": {"return_value": NONE}}, "<toplevel> returns an exit code or <exit>"),
        (
            {"Type": {"kind": 7, "lang_type": "Int", "specific_info": {"kind": "Else"}}},
            "unknown specific_info 'Else'",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_event(tmp_path, bad, rule):
    index, found = broken_at(tmp_path, *OPENING, *TYPES, bad, END)
    assert index == 5
    assert rule in found


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"kind": "Int", "i": 2**63, "type_id": 1}, "i is out of range"),
        ({"kind": "Int", "i": True, "type_id": 1}, "i is an integer, got bool"),
        ({"kind": "Int", "i": 1, "type_id": 0}, "a value of kind Int has a type of kind 30"),
        ({"kind": "Int", "i": 1, "type_id": 9}, "type_id 9 is not defined before its use"),
        ({"kind": "Int", "i": 1}, "type_id is an integer"),
        ({"kind": "Complex", "type_id": 1}, "unknown kind of value 'Complex'"),
        ({"kind": "BigInt", "b": "?", "negative": False, "type_id": 1}, "b is no base64 text"),
        ({"kind": "None", "type_id": 0, "more": 1}, "None has the fields"),
        (7, "a value is an object"),
    ],
)
def test_a_value_that_lies_about_its_type_is_named(tmp_path, body, rule):
    index, found = broken_at(tmp_path, *OPENING, *TYPES, NAME, STEP, value(body), END)
    assert index == 7
    assert rule in found


def test_a_step_stands_right_before_each_call(tmp_path):
    assert broken_at(tmp_path, *OPENING, *TYPES, STEP, FUNCTION, CALL, RETURN, END) == (
        7,
        "a call right after Function, not after a step",
    )


def test_there_are_never_more_returns_than_calls(tmp_path):
    index, rule = broken_at(tmp_path, *OPENING, *TYPES, END, END)
    assert (index, rule) == (6, "nothing may follow the return of <toplevel>")


def test_another_threads_calls_are_whole_trees(tmp_path):
    thread = [{"ThreadStart": 2}, {"ThreadSwitch": 2}]
    open_tree = [*OPENING, *TYPES, FUNCTION, *thread, STEP, CALL, {"ThreadSwitch": 1}, RETURN, END]
    assert broken_at(tmp_path, *open_tree)[0] == 10
    too_many = [*OPENING, *TYPES, *thread, RETURN, {"ThreadSwitch": 1}, END]
    assert broken_at(tmp_path, *too_many) == (7, "a return without a call")


def test_a_missing_end_is_told_apart_from_a_broken_event(tmp_path):
    folder = write_events(tmp_path / "t", [*OPENING, *TYPES, END], end="")
    with pytest.raises(TruncatedError) as caught:
        read_trace(folder)
    assert caught.value.event_index == 6
    assert str(caught.value.code) == "ERR_TRACE_INCOMPLETE"


def test_open_calls_at_the_end_are_counted(tmp_path):
    events = [*OPENING, *TYPES, FUNCTION, STEP, CALL]
    assert broken_at(tmp_path, *events) == (
        8,
        "the trace does not end with the return of <toplevel>; 2 calls are open",
    )


@pytest.mark.parametrize(
    ("text", "index"),
    [("{}", 0), ("[1]", 0), ("", 0), ("[{]", 0), ('[{"Path":"/a.py"} 7]', 1), ("[]x", 0)],
)
def test_a_file_that_is_no_array_of_events_is_refused(tmp_path, text, index):
    folder = write_events(tmp_path / "t", [*OPENING])
    (folder / "trace.json").write_text(text)
    with pytest.raises(TraceError) as caught:
        list(iter_trace(folder))
    assert caught.value.event_index == index


def test_binary_rubbish_is_refused(tmp_path):
    folder = write_events(tmp_path / "t", [*OPENING])
    (folder / "trace.json").write_bytes(b"[\xff\xfe\x00")
    with pytest.raises(TraceError):
        read_trace(folder)


def test_metadata_and_paths_belong_to_the_trace(tmp_path):
    folder = write_events(tmp_path / "t", [*OPENING, *TYPES, END])
    (folder / "trace_paths.json").write_text('["/b.py"]')
    with pytest.raises(TraceError, match="differs from the paths"):
        read_trace(folder)
    write_events(tmp_path / "t", [*OPENING, *TYPES, END])
    (folder / "trace_metadata.json").write_text("{}")
    with pytest.raises(TraceError, match="is an object with the fields"):
        read_trace(folder)


def test_steps_that_were_checked_may_be_counted_until_the_trace_has_its_end():
    validator = Validator()
    for event in (*OPENING, *TYPES, FUNCTION, STEP):
        validator.check(event)
    validator.check_steps(2)
    validator.check(CALL)
    with pytest.raises(TraceError, match="event 10: a call right after Call"):
        validator.check(CALL)
    for event in (RETURN, END):
        validator.check(event)
    with pytest.raises(TraceError, match="nothing may follow"):
        validator.check_steps(1)
