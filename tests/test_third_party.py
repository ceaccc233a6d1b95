"""Programs of other people behave the same under tracing, down to the last byte."""

from __future__ import annotations

import os
import subprocess

import pytest
from tests.traced_run import run_python, run_traced, spans_in
from tools import cpython_tests, third_party

FILTER = """
[meta]
name = "third-party"
version = 1
[scope]
default_exec = "inherit"
default_value_action = "inherit"
[[scope.rules]]
selector = "pkg:{packages}"
exec = "trace"
"""
JSON_TOOL = "{json,json.*,argparse,codecs}"
TOKENIZE = "{tokenize,token,argparse,codecs}"

PROGRAM = '''
def greet(name, *, times=1):
    """Say hello."""
    return [f"hello {name!r:>10}" for _ in range(times)]

print(greet("wörld", times=0x2))
'''


@pytest.fixture
def traced(tmp_path):
    """A function that runs a module traced by a filter and checks that there were spans."""

    def run(packages, *arguments, **options):
        trace_filter, lines = tmp_path / "filter.toml", tmp_path / "spans.jsonl"
        trace_filter.write_text(FILTER.replace("{packages}", packages))
        setting = ("--quiet", "--trace-filter", trace_filter, "--exporter", f"jsonl={lines}")
        answer = run_traced(*setting, *arguments, **options)
        names = [span["name"] for span in spans_in(lines)]
        return answer, names

    return run


def outcome(answer):
    return answer.returncode, answer.stdout, answer.stderr


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2.5, null, true], "ü": "\\u00e9", "deep": {"b": {"c": []}}}',
        '{"a": 1,}',
        "",
        "[" * 40 + "]" * 40,
    ],
    ids=["valid", "trailing comma", "empty", "nested"],
)
def test_json_tool_says_the_same_when_it_is_traced(traced, tmp_path, text):
    document = tmp_path / "document.json"
    document.write_text(text)
    arguments = ("-m", "json.tool", "--sort-keys", document)

    answer, names = traced(JSON_TOOL, *arguments)

    assert outcome(answer) == outcome(run_python(*arguments))
    assert "json.decoder.JSONDecoder.decode" in names


def test_json_tool_reads_standard_input_as_before(traced):
    answer, names = traced(JSON_TOOL, "-m", "json.tool", stdin="[1, 2]")

    assert outcome(answer) == outcome(run_python("-m", "json.tool", stdin="[1, 2]"))
    assert names


@pytest.mark.parametrize("arguments", [("--help",), ("--no-such-option",)])
def test_usage_texts_name_the_same_program(traced, arguments):
    answer, _ = traced(JSON_TOOL, "-m", "json.tool", *arguments)

    assert outcome(answer) == outcome(run_python("-m", "json.tool", *arguments))


@pytest.mark.parametrize("text", [PROGRAM, "if True:\n  (1,\n"], ids=["valid", "broken"])
def test_tokenize_says_the_same_when_it_is_traced(traced, tmp_path, text):
    source = tmp_path / "source.py"
    source.write_text(text, encoding="utf-8")
    arguments = ("-m", "tokenize", "--exact", source)

    answer, names = traced(TOKENIZE, *arguments)

    assert outcome(answer) == outcome(run_python(*arguments))
    assert "<__main__>" in names


def test_the_tests_of_a_library_end_the_same_when_it_is_traced(tmp_path, request):
    downloads = request.config.cache.mkdir("third-party")  # the index is asked once per checkout

    for comparison in compared("toolz", downloads, tmp_path):  # by each recorder
        assert comparison.differences() == []
        assert comparison.untraced.counts()["passed"] > 150
        assert comparison.is_equal
        assert comparison.traced.spans() > 10_000


def compared(name, downloads, folder):
    try:
        return [*third_party.compare(third_party.LIBRARIES[name], downloads, folder)]
    except subprocess.CalledProcessError as failure:
        reason = f"the package index did not give {name}: {failure.stderr}"
    if os.environ.get("CODETRACER_CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def test_a_row_takes_the_place_of_the_older_one_of_its_suite_and_core(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Suites\n\n## CPython 3.1.0\n\n| x | c | same |\n")
    for line in (
        "| b 1.0 | python | same |",
        "| a 1 | c | same |",
        "| b 1.1 | python | **differs** |",
    ):
        third_party.write_row(page, line)
    third_party.write_row(page, "| b 1.1 | c | same |")

    before, rows = page.read_text().split(third_party.HEADER)
    assert before.startswith("# Suites\n\n## CPython 3.1.0\n\n| x | c | same |\n")
    assert rows.splitlines() == [
        "| a 1 | c | same |",
        "| b 1.1 | c | same |",
        "| b 1.1 | python | **differs** |",
    ]


def test_a_row_of_a_module_of_cpythons_tests_keeps_that_of_the_other_core(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Tests\n")
    for line in (
        "| test_b | python | old |",
        "| test_b | c | same |",
        "| test_b | python | same |",
    ):
        cpython_tests.write_row(page, line)

    rows = page.read_text().partition(cpython_tests.HEADER)[2].splitlines()
    assert rows == ["| test_b | c | same |", "| test_b | python | same |"]
