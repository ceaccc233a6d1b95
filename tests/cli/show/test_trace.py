"""`show` prints native traces and JSON-lines files as call trees, and as sums per function."""

from __future__ import annotations

import json
import os

import pytest
from tests.exporters.native.made_trace import call_of, open_trace, plan_of

from codetracer_otel.cli import main
from codetracer_otel.cli.show.native import read_native
from codetracer_otel.cli.show.tree import Selection, tree_lines
from codetracer_otel.exporters.native import TraceError, iter_trace
from codetracer_otel.model.step_entries import CALL, OUTPUT, RAISE, RETURN, Failure


@pytest.fixture
def native(tmp_path):
    """A trace of ``outer(7) -> inner(1), inner(2) !``, and of a thread's ``other``."""
    trace = open_trace(tmp_path / "trace")
    outer, inner, other = plan_of("outer", ("n",)), plan_of("inner", ("n",)), plan_of("other")
    trace.write(1, [call_of(outer, 7), 11, call_of(inner, 1), 12, 13, (RETURN, "a\x1b[31mb")])
    trace.write(1, [(OUTPUT, "stdout", "text\n", "/a.py", 11), call_of(inner, 2), 12])
    trace.write(1, [(RAISE, Failure("ValueError", "bad")), 14, (RETURN, None)])
    trace.write(2, [(CALL, other, (), None), 12, (RETURN, True)])
    trace.finish()
    return tmp_path / "trace"


def span(name, number, parent=None, **facts):
    return {
        "timestamp": f"2026-01-01T00:00:0{number}Z",
        "name": name,
        "trace_id": "0" * 31 + "1",
        "span_id": f"{number:016x}",
        "parent_span_id": parent and f"{parent:016x}",
        "duration_ms": float(number),
        "status": {"code": "UNSET", "message": ""},
        "attributes": {"codetracer.arg.n": number, "codetracer.return": None},
        "events": [],
        "links": [],
        "schema": "span/1",
        **facts,
    }


@pytest.fixture
def jsonl(tmp_path):
    """Spans in the order of their ends, as programs write them, and lines of others."""
    raised = {"name": "exception", "attributes": {"exception.type": "E", "exception.message": "m"}}
    spans = [
        span("shop.tax", 3, 2),
        span("shop.price", 2, 1, status={"code": "ERROR", "message": ""}, events=[raised]),
        span("shop.tax", 4, 1),
        span("shop.main", 1),
        span("orphan", 5, 99),
    ]
    path = tmp_path / "spans.jsonl"
    lines = [json.dumps(item) for item in spans]
    path.write_text("\n".join(["not json", '{"kind": "stats"}', *lines, lines[0][:40]]))
    return path


def show(capsys, *arguments):
    assert main(["show", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_native_trace_is_an_indented_tree(native, capsys):
    assert show(capsys, native) == [
        "     2 steps  outer(n=7) -> None",
        "     2 steps    inner(n=1) -> 'a\\x1b[31mb'",
        "     1 steps    inner(n=2)  !! ValueError: bad",
        "     1 steps  other() -> True  [thread 2]",
    ]


def test_its_events_may_be_named_instead_of_its_directory(native, capsys, monkeypatch):
    expected = show(capsys, native)
    monkeypatch.chdir(native)
    assert show(capsys, "trace.json") == expected


def test_a_native_trace_is_summed_up_by_function(native, capsys):
    assert show(capsys, native, "--summary") == [
        "   calls   errors        steps  function",
        "       2        1            3  inner",
        "       1        0            2  outer",
        "       1        0            1  other",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--depth", "1"), ["outer(n=7) -> None", "other() -> True  [thread 2]"]),
        (("--name", "inner"), ["inner(n=1) -> 'a\\x1b[31mb'", "inner(n=2)  !! ValueError: bad"]),
        (("--errors",), ["outer(n=7) -> None", "inner(n=2)  !! ValueError: bad"]),
        (("--name", "nothing"), []),
    ],
)
def test_some_calls_are_shown(native, capsys, options, expected):
    shown = [line.partition("steps")[2].strip() for line in show(capsys, native, *options)]
    assert shown == expected


def test_nothing_shown_is_said(native, capsys):
    assert main(["show", str(native), "--name", "shop.*", "--errors"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "codetracer-otel: no call has a name like 'shop.*' and failed\n"


@pytest.mark.parametrize("depth", [None, 1, 2])
@pytest.mark.parametrize("name", [None, "inner", "o*", "nothing", ""])
@pytest.mark.parametrize("errors", [False, True])
def test_what_is_not_read_would_not_be_shown(native, depth, name, errors):
    selection = Selection(depth, name, errors)
    every_call = read_native(str(native), Selection())
    some = read_native(str(native), selection)
    assert list(tree_lines(some, selection)) == list(tree_lines(every_call, selection))


def test_a_call_that_is_not_shown_is_not_kept(native):
    assert [call.name for call in read_native(str(native), Selection(1))] == ["outer", "other"]
    failed = read_native(str(native), Selection(errors=True))
    assert [(call.name, call.error) for call in failed] == [
        ("outer", ""),
        ("inner", "ValueError: bad"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"function_id":3', '"function_id":9', "event 37: function_id 9 is not defined"),
        ('{"Call":{"function_id":2', '{"Call":["function_id":2', "event 14: the event is no JSON"),
        ('"kind":"Error","msg"', '"kind":"Int","msg"', "event 28: a value of kind Int"),
    ],
)
def test_a_trace_that_breaks_a_rule_is_one_line_that_says_where(
    native, capsys, before, after, message
):
    path = native / "trace.json"
    whole = path.read_text()
    assert before in whole
    broken = whole.replace(before, after, 1)
    path.write_text(broken)
    for options in ([], ["--summary"]):
        assert main(["show", str(native), *options]) == 2
        printed = capsys.readouterr()
        assert message in printed.err
        assert len(printed.err.splitlines()) == 1
    assert path.read_text() == broken


@pytest.mark.parametrize("depth", [600, 100_000])
def test_a_value_that_is_nested_without_end_is_one_line(native, capsys, depth):
    path = native / "trace.json"
    value = '{"kind":"Tuple","elements":[' * depth + '],"type_id":0}' * depth
    begin, _, rest = path.read_text().partition('{"kind":"Bool"')
    path.write_text(begin + value + rest.partition("}")[2])
    for options in ([], ["--summary"]):
        assert main(["show", str(native), *options]) == 2
        printed = capsys.readouterr()
        assert "event" in printed.err
        assert len(printed.err.splitlines()) == 1


def test_values_of_steps_that_are_not_shown_are_not_judged(native, capsys):
    path = native / "trace.json"
    expected = show(capsys, native)
    text = path.read_text()
    before, value, behind = text.rpartition('{"Value":{"variable_id":')
    path.write_text(f"{before}{value}99{behind}")
    with pytest.raises(TraceError):
        list(iter_trace(native))
    assert show(capsys, native) == expected


def test_a_trace_that_was_cut_off_is_repaired_and_that_is_said(native, capsys):
    path = native / "trace.json"
    os.truncate(path, path.stat().st_size - 5)
    assert main(["show", str(native)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "     2 steps  outer(n=7) -> None"
    assert "was cut off" in printed.err
    assert main(["show", str(native)]) == 0
    assert capsys.readouterr().err == ""


def test_json_lines_are_an_indented_tree_in_the_order_of_beginnings(jsonl, capsys):
    assert show(capsys, jsonl) == [
        "     1.000 ms  shop.main(n=1)",
        "     2.000 ms    shop.price(n=2)  !! E: m",
        "     3.000 ms      shop.tax(n=3)",
        "     4.000 ms    shop.tax(n=4)",
        "     5.000 ms  orphan(n=5)",
    ]


def test_json_lines_are_summed_up_by_function(jsonl, capsys):
    assert show(capsys, jsonl, "--summary") == [
        "   calls   errors           ms  function",
        "       2        0        7.000  shop.tax",
        "       1        0        5.000  orphan",
        "       1        1        2.000  shop.price",
        "       1        0        1.000  shop.main",
    ]
    (_, line) = show(capsys, jsonl, "--summary", "--name", "shop.pr*")
    assert line.endswith("shop.price")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "cannot be read"),
        ("empty.jsonl", "", "holds no span"),
        ("other.jsonl", '{"a": 1}\n[]\n', "holds no span"),
    ],
)
def test_what_is_no_trace_is_one_line(tmp_path, capsys, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    assert main(["show", str(tmp_path / name)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1


def test_an_empty_directory_is_one_line(tmp_path, capsys):
    assert main(["show", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert "cannot be read: No such file or directory" in printed
    assert len(printed.splitlines()) == 1


def test_a_trace_that_is_still_recorded_is_left_alone(tmp_path, capsys):
    trace = open_trace(tmp_path / "t")
    before = (tmp_path / "t" / "trace.json").read_bytes()
    assert main(["show", str(tmp_path / "t")]) != 0
    assert "a program is still recording here" in capsys.readouterr().err
    assert (tmp_path / "t" / "trace.json").read_bytes() == before
    trace.finish()
    assert main(["show", str(tmp_path / "t")]) == 0


@pytest.mark.parametrize("depth", ["0", "-1", "x"])
def test_a_depth_is_a_number_from_1(native, capsys, depth):
    with pytest.raises(SystemExit) as caught:
        main(["show", str(native), f"--depth={depth}"])
    assert caught.value.code == 2
    assert "a number of levels from 1" in capsys.readouterr().err
