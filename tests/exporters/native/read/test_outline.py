"""The outline of a trace: every event but the values of steps, however it is written or cut off."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples
from tests.exporters.native.made_trace import OPENING, TYPES

from codetracer_otel.exporters.native.read.outline import Outline, ends_as_it_should, value_in

INT = {"kind": "Int", "i": 3, "type_id": 1}
HOSTILE = ['a,{"Step":{"b"', "{", '{"', "\\", ',{"Value":', '"},{"Return":', "é{", "]"]
TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=5)
VALUES = st.recursive(
    st.builds(lambda text: {"kind": "String", "text": text, "type_id": 2}, TEXTS) | st.just(INT),
    lambda inner: st.lists(inner, max_size=3).map(
        lambda items: {"kind": "Tuple", "elements": items, "type_id": 3}
    ),
    max_leaves=5,
)
ARGUMENTS = st.builds(lambda value: {"variable_id": 0, "value": value}, VALUES)
EVENTS = st.one_of(
    st.builds(lambda line: {"Step": {"path_id": 0, "line": line}}, st.integers(1, 4)),
    st.builds(lambda line: {"Step": {"line": line, "path_id": 0}}, st.integers(1, 4)),
    st.builds(lambda body: {"Value": body}, ARGUMENTS),
    st.builds(lambda body: {"Value": body}, ARGUMENTS),
    st.builds(lambda body: {"Call": {"function_id": 0, "args": [body]}}, ARGUMENTS),
    st.builds(lambda value: {"Return": {"return_value": value}}, VALUES),
    st.builds(lambda text: {"Event": {"kind": 0, "metadata": "", "content": text}}, TEXTS),
    st.builds(lambda text: {"VariableName": text}, TEXTS),
    st.sampled_from(["DropLastStep", 7, [1, 2], {"ThreadSwitch": 2}, {"Of": {"a later": 1}}]),
)
SEPARATORS = [(",", ":"), (" ,", ":"), (", ", ":"), (",\n", ":"), (",", ": "), (" ,\n", " : ")]


def outline_of(text, chunk=64):
    """Return what an outline gives, with runs of steps taken apart again."""
    module = sys.modules[Outline.__module__]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        reader = Outline(io.BytesIO(text))
        found = [item for piece in reader for item in piece]
    return [event for item in found for event in events_of(item)], reader.is_whole


def events_of(item):
    if isinstance(item, list):
        return [{"Step": {"path_id": 0, "line": line}} for line in item]
    if isinstance(item, dict):
        return [item]
    function, text = item
    if function is None:
        return [{"Return": {"return_value": value_in(text)}}]
    return [{"Call": {"function_id": function, "args": value_in(text)}}]


def without_values(events):
    known = (event for event in events if isinstance(event, dict))
    return [event for event in known if not {"Value", "Of"} & event.keys()]


@settings(max_examples=examples(150))
@given(st.lists(EVENTS, max_size=12), st.sampled_from(SEPARATORS), st.booleans(), st.data())
def test_an_outline_is_the_trace_without_values_of_steps(events, separators, ascii_only, data):
    events = [*OPENING, *TYPES, *events]
    text = json.dumps(events, separators=separators, ensure_ascii=ascii_only).encode()
    chunk = data.draw(st.integers(16, 200))
    found, is_whole = outline_of(text, chunk)
    assert is_whole
    assert without_values(found) == without_values(events)


@settings(max_examples=examples(60))
@given(st.lists(EVENTS, min_size=1, max_size=8), st.data())
def test_what_is_cut_off_is_outlined_up_to_there(events, data):
    events = [*OPENING, *TYPES, *events]
    text = json.dumps(events, separators=(",", ":")).encode()
    cut = data.draw(st.integers(1, len(text) - 1))
    found, is_whole = outline_of(text[:cut])
    assert not is_whole
    expected = without_values(events)
    assert without_values(found) == expected[: len(without_values(found))]
    assert not ends_as_it_should(io.BytesIO(text[:cut]))
    assert ends_as_it_should(io.BytesIO(text))


def test_steps_that_were_met_before_come_as_their_lines():
    events = [*OPENING, *({"Step": {"path_id": 0, "line": line}} for line in (1, 2, 1, 2, 2, 3))]
    text = json.dumps(events, separators=(",", ":")).encode()
    reader = Outline(io.BytesIO(text[:-1] + b',{"Step":{"path_id":0,"line":1}}]'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[Outline.__module__], "_CHUNK", 200)
        runs = [item for piece in reader for item in piece if isinstance(item, list)]
    assert [1, 2, 2] in [run[:3] for run in runs]


@pytest.mark.parametrize(
    "text", [b'{"no": "array"}', b"7", b'{"Step":{"path_id":0,"line":1}}', b"x["]
)
def test_what_is_no_array_is_refused(text):
    with pytest.raises(ValueError, match="no array"):
        outline_of(text)


def test_an_event_without_an_end_is_not_read_for_ever(monkeypatch):
    monkeypatch.setattr(sys.modules[Outline.__module__], "_MAX_EVENT", 1000)
    text = b'[{"Path":"' + b"x" * 2000 + b'"}]'
    with pytest.raises(ValueError, match="too large"):
        outline_of(text)
    assert ends_as_it_should(io.BytesIO(text))


def test_a_value_of_megabytes_is_passed_over():
    value = {"kind": "Sequence", "elements": [INT] * 20_000, "is_slice": False, "type_id": 0}
    step = {"Step": {"path_id": 0, "line": 3}}
    events = [*OPENING, step, {"Value": {"variable_id": 0, "value": value}}, step]
    text = json.dumps(events, separators=(",", ":")).encode()
    found, is_whole = outline_of(text, 64 * 1024)
    assert (without_values(found), is_whole) == (without_values(events), True)
    assert ends_as_it_should(io.BytesIO(text))


def test_an_end_that_is_nested_without_end_is_not_as_it_should_be():
    assert not ends_as_it_should(io.BytesIO(b'[{"Path":"/a"},{"Path":' + b"[" * 100_000))
