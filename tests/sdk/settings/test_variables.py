"""Policy values from text."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.errors import ErrorCode, Problem
from codetracer_otel.sdk.settings.error_policy import (
    CaptureIo,
    LogLevel,
    LogLevels,
    OnRecorderError,
)
from codetracer_otel.sdk.settings.options.option import read_variables
from codetracer_otel.sdk.settings.options.table import POLICY
from codetracer_otel.sdk.settings.parsers import (
    FALSE_WORDS,
    TRUE_WORDS,
    parse_boolean,
    parse_file,
    parse_log_levels,
    shown,
)

GOOD = {
    "CODETRACER_ON_RECORDER_ERROR": ("Abort", OnRecorderError.ABORT),
    "CODETRACER_REQUIRE_TRACE": ("yes", True),
    "CODETRACER_KEEP_PARTIAL_TRACE": ("OFF", False),
    "CODETRACER_LOG_LEVEL": ("debug", LogLevels(LogLevel.DEBUG)),
    "CODETRACER_LOG_FILE": ("/tmp/log.jsonl", "/tmp/log.jsonl"),
    "CODETRACER_JSON_ERRORS": ("t", True),
    "CODETRACER_CAPTURE_IO": ("proxies+fd", CaptureIo.PROXIES_AND_DESCRIPTORS),
    "CODETRACER_MODULE_NAME_FROM_GLOBALS": ("n", False),
    "CODETRACER_PROPAGATE_SCRIPT_EXIT": ("0", False),
    "CODETRACER_DELIVER_AT_OS_EXIT": ("on", True),
}
BAD = {key.variables[0]: "%%%" for key in POLICY.values() if key.name != "log_file"}


@pytest.mark.parametrize("variable", GOOD)
def test_each_variable_states_its_field(variable):
    text, expected = GOOD[variable]

    values, problems = read_variables(POLICY, {variable: text})

    assert problems == []
    assert {variable: expected} == {
        POLICY[name].variables[0]: value for name, value in values.items()
    }


def test_every_field_has_a_variable():
    assert set(GOOD) == {key.variables[0] for key in POLICY.values()}


def test_blank_variables_state_nothing():
    assert read_variables(POLICY, dict.fromkeys(GOOD, "  ")) == ({}, [])


@pytest.mark.parametrize("variable", BAD)
def test_a_bad_variable_is_a_problem_that_names_it(variable):
    values, problems = read_variables(POLICY, {variable: BAD[variable]})

    assert values == {}
    assert [problem.code for problem in problems] == [ErrorCode.INVALID_POLICY_VALUE]
    assert problems[0].message.startswith(f"{variable}: ")
    assert "got '%%%'; expected " in problems[0].message


@pytest.mark.parametrize("word", [*sorted(TRUE_WORDS), "TRUE", " On "])
def test_words_that_mean_true(word):
    assert parse_boolean(word, "x") is True


@pytest.mark.parametrize("word", [*sorted(FALSE_WORDS), "FALSE", " oFF "])
def test_words_that_mean_false(word):
    assert parse_boolean(word, "x") is False


@pytest.mark.parametrize("value", ["", "maybe", 1, 0, None, b"yes", []])
def test_nothing_else_is_a_truth_value(value):
    assert isinstance(parse_boolean(value, "x"), Problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("info", LogLevels(LogLevel.INFO)),
        (" export = TRACE , warning ", LogLevels(LogLevel.WARN, (("export", LogLevel.TRACE),))),
        ("a=off,,b.c=error", LogLevels(targets=(("a", LogLevel.OFF), ("b.c", LogLevel.ERROR)))),
    ],
)
def test_log_levels_name_targets(text, expected):
    assert expected == parse_log_levels(text, "x")


@pytest.mark.parametrize("value", ["", "loud", "a=", "=info", "a=b=c", 3, None])
def test_bad_log_levels_are_a_problem(value):
    assert isinstance(parse_log_levels(value, "x"), Problem)


def test_a_near_miss_gets_a_suggestion():
    assert "did you mean 'debug'?" in parse_log_levels("debgu", "x").message


@pytest.mark.parametrize("value", ["-", "stderr", None])
def test_the_log_goes_to_stderr_when_asked(value):
    assert parse_file(value, "x") is None


def test_a_log_file_is_absolute():
    assert parse_file("log", "x") == os.path.join(os.getcwd(), "log")


@pytest.mark.parametrize("value", ["", " ", "a\0b", 3])
def test_what_cannot_be_a_path_is_a_problem(value):
    assert isinstance(parse_file(value, "x"), Problem)


def test_messages_show_no_url_credentials():
    assert shown("http://user:pass@host/v1") == "'http://host'"


@given(st.text())
@settings(max_examples=examples(50))
def test_what_messages_show_is_one_short_ascii_line(text):
    line = shown(text)

    assert line.isascii()
    assert line.isprintable()
    assert len(line) <= 83


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text(max_size=20)))
@settings(max_examples=examples(100))
def test_any_text_is_a_value_or_a_problem(environ):
    values, problems = read_variables(POLICY, environ)

    stated = [name for name, text in environ.items() if text.strip()]
    assert len(stated) == len(values) + len(problems)
