"""A message names what the user wrote: the flag of `run`, or the keyword of `configure`."""

from __future__ import annotations

import pytest

from codetracer_otel.errors import ConfigurationError, UsageError
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.options.table import BUFFER, LIMITS, OPTIONS
from codetracer_otel.sdk.settings.resolve import resolve

BAD = "@@-7"
ANYTHING = {"service_name", "activation_path", "session_id", "trace_filter"}  # any text is good
BY_FLAG = StartMode(StartKind.SCRIPT)


def message_of(keywords, launch=None):
    with pytest.raises((ConfigurationError, UsageError)) as refused:
        resolve(keywords, {}, launch=launch)
    return refused.value.message.partition(" ")[2]  # behind the code


@pytest.mark.parametrize(
    "row",
    [row for row in OPTIONS.values() if row.name not in ANYTHING],
    ids=lambda row: row.name,
)
def test_an_option_is_named_as_it_was_stated(row):
    assert message_of({row.name: BAD}).startswith(f"{row.name}: ")
    if row.flag is not None and row.flag.metavar:
        assert message_of({row.name: BAD}, BY_FLAG).startswith(f"{row.flag.name}: ")


@pytest.mark.parametrize(("keyword", "table"), [("limits", LIMITS), ("buffer", BUFFER)])
def test_a_bound_is_named_as_it_was_stated(keyword, table):
    for row in table.values():
        stated = {keyword: {row.name: BAD}}
        assert message_of(stated).startswith(f"{keyword}.{row.name}: ")
        assert message_of(stated, BY_FLAG).startswith(f"{row.flag.name}: ")


@pytest.mark.parametrize(("keyword", "table"), [("limits", LIMITS), ("buffer", BUFFER)])
def test_a_bound_that_does_not_exist_is_refused(keyword, table):
    misspelt = f"{next(iter(table))[:-1]}"
    message = message_of({keyword: {misspelt: 1}})
    assert message.startswith(f"{keyword}: unknown key '{misspelt}'; expected one of ")
    assert message.endswith(f"(did you mean '{next(iter(table))}'?)")


def test_the_way_to_state_several_exporters_is_that_of_the_caller():
    keywords = {"exporter": "otlp,jsonl"}
    assert message_of(keywords).endswith("; for several a list")
    assert message_of(keywords, BY_FLAG).endswith("; for several repeat the flag")


URL = "http://user:Sup3rS3cret@collector:4318"


@pytest.mark.parametrize(
    "keywords",
    [
        {"exporter": f"jsonl={URL}"},
        {"exporter": f"chrome={URL}"},
        {"exporter": f"native={URL}"},
        {"policy": {"log_file": URL}},
        {"trace": URL},
    ],
    ids=lambda keywords: str(keywords)[:20],
)
def test_a_url_where_a_path_is_expected_is_refused_without_its_credentials(keywords):
    message = message_of(keywords)
    assert "://" in message
    assert "Sup3rS3cret" not in message


@pytest.mark.parametrize("output", [URL, f"file:{URL}", f"otlp={URL}"])
@pytest.mark.parametrize("variable", ["CODETRACER_TRACE_OUTPUT", "CODETRACER_LOG_FILE"])
def test_a_url_in_a_variable_for_a_path_is_ignored_without_its_credentials(variable, output):
    (warning,) = resolve({}, {variable: output}).warnings
    assert warning.message.startswith(f"{variable}: ")
    assert "Sup3rS3cret" not in warning.message


TOKEN = "ghp_" + "0123456789abcdefghijABCDEFGHIJ456789"


@pytest.mark.parametrize(
    "variable",
    [
        *("TRACEPARENT", "CODETRACER_LOG_LEVEL", "CODETRACER_OTEL_CORE", "OTEL_PROPAGATORS"),
        *("OTEL_TRACES_SAMPLER", "CODETRACER_EXPORTER", "OTEL_EXPORTER_OTLP_TIMEOUT"),
        *("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"),
    ],
)
def test_a_secret_in_the_wrong_variable_is_not_shown(variable):
    warnings = resolve({}, {variable: TOKEN}).warnings
    (message,) = [each.message for each in warnings]
    assert message.startswith(f"{variable}: ")
    assert "expected " in message
    assert "got '<redacted>'" in message


@pytest.mark.parametrize("host", ["h", "h:80", "h/path?key=s3cr3t", "h#s3cr3t"])
def test_the_url_in_a_message_is_quoted_once(host):
    message = message_of({"capture": f"ftp://user:s3cr3t@{host}"})
    assert "s3cr3t" not in message
    assert f"got 'ftp://{host.partition('/')[0].partition('#')[0]}'; " in message


@pytest.mark.parametrize("text", ["https://user:s3cr3t@h/f.toml", "a.toml::https://h/f?k=s3cr3t"])
def test_a_url_is_no_trace_filter(text):
    with pytest.raises((ConfigurationError, UsageError)) as refused:
        resolve({}, {"CODETRACER_TRACE_FILTER": text})
    message = refused.value.message
    assert "CODETRACER_TRACE_FILTER: not a trace filter, got " in message
    assert "expected a path" in message
    assert "s3cr3t" not in message
    assert "s3cr3t" not in message_of({"trace_filter": text})


def test_two_slashes_are_of_a_path_where_no_scheme_stands_before_them():
    chain = "//a.toml:://b.toml"
    assert resolve({"trace_filter": chain}, {}).filters == ("//a.toml", "//b.toml")
    resolve({}, {"CODETRACER_TRACE_FILTER": chain})
