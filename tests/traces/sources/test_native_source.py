from __future__ import annotations

import json

import pytest
from tests.report.page_data import page_of

from codetracer_otel.errors import UsageError
from codetracer_otel.exporters.native import iter_trace

INT = {"kind": "Int", "i": 3, "type_id": 0}
TYPES = [
    {"Type": {"kind": 7, "lang_type": "Int", "specific_info": {"kind": "None"}}},
    {"Type": {"kind": 9, "lang_type": "String", "specific_info": {"kind": "None"}}},
    {"Type": {"kind": 0, "lang_type": "Dict", "specific_info": {"kind": "None"}}},
    {"Type": {"kind": 27, "lang_type": "Tuple", "specific_info": {"kind": "None"}}},
    {"Type": {"kind": 24, "lang_type": "ValueError", "specific_info": {"kind": "None"}}},
]
TEXT = {"kind": "String", "text": 'a,{"Step":{"b"', "type_id": 1}
PAIR = {"kind": "Tuple", "elements": [TEXT, INT], "type_id": 3}
MAPPING = {"kind": "Sequence", "elements": [PAIR], "is_slice": False, "type_id": 2}


def step(line):
    return {"Step": {"path_id": 0, "line": line}}


def call(function, *values):
    args = [{"variable_id": number, "value": value} for number, value in enumerate(values)]
    return {"Call": {"function_id": function, "args": args}}


def returned(value=INT):
    return {"Return": {"return_value": value}}


def recording(*events):
    return [
        {"Path": "/app/a.py"},
        {"Function": {"path_id": 0, "line": 1, "name": "<toplevel>"}},
        call(0),
        *TYPES,
        {"VariableName": "x"},
        {"VariableName": "y"},
        {"Function": {"path_id": 0, "line": 5, "name": "f"}},
        {"Function": {"path_id": 0, "line": 9, "name": "g"}},
        *events,
    ]


WHOLE = recording(
    step(5),
    call(1, INT, MAPPING),
    step(6),
    {"Value": {"variable_id": 0, "value": MAPPING}},
    step(9),
    call(2),
    step(10),
    {"Event": {"kind": 0, "metadata": "", "content": "hello"}},
    {"Event": {"kind": 11, "metadata": "ValueError", "content": "bad"}},
    returned({"kind": "Error", "msg": "bad", "type_id": 4}),
    step(7),
    {"ThreadSwitch": 2},
    step(9),
    call(2),
    returned(),
    {"ThreadSwitch": 1},
    returned(TEXT),
    returned(),
)


def write(tmp_path, events, cut=None, **options):
    folder = tmp_path / "recording"
    folder.mkdir(exist_ok=True)
    options = options or {"separators": (",", ":")}
    text = json.dumps(events, **options)
    (folder / "trace.json").write_text(text[: len(text) + cut] if cut else text)
    return str(folder)


@pytest.mark.parametrize("options", [{}, {"indent": 1}])
def test_calls_are_slices_whose_lengths_are_steps(tmp_path, options):
    page = page_of(tmp_path, write(tmp_path, WHOLE, **options))
    assert (page.trace["unit"], page.trace["origin"]) == ("steps", None)
    assert page.names() == ["<toplevel>", "f", "g", "g"]
    assert page.columns["start"] == [0, 1, 3, 7]
    assert page.columns["length"] == [10, 8, 2, 1]
    assert page.columns["parent"] == [-1, 0, 1, 1]
    assert page.values(1) == {
        "codetracer.arg.x": 3,
        "codetracer.arg.y": '{"a,{\\"Step\\":{\\"b\\"":3}',
        "codetracer.return": 'a,{"Step":{"b"',
        "lines": "6 7",
    }
    assert page.functions()["g"]["errors"] == 1
    assert page.trace["notes"] == []


def test_errors_are_marked_and_events_kept(tmp_path):
    page = page_of(tmp_path, write(tmp_path, WHOLE))
    assert page.columns["marks"] == [0, 0, 1, 0]
    values, [output, error] = page.details(2)
    assert (page.keys[values[0]], values[1]) == ("lines", "10")
    assert (output[0], output[2][1]) == ("stdout", "hello")
    assert (error[0], error[2][1::2]) == ("exception", ["ValueError", "bad"])


def test_threads_have_their_lanes(tmp_path):
    page = page_of(tmp_path, write(tmp_path, WHOLE))
    assert [lane["thread"] for lane in page.trace["lanes"]] == ["MainThread", "thread 2"]


@pytest.mark.parametrize("cut", [-1, -5, -40, -300])
def test_a_recording_that_breaks_off_is_shown_up_to_there(tmp_path, cut):
    page = page_of(tmp_path, write(tmp_path, WHOLE, cut=cut))
    assert page.names()[:2] == ["<toplevel>", "f"]
    assert page.trace["notes"] == ["recording: the recording breaks off; open calls end there"]


def test_calls_that_are_open_at_the_end_are_marked(tmp_path):
    page = page_of(tmp_path, write(tmp_path, WHOLE[:-2]))
    assert page.columns["marks"] == [8, 8, 1, 0]


@pytest.mark.parametrize(
    "events",
    [
        {"no": "array"},
        [],
        [1, 2],
        [call(7)],
        [{"Return": {"return_value": INT}}],
        [{"Function": {"path_id": 9, "line": 1, "name": "f"}}],
        recording(step("x"), {"Call": 3}),
        recording({"Event": {"kind": []}}),
    ],
)
def test_what_is_no_recording_is_said(tmp_path, events):
    with pytest.raises(UsageError, match="expected JSON lines"):
        page_of(tmp_path, write(tmp_path, events))


SEPARATORS = [(",", ":"), (" ,", ":"), (", ", ":"), (",\n", ":"), (",", ": "), (" ,\n", " : ")]


@pytest.mark.parametrize("separators", SEPARATORS)
@pytest.mark.parametrize("chunk", [64, 4096])
def test_spaces_and_other_orders_of_keys_change_nothing(tmp_path, monkeypatch, separators, chunk):
    monkeypatch.setattr("codetracer_otel.exporters.native.read.outline._CHUNK", chunk)
    turned = [
        {"Step": dict(reversed(event["Step"].items()))} if "Step" in event and number % 3 else event
        for number, event in enumerate(WHOLE)
    ]
    page = page_of(tmp_path, write(tmp_path, turned, separators=separators))
    assert page.columns["start"] == [0, 1, 3, 7]
    assert page.columns["length"] == [10, 8, 2, 1]
    assert page.values(1)["lines"] == "6 7"


def test_a_value_that_is_nested_without_end_is_said(tmp_path):
    folder = write(tmp_path, WHOLE)
    path = tmp_path / "recording" / "trace.json"
    value = '{"kind":"Tuple","elements":[' * 100_000
    path.write_text(path.read_text().replace('{"kind":"String"', f'{value}{{"kind":"String"'))
    with pytest.raises(UsageError, match="is not of a native trace"):
        page_of(tmp_path, folder)


def test_a_number_among_the_events_is_no_step(tmp_path):
    page = page_of(tmp_path, write(tmp_path, [*WHOLE[:-2], 7, "DropLastStep", *WHOLE[-2:]]))
    assert page.columns["length"] == [10, 8, 2, 1]


def test_a_real_recording_has_a_slice_for_each_call(tmp_path):
    import subprocess
    import sys

    script = tmp_path / "app.py"
    script.write_text("def f(n):\n    return n and f(n - 1)\n\nf(3)\n")
    command = [sys.executable, "-m", "codetracer_otel", "run", "--exporter"]
    folder = str(tmp_path / "recording")
    subprocess.run([*command, f"native={folder}", str(script)], check=True, capture_output=True)
    calls = sum("Call" in event for event in iter_trace(folder) if isinstance(event, dict))
    page = page_of(tmp_path, folder)
    assert len(page) == calls
    assert page.names()[-1] == "f"
    assert page.values(len(page) - 1)["codetracer.arg.n"] == 0
