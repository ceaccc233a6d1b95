"""The queries of the recipe answer right, on the table that the Collector's exporter writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from importlib.util import find_spec

import pytest
from tests.conformance.validator import assert_valid
from tests.conftest import only
from tests.exporters.collector import running_collector
from tests.traced_run import PROJECT, run_traced

import codetracer_otel

pytestmark = pytest.mark.skipif(
    find_spec("chdb") is None, reason="chdb is installed for one interpreter, see pyproject.toml"
)
PAGE = (PROJECT / "docs" / "recipes" / "collectors.md").read_text("utf-8")
QUERIES = dict(re.findall(r"`([\w-]+)\.sql`\n\n```sql\n(.*?)```", PAGE, re.DOTALL))
# as the Collector's ClickHouse exporter creates it; the engine and its index are not of the answer
TABLE = """
CREATE TABLE otel_traces (
    Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String,
    TraceState String, SpanName LowCardinality(String), SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName String, ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String),
    Duration UInt64, StatusCode LowCardinality(String), StatusMessage String
) ENGINE = Memory
"""
# not in this process: it has threads and handlers of its own
ASK = """
import json, sys
from chdb import session
table, rows, queries = json.load(sys.stdin)
database = session.Session()
database.query(table)
database.query(f"INSERT INTO otel_traces SELECT * FROM file('{rows}', 'JSONEachRow')")
print(json.dumps([str(database.query(query, "JSONEachRow")) for query in queries]))
"""


def text_of(value):
    kind = value.WhichOneof("value")
    return "" if kind is None else str(getattr(value, kind))


def rows_of(requests):
    for request in requests:
        for resource in request.resource_spans:
            own = {item.key: text_of(item.value) for item in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    yield {
                        "Timestamp": span.start_time_unix_nano / 1e9,
                        "TraceId": span.trace_id.hex(),
                        "SpanId": span.span_id.hex(),
                        "ParentSpanId": span.parent_span_id.hex(),
                        "TraceState": span.trace_state,
                        "SpanName": span.name,
                        "SpanKind": "Internal",
                        "ServiceName": own["service.name"],
                        "ResourceAttributes": own,
                        "ScopeName": scope.scope.name,
                        "ScopeVersion": scope.scope.version,
                        "SpanAttributes": {i.key: text_of(i.value) for i in span.attributes},
                        "Duration": span.end_time_unix_nano - span.start_time_unix_nano,
                        "StatusCode": ("Unset", "Ok", "Error")[span.status.code],
                        "StatusMessage": span.status.message,
                    }


def asked(rows, folder):
    """Return the answer of each query of the page."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps([TABLE, str(path), list(QUERIES.values())]),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    found = [[json.loads(line) for line in text.splitlines()] for text in json.loads(done.stdout)]
    return dict(zip(QUERIES, found, strict=True))


def calls_of(rows):
    found = {}
    for row in rows:
        function = row["SpanAttributes"].get("code.function.name")
        if row["ScopeName"] == "codetracer_otel" and function:
            found.setdefault(function, []).append(row)
    return found


def check(answers, rows):
    """Compare the answers with what Python makes of the rows."""
    calls = calls_of(rows)
    slowest = {row["function"]: row for row in answers["slowest"]}
    totals = [row["total_ms"] for row in answers["slowest"]]
    assert totals == sorted(totals, reverse=True)
    assert len(slowest) == min(len(calls), 20)
    for function, row in slowest.items():
        durations = [call["Duration"] for call in calls[function]]
        assert int(row["calls"]) == len(durations)
        assert row["total_ms"] == pytest.approx(sum(durations) / 1e6, abs=1e-3)
        assert row["longest_ms"] == pytest.approx(max(durations) / 1e6, abs=1e-3)
    failed = {
        function: (len(made), sum(call["StatusCode"] == "Error" for call in made))
        for function, made in calls.items()
    }
    assert {
        row["function"]: (int(row["calls"]), int(row["failed"])) for row in answers["errors"]
    } == {function: counts for function, counts in failed.items() if counts[1]}
    ids = {(row["TraceId"], row["SpanId"]): row["SpanName"] for row in rows}
    many = Counter(
        (ids.get((row["TraceId"], row["ParentSpanId"])), row["ParentSpanId"], row["SpanName"])
        for row in rows
        if row["ParentSpanId"]
    )
    expected = {(caller, called) for (caller, _, called), count in many.items() if count >= 10}
    assert {(row["caller"], row["called"]) for row in answers["n-plus-one"]} == expected


def test_the_page_has_the_queries():
    assert set(QUERIES) == {"slowest", "errors", "n-plus-one"}


def test_they_answer_about_the_shop(tmp_path):
    with running_collector() as collector:
        script = PROJECT / "examples" / "shop" / "main.py"
        ended = run_traced("--exporter", f"otlp={collector.url}", script)
        assert ended.returncode == 0, ended.stderr
        assert_valid(collector.requests)
        rows = list(rows_of(collector.requests))
    answers = asked(rows, tmp_path)
    check(answers, rows)
    assert answers["slowest"][0]["function"].startswith("__main__.")


class Missing(Exception):
    pass


def load(number):
    if number % 4 == 0:
        raise Missing(number)
    return number


def tree(width, depth):
    if not depth:
        return width
    for number in range(width):
        with suppress(Missing):
            load(number)
    return tree(width - 1, depth - 1) + tree(width - 2, depth - 1)


def test_they_answer_about_a_forest_of_traces(tmp_path):
    with running_collector() as collector:
        with codetracer_otel.configure(only(__file__), f"otlp={collector.url}"):
            for width in range(8, 14):
                tree(width, 3)
        assert_valid(collector.requests)
        rows = list(rows_of(collector.requests))
    assert len({row["TraceId"] for row in rows}) == 6
    answers = asked(rows, tmp_path)
    check(answers, rows)
    (failing,) = answers["errors"]
    assert failing["function"].endswith(".load")
    assert failing["error_rate"] == round(int(failing["failed"]) / int(failing["calls"]), 4)
    assert failing["errors"] == [f"{__name__}.Missing"]
    (repeated,) = answers["n-plus-one"]
    assert (repeated["caller"], repeated["called"]) == (f"{__name__}.tree", f"{__name__}.load")
    assert int(repeated["most_in_one_call"]) == 13
