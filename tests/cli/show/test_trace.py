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

TRACE = "0" * 31 + "1"
ARG, RETURN_KEY = "codetracer.arg.n", "codetracer.return"


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
    trace.note_losses({})
    return tmp_path / "trace"


def span(name, number, parent=None, **facts):
    return {
        "timestamp": f"2026-01-01T00:00:0{number}Z",
        "name": name,
        "trace_id": TRACE,
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
        span("shop.tax", 3, 2, attributes={ARG: 3, RETURN_KEY: "None"}),
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
        "   calls   errors        steps        p50        p95  function",
        "       2        1            3          1          2  inner",
        "       1        0            2          2          2  outer",
        "       1        0            1          1          1  other",
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
        (
            '{"Call":{"function_id":2',
            '{"Call":["function_id":2',
            "event 14: this event is not valid JSON",
        ),
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
        f"trace {TRACE}",
        "     1.000 ms  shop.main(n=1) -> None",
        "     2.000 ms    shop.price(n=2)  !! E: m",
        '     3.000 ms      shop.tax(n=3) -> "None"',
        "     4.000 ms    shop.tax(n=4) -> None",
        "     5.000 ms  orphan(n=5) -> None",
    ]


def test_json_lines_are_summed_up_by_function(jsonl, capsys):
    assert show(capsys, jsonl, "--summary") == [
        "   calls   errors           ms        p50        p95  function",
        "       2        0        7.000      3.000      4.000  shop.tax",
        "       1        0        5.000      5.000      5.000  orphan",
        "       1        1        2.000      2.000      2.000  shop.price",
        "       1        0        1.000      1.000      1.000  shop.main",
    ]
    (_, line) = show(capsys, jsonl, "--summary", "--name", "shop.pr*")
    assert line.endswith("shop.price")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "ERR_IO {}: cannot be read: No such file or directory"),
        (
            "other.jsonl",
            '{"a": 1}\n[]\n',
            "ERR_UNSUPPORTED_FORMAT {}: no line of it is",
        ),
    ],
)
def test_what_is_no_trace_is_one_line(tmp_path, capsys, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    assert main(["show", str(tmp_path / name)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message.format(tmp_path / name) in printed.err
    assert len(printed.err.splitlines()) == 1


def test_an_empty_directory_is_one_line(tmp_path, capsys):
    assert main(["show", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert "it holds no trace" in printed
    assert len(printed.splitlines()) == 1


def test_a_trace_that_is_still_recorded_is_left_alone(tmp_path, capsys):
    trace = open_trace(tmp_path / "t")
    before = (tmp_path / "t" / "trace.json").read_bytes()
    assert main(["show", str(tmp_path / "t")]) != 0
    assert "a program is still recording here" in capsys.readouterr().err
    assert (tmp_path / "t" / "trace.json").read_bytes() == before
    trace.finish()
    assert main(["show", str(tmp_path / "t")]) == 0


@pytest.mark.parametrize("depth", ["0", "-1", "x", "9" * 5000])
def test_a_depth_is_a_number_from_1(native, capsys, depth):
    with pytest.raises(SystemExit) as caught:
        main(["show", str(native), f"--depth={depth}"])
    assert caught.value.code == 2
    assert "expected a whole number from 1 to 1,000,000,000" in capsys.readouterr().err


def test_the_locals_of_calls_that_an_exception_left_stand_below_them(tmp_path, capsys):
    failed = {"status": {"code": "ERROR", "message": "ValueError"}}
    outer = {ARG: 1, "codetracer.local.label": "a\x1b[31mb", "codetracer.local.parts": [1, 2]}
    spans = [
        span("shop.price", 2, 1, **failed, attributes={"codetracer.local.rate": 0.5}),
        span("shop.tax", 3, 1, attributes={"codetracer.local.rate": 0.25}),
        span("shop.main", 1, **failed, attributes=outer),
    ]
    path = tmp_path / "spans.jsonl"
    path.write_text("\n".join(map(json.dumps, spans)))
    shown = [
        "     1.000 ms  shop.main(n=1)  !! ValueError",
        '             | label = "a\\u001b[31mb"',
        "             | parts = [1, 2]",
        "     2.000 ms    shop.price()  !! ValueError",
        "               | rate = 0.5",
    ]
    assert show(capsys, path, "--errors") == [f"trace {TRACE}", *shown]
    assert not any("|" in text for text in show(capsys, path))


def test_an_empty_file_is_no_error(tmp_path, capsys):
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr() == ("", "codetracer-otel: no call is in it\n")
    assert show(capsys, path, "--summary")[1:] == []


def test_the_slowest_calls_come_with_their_ids(jsonl, capsys):
    assert show(capsys, jsonl, "--slowest", "2") == [
        "     5.000 ms  orphan(n=5) -> None",
        f"               span {5:016x} of trace {TRACE}",
        "     4.000 ms  shop.tax(n=4) -> None",
        f"               span {4:016x} of trace {TRACE}",
    ]


def test_a_span_comes_with_what_called_it_what_it_called_and_its_values(jsonl, capsys):
    lines = show(capsys, jsonl, "--span", f"{2:016x}")
    calls = [line.partition("ms")[2].strip() for line in lines if "ms  " in line]
    assert calls == [
        "shop.main(n=1) -> None",
        "shop.price(n=2)  !! E: m",
        'shop.tax(n=3) -> "None"',
    ]
    assert '             | exception.type = "E"' in lines


def test_a_value_is_found_with_its_way_and_a_redacted_one_never(tmp_path, capsys):
    values = {ARG: "card <redacted> of ann", "code.line.number": 42}
    lines = [span("shop.main", 1), span("shop.pay", 2, 1, attributes=values)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = show(capsys, path, "--value", "of ann")
    assert [line.rpartition("  ")[2].partition("(")[0] for line in found[1:]] == [
        "shop.main",
        "shop.pay",
    ]
    for text in ("redacted", "<", "42", "d> o"):
        assert show(capsys, path, "--value", text) == []


def test_calls_as_json_lines(jsonl, capsys):
    found = [json.loads(line) for line in show(capsys, jsonl, "--json")]
    assert [item["name"] for item in found][:2] == ["shop.main", "shop.price"]
    assert found[0] == {
        "name": "shop.main",
        "level": 0,
        "trace_id": TRACE,
        "span_id": f"{1:016x}",
        "run": 0,
        "thread": "MainThread",
        "duration_ms": 1.0,
        "error": None,
        "arguments": {"n": 1},
        "return": None,
        "attributes": {},
        "events": [],
    }
    functions = [json.loads(line) for line in show(capsys, jsonl, "--json", "--summary")]
    assert functions[0] == {
        "name": "shop.tax",
        "calls": 2,
        "errors": 0,
        "total_ms": 7.0,
        "p50_ms": 3.0,
        "p95_ms": 4.0,
    }


def test_what_a_recording_holds_is_asked_in_the_same_ways(native, capsys):
    found = [json.loads(line) for line in show(capsys, native, "--json", "--name", "inner")]
    assert [(item["arguments"], item.get("return")) for item in found] == [
        ({"n": 1}, "a\x1b[31mb"),
        ({"n": 2}, None),
    ]
    assert [line.split()[2] for line in show(capsys, native, "--slowest", "1")] == ["outer(n=7)"]
    assert len(show(capsys, native, "--value", "31mb")) == 2


def head(program, second, **facts):
    return {
        "timestamp": f"2026-01-01T00:00:0{second}.000000Z",
        "process_id": 7,
        "program": f"/app/{program}",
        "arguments": 2,
        "schema": "run/1",
        **facts,
    }


def last(**dropped):
    exporters = {
        "jsonl": {"exported": 1, "dropped": {"queue_full": 2}},
        "otlp": {"exported": 0, "dropped": {"export_failed": 9}},
    }
    facts = {"recorded": 1, "dropped": dropped, "exporters": exporters if dropped else {}}
    return {"timestamp": "2026-01-01T00:00:09.000000Z", **facts, "schema": "loss/1"}


def test_two_runs_in_one_file_are_two_and_losses_come_first(tmp_path, capsys):
    other = "f" * 32
    lines = [
        head("shop.py", 1),
        span("shop.main", 1),
        last(),
        head("shop.py", 2),
        span("shop.main", 2, trace_id=other),
        last(buffer_full=7),
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert show(capsys, path) == [
        (
            "!! a.jsonl: 9 spans were lost (buffer_full 7, queue_full 2); counts are too low; "
            "spans that are here were lost elsewhere: 9 by otlp"
        ),
        "run of shop.py, 2 arguments, 2026-01-01T00:00:01.000000Z, pid=7",
        f"trace {TRACE}",
        "     1.000 ms  shop.main(n=1) -> None",
        "run of shop.py, 2 arguments, 2026-01-01T00:00:02.000000Z, pid=7",
        f"trace {other}",
        "     2.000 ms  shop.main(n=2) -> None",
    ]
    assert show(capsys, path, "--summary")[0].startswith("!! a.jsonl: 9 spans were lost")


def test_a_run_that_was_killed_is_said(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(head("shop.py", 1)) + "\n")
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out.startswith("!! a.jsonl: its last line is missing")


def test_a_file_is_followed_through_growth_and_replacement(tmp_path, capsys):
    from codetracer_otel.cli.show.follow import follow

    path = tmp_path / "a.jsonl"
    texts = [json.dumps(line) + "\n" for line in (head("a.py", 1), span("shop.main", 1))]
    steps = iter(
        [
            lambda: path.write_text(texts[0] + texts[1][:30]),
            lambda: path.write_text(texts[0] + texts[1]),
            lambda: (tmp_path / "a.jsonl.77").write_text(json.dumps(span("shop.child", 2)) + "\n"),
            path.unlink,
            lambda: path.write_text(json.dumps(span("shop.late", 3)) + "\nnoise\n"),
        ]
    )

    def pause(_seconds):
        try:
            next(steps)()
        except StopIteration:
            raise KeyboardInterrupt from None

    assert follow([str(path)], Selection(name="shop.*"), None, pause) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run of a.py, 2 arguments, 2026-01-01T00:00:01.000000Z, pid=7",
        "     1.000 ms  shop.main(n=1) -> None",
        "     2.000 ms  shop.child(n=2) -> None",
        "     3.000 ms  shop.late(n=3) -> None",
    ]


def test_a_trace_that_was_kept_for_its_outcome_says_so(tmp_path, capsys):
    path = tmp_path / "kept.jsonl"
    root = span("shop.main", 1, attributes={"codetracer.tail.reason": "slow"})
    path.write_text("".join(json.dumps(each) + "\n" for each in (span("shop.tax", 2, 1), root)))
    assert show(capsys, path)[0] == f"trace {TRACE}, kept for: slow"
