"""Any number of files and folders is read, with what belongs to them."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from tests.report.lines import TRACE, line, span_id, write

from codetracer_otel.errors import UsageError
from codetracer_otel.traces import open_traces
from codetracer_otel.traces.inputs import Input, Kind, find_inputs
from codetracer_otel.traces.runs import Run


def names(*paths):
    with open_traces([str(path) for path in paths]) as traces:
        spans = traces.spans
        return [spans.function_table[number].name for number in spans.functions]


def test_files_of_children_and_rotated_ones_are_found_in_order(tmp_path):
    for name in ("a.jsonl", "a.jsonl.12", "a.jsonl.12.13", "a.jsonl.part-2", "a.jsonl.part-10.gz"):
        (tmp_path / name).touch()
    for other in ("a.jsonl.bak", "a.jsonl2", "b.jsonl.3"):
        (tmp_path / other).touch()
    target = str(tmp_path / "a.jsonl")
    assert find_inputs([target, f"{target}.12"]) == [
        Input(f"{target}.part-2"),
        Input(f"{target}.part-10.gz", goes_on=True),
        Input(target, goes_on=True),
        Input(f"{target}.12"),
        Input(f"{target}.12.13"),
    ]


def test_a_folder_is_every_trace_in_it(tmp_path):
    for name in ("a.jsonl", "a.jsonl.12", "b.jsonl.gz", "c.json", "notes.txt", "page.html"):
        (tmp_path / name).touch()
    assert [item.label for item in find_inputs([str(tmp_path)])] == [
        "a.jsonl",
        "a.jsonl.12",
        "b.jsonl.gz",
        "c.json",
    ]


def test_a_folder_of_recordings_is_found(tmp_path):
    for name in ("one", "one.99"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "trace.json").touch()
    expected = [Input(str(tmp_path / name), Kind.NATIVE) for name in ("one", "one.99")]
    assert find_inputs([str(tmp_path)]) == expected
    assert find_inputs([str(tmp_path / "one")]) == expected


@pytest.mark.parametrize("name", ["trace.bin", "run.ct"])
def test_a_container_of_codetracers_own_is_refused_with_what_to_do(tmp_path, name):
    (tmp_path / name).touch()
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(UsageError, match="open it with CodeTracer"):
            find_inputs([str(path)])


def test_a_rotated_file_is_one_run(tmp_path):
    head = {"timestamp": "2026-01-01T00:00:00.000000Z", "program": "a", "schema": "run/1"}
    with gzip.open(tmp_path / "a.jsonl.part-1.gz", "wt") as packed:
        packed.write(json.dumps(head) + "\n" + json.dumps(line(1, name="a.first")) + "\n")
    write(tmp_path / "a.jsonl", head, line(2, name="a.second"))
    with open_traces([str(tmp_path / "a.jsonl")]) as traces:
        assert [(run.spans, run.facts) for run in traces.spans.runs] == [(2, head)]


def test_a_packed_file_that_breaks_off_gives_what_it_has(tmp_path):
    texts = "".join(json.dumps(line(number)) + "\n" for number in range(1, 3000))
    packed = gzip.compress(texts.encode())
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with open_traces([str(path)]) as traces:
        assert 0 < len(traces.spans) < 2999
        assert any("the compressed file is damaged or cut off" in note for note in traces.notes)
    path.write_bytes(packed[:12])
    with pytest.raises(UsageError, match="cannot be unpacked"):
        open_traces([str(path)])


def test_the_standard_input_is_read_once(monkeypatch):
    text = json.dumps(line(1, name="a.f")).encode() + b"\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    with open_traces(["-", "-"]) as traces:
        assert len(traces.spans) == 1
        assert traces.details(0).ids == (TRACE, span_id(1))


def any_value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        pairs = [{"key": key, "value": any_value(item)} for key, item in value.items()]
        return {"kvlistValue": {"values": pairs}}
    return {}


def otlp_span(number, parent="", name="a.f", **facts):
    begin = 1_700_000_000_000_000_000
    return {
        "traceId": TRACE.upper(),
        "spanId": span_id(number),
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str(begin + number),
        "endTimeUnixNano": str(begin + number + 1_000_000),
        **facts,
    }


def test_what_a_collector_writes_is_read(tmp_path):
    values = {"codetracer.arg.n": 2**60, "codetracer.return": None, "list": [1, "x", {"k": True}]}
    attributes = [{"key": key, "value": any_value(value)} for key, value in values.items()]
    event = {"timeUnixNano": "1700000000000000005", "name": "exception", "attributes": []}
    failed = otlp_span(
        2,
        span_id(1),
        "a.g",
        status={"code": 2, "message": "bad"},
        attributes=attributes,
        events=[event],
        links=[{"traceId": "f" * 32, "spanId": "e" * 16}],
    )
    spans = [{"resource": {}, "scopeSpans": [{"spans": [otlp_span(1), failed]}]}]
    path = write(
        tmp_path / "otel.json",
        {"resourceSpans": spans},
        {"resourceMetrics": []},
        {"resourceLogs": []},
    )
    with open_traces([path]) as traces:
        assert traces.notes == []
        assert list(traces.spans.parents) == [-1, 0]
        details = traces.details(1)
        assert dict(details.values) == values
        assert (details.message, details.ids) == ("bad", (TRACE, span_id(2)))
        assert details.events == [("exception", 1_700_000_000_000_000_000, [])]
        assert details.links == [("f" * 32, "e" * 16)]
        assert traces.spans.marks[1] & 1
        assert traces.details(0).ids == (TRACE, span_id(1))


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceSpans": 3}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]}',
        '{"resourceSpans": [[]]}',
        '{"schema": "loss/1", "dropped": 3, "exporters": []}',
        '{"schema": "run/1", "program": {}}',
        "[1, 2]",
        "7",
    ],
)
def test_lines_of_a_kind_that_lie_about_it_are_passed_over(tmp_path, text):
    from codetracer_otel.analysis.run_texts import loss_text, run_text

    with open_traces([write(tmp_path / "a.jsonl", line(1), text)]) as traces:
        assert len(traces.spans) == 1
        for run in traces.spans.runs:
            assert isinstance(loss_text(run) + run_text(run), str)


def test_folded_calls_count_as_many_and_take_their_own_time(tmp_path):
    from codetracer_otel.analysis.function_table import measure

    facts = {"count": 40, "total_us": 300, "max_us": 50, "errors": 2}
    folded = {f"codetracer.folded.{name}": value for name, value in facts.items()}
    path = write(
        tmp_path / "a.jsonl",
        line(1, 0, 1000, name="a.main"),
        line(2, 10, 10, parent=1, name="a.tiny"),
        line(3, 20, 900, parent=1, name="a.tiny", attributes=folded),
        line(4, 30, 100, parent=1, name="a.other"),
    )
    with open_traces([path]) as traces:
        times = dict(
            zip(
                [function.name for function in traces.spans.function_table],
                measure(traces.spans, traces.tree),
                strict=True,
            )
        )
    tiny = times["a.tiny"]
    assert (tiny.calls, tiny.errors, tiny.own, tiny.total) == (41, 2, 310_000, 310_000)
    assert tiny.longest == 50_000
    assert times["a.main"].own == 590_000


def test_what_another_exporter_lost_is_told_from_the_file_and_is_not_missing_in_it():
    from codetracer_otel.analysis.run_texts import loss_text

    facts = {
        "dropped": {"buffer_full": 2},
        "exporters": {
            "jsonl": {"exported": 7, "dropped": {}},
            "otlp": {"exported": 4, "dropped": {"queue_full": 2, "export_failed": 1}},
            "chrome": {"exported": 7, "dropped": {"queue_full": True, "odd": "x", "less": -1}},
        },
    }
    run = Run("out.jsonl", losses=[facts, facts])
    assert run.lost() == {"buffer_full": 4}
    assert run.lost_elsewhere() == {"otlp": 6}
    whole = Run("out.jsonl", losses=[{"exporters": facts["exporters"]}])
    assert loss_text(whole) == "out.jsonl: spans that are here were lost elsewhere: 3 by otlp"
