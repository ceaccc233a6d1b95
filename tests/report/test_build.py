from __future__ import annotations

import json
import os
import stat

import pytest
from tests.report.lines import TRACE, line, span_id, write
from tests.report.page_data import page_of

from codetracer_otel.errors import EnvironmentFailure, UsageError
from codetracer_otel.report import RuleTexts, build_report


def test_spans_have_their_parents_times_and_values(tmp_path):
    values = {"codetracer.arg.user": "ann", "codetracer.arg.card": "<redacted>"}
    trace = write(
        tmp_path / "a.jsonl",
        line(2, 10, 30, parent=1, name="app.inner", attributes=values),
        line(1, 0, 100, name="app.outer"),
    )
    page = page_of(tmp_path, trace)
    assert page.names() == ["app.outer", "app.inner"]
    assert page.parent_names() == {"app.outer": None, "app.inner": "app.outer"}
    assert page.columns["start"] == [0, 10_000]
    assert page.columns["length"] == [100_000, 30_000]
    assert page.values(1) == values
    assert (page.trace["unit"], page.trace["origin"]) == ("ns", "2023-11-14T22:13:20.000000Z")


def test_events_links_message_and_ids_are_kept(tmp_path):
    event = {
        "name": "exception",
        "timestamp": "2023-11-14T22:13:20.000004Z",
        "attributes": {"exception.message": "bad"},
    }
    link = {"trace_id": "f" * 32, "span_id": "e" * 16, "attributes": {}}
    made = line(1, error="ValueError", events=[event], links=[link])
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", made))
    _, [[name, at, [key, value]]], links, message, ids = page.details(0)
    assert (name, at, page.keys[key], value) == ("exception", 4_000, "exception.message", "bad")
    assert (links, message) == ([["f" * 32, "e" * 16]], "ValueError")
    assert (page.keys[ids[0]], ids[1]) == (TRACE, span_id(1))


def test_processes_of_one_run_are_connected(tmp_path):
    parent = write(tmp_path / "run.jsonl", line(1, 0, 100, name="app.main"))
    child = write(tmp_path / "run.jsonl.7", line(2, 10, 20, parent=1, name="app.work"))
    page = page_of(tmp_path, parent, child)
    assert page.parent_names() == {"app.main": None, "app.work": "app.main"}
    assert page.trace["inputs"] == ["run.jsonl", "run.jsonl.7"]
    assert [lane["input"] for lane in page.trace["lanes"]] == [0, 1]
    assert page.trace["notes"] == []


def test_what_is_no_span_is_counted_and_the_rest_is_shown(tmp_path):
    broken = [
        "Traceback of the program",
        '{"kind":"stats","recorded":1}',
        json.dumps(line(5) | {"duration_ms": "long"}),
        json.dumps(line(6) | {"duration_ms": 1e300}),
        json.dumps(line(7) | {"timestamp": "yesterday"}),
        json.dumps(line(8) | {"span_id": "xyz"}),
        json.dumps(line(9) | {"schema": "span/9"}),
        json.dumps(line(10) | {"name": 3}),
        '{"timestamp":"2023-11-14T22:13:20.0',
    ]
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", line(1), "", *broken))
    assert len(page) == 1
    assert page.trace["notes"] == ["a.jsonl: skipped 9 lines without a span"]


def test_a_span_given_twice_is_shown_once(tmp_path):
    trace = write(tmp_path / "a.jsonl", line(1), line(1))
    page = page_of(tmp_path, trace)
    assert len(page) == 1
    assert page.trace["notes"] == ["a.jsonl: skipped 1 span with the id of an earlier one"]


def test_spans_without_their_parent_are_roots_and_that_is_said(tmp_path):
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", line(2, parent=1)))
    assert page.parent_names() == {"app.work": None}
    assert page.trace["notes"][0].startswith(
        "shown as roots: 1 span whose parent is in none of the inputs"
    )


def test_parents_that_go_round_in_a_circle_are_taken_apart(tmp_path):
    lines = [
        line(1, parent=3, name="a.a"),
        line(2, parent=1, name="a.b"),
        line(3, parent=2, name="a.c"),
        line(4, parent=4, name="a.self"),
        line(5, parent=4, name="a.below"),
    ]
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", *lines))
    assert sorted(page.names()) == ["a.a", "a.b", "a.below", "a.c", "a.self"]
    assert page.parent_names()["a.below"] == "a.self"
    assert page.trace["notes"] == [
        "2 spans are their own ancestors, which no real call can be; they are shown as roots"
    ]


def test_a_hand_written_span_is_on_the_thread_of_its_parent(tmp_path):
    by_hand = line(2, 1, 2, parent=1, name="load") | {"attributes": {"rows": 3}}
    trace = write(tmp_path / "a.jsonl", by_hand, line(1, 0, 10, thread=3))
    page = page_of(tmp_path, trace)
    assert page.places() == {
        "app.work": ("worker_3", "calls", 0),
        "load": ("worker_3", "calls", 1),
    }


def test_numbers_a_page_cannot_hold_and_containers_are_text(tmp_path):
    values = {"big": 2**60, "nan": float("nan"), "list": [1, 2**60], "none": None, "yes": True}
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", line(1, attributes=values)))
    assert page.values(0) == {
        "big": str(2**60),
        "nan": "nan",
        "list": f"[1,{2**60}]",
        "none": None,
        "yes": True,
    }


def test_a_value_of_a_megabyte_is_shown_as_a_whole(tmp_path):
    text = "<b>" * 400_000
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", line(1, attributes={"text": text})))
    assert page.values(0) == {"text": text}
    assert page.trace["notes"] == []


def test_no_value_can_end_its_element_or_begin_markup(tmp_path):
    hostile = "</script><script>alert(1)</script><!--&\u2028\u202e\x00"
    made = line(1, name=f"app.{hostile}", attributes={hostile: hostile}, error=hostile)
    page = page_of(tmp_path, write(tmp_path / f"{hostile[:1]}a.jsonl", made))
    data, script = page.html.partition('<script type="application/json"')[2].rsplit("<script>", 1)
    text = "".join(part.partition(">")[2] for part in data.split("<script ")).replace(
        "</script>", ""
    )
    assert "<" not in text.partition(">")[2]
    assert "alert" not in script
    assert page.values(0) == {hostile: hostile}
    assert page.html.isascii()


def test_the_policy_allows_the_pages_own_script_and_style_alone(tmp_path):
    import base64
    import hashlib
    import re

    html = page_of(tmp_path, write(tmp_path / "a.jsonl", line(1))).html
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def digest(text):
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert rules == {
        "default-src": "'none'",
        "script-src": digest(html.rsplit("<script>", 1)[1].split("</script>")[0]),
        "style-src": digest(html.split("<style>")[1].split("</style>")[0]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert re.findall(r"\b(?:src|href|style|on\w+)=", html.split("<script>")[0]) == []


def test_only_its_owner_may_read_the_page(tmp_path):
    output = tmp_path / "page.html"
    output.write_text("<!doctype html>\n<!-- a report by codetracer-otel -->\nbefore")
    os.chmod(output, 0o666)
    trace = write(tmp_path / "a.jsonl", line(1))
    done = build_report([trace], str(output))
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert (done.path, done.size, done.spans, done.shown) == (
        str(output),
        output.stat().st_size,
        1,
        1,
    )
    assert sorted(os.listdir(tmp_path)) == ["a.jsonl", "page.html"]


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    trace = write(tmp_path / "a.jsonl", line(1))
    (tmp_path / "folder").mkdir()
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        build_report([trace], str(tmp_path / "folder"))
    with pytest.raises(EnvironmentFailure, match="No such file"):
        build_report([trace], str(tmp_path / "nowhere" / "page.html"))
    assert sorted(os.listdir(tmp_path)) == ["a.jsonl", "folder"]


def test_an_input_is_not_replaced_by_the_page(tmp_path):
    trace = write(tmp_path / "a.jsonl", line(1))
    with pytest.raises(UsageError, match=r"a\.jsonl: an input, which"):
        build_report([trace], trace)


def test_a_file_that_is_no_page_is_not_replaced(tmp_path):
    trace = write(tmp_path / "a.jsonl", line(1))
    other = tmp_path / "app.py"
    other.write_text("print('mine')\n")
    with pytest.raises(UsageError, match="holds something other than a page"):
        build_report([trace], str(other))
    assert other.read_text() == "print('mine')\n"
    page = str(tmp_path / "page.html")
    build_report([trace], page)
    build_report([trace], page)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.jsonl", "No such file"), ("empty.jsonl", "no line of it is a span")],
)
def test_what_is_no_trace_is_said(tmp_path, name, reason):
    (tmp_path / "empty.jsonl").write_text("hello\n")
    with pytest.raises(UsageError, match=reason):
        build_report([str(tmp_path / name)], str(tmp_path / "page.html"))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        build_report([str(tmp_path / "pipe")], str(tmp_path / "page.html"))


def test_recordings_and_json_lines_do_not_share_a_timeline(tmp_path):
    trace = write(tmp_path / "a.jsonl", line(1))
    (tmp_path / "recording").mkdir()
    (tmp_path / "recording" / "trace.json").write_text("[]")
    with pytest.raises(UsageError, match="one timeline cannot show together"):
        build_report([trace, str(tmp_path / "recording")], str(tmp_path / "page.html"))


def test_too_many_spans_are_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("codetracer_otel.traces.reader.MAX_SPANS", 2)
    trace = write(tmp_path / "a.jsonl", *(line(number) for number in range(1, 5)))
    with pytest.raises(UsageError, match=r"traces: more than 2 spans; expected fewer.*show TRACE"):
        build_report([trace], str(tmp_path / "page.html"))


def test_where_values_would_make_the_page_too_large_they_are_cut_and_that_is_said(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("codetracer_otel.report.payload.DetailsEncoder.__init__.__defaults__", (0,))
    made = line(1, attributes={"text": "x" * 2000, "short": "y"})
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", made))
    assert page.values(0) == {"text": "x" * 1000 + "... [2000 in all]", "short": "y"}
    assert page.trace["notes"][0].startswith("1 long values were cut")


def test_rules_stand_with_the_function_and_its_values(tmp_path):
    class Rules:
        def of(self, function, keys):
            texts = {key: f"allowed by {key}" for key in keys if key.startswith("codetracer.arg.")}
            return RuleTexts(f"traced: {function.name} {function.file}:{function.line}", texts)

        def hide(self, sources):
            return [text for _, text in sources]

    made = line(1, attributes={"codetracer.arg.user": "ann", "other": 1})
    page = page_of(tmp_path, write(tmp_path / "a.jsonl", made), rules=Rules())
    [decision, [[key, text]]] = page.trace["functions"][0][10]
    assert page.keys[decision] == "traced: app.work /app/app.py:7"
    assert (page.keys[key], page.keys[text]) == (
        "codetracer.arg.user",
        "allowed by codetracer.arg.user",
    )


def test_a_trace_without_spans_begins_at_no_time(tmp_path):
    page = page_of(tmp_path, write(tmp_path / "a.jsonl"))
    assert (page.trace["unit"], page.trace["origin"]) == ("ns", None)
