"""Exporters by name."""

import os

import pytest

from codetracer_otel.errors import ErrorCode
from codetracer_otel.sdk.settings.exporter_specs import (
    ExporterSpec,
    exporters_from_environment,
    exporters_from_keyword,
)


class Exporter:
    def export(self, batch): ...


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jsonl", (ExporterSpec("jsonl"),)),
        ("jsonl=/x=y", (ExporterSpec("jsonl", "/x=y"),)),
        ("otlp=http://127.0.0.1:4318", (ExporterSpec("otlp", "http://127.0.0.1:4318"),)),
        (["otlp", "console"], (ExporterSpec("otlp"), ExporterSpec("console"))),
        (["otlp", "otlp"], (ExporterSpec("otlp"),)),
        (["my.module:Exporter"], (ExporterSpec("my.module:Exporter"),)),
        ("my.module:make=a", (ExporterSpec("my.module:make", "a"),)),
        ("none", ()),
        ([], ()),
        (ExporterSpec("jsonl"), None),
    ],
)
def test_exporters_are_named(value, expected):
    exporters, problems = exporters_from_keyword(value)

    if expected is None:
        assert problems
    else:
        assert (expected, []) == (exporters, problems)


def test_exporter_objects_stay_themselves():
    one, other = Exporter(), Exporter()

    assert exporters_from_keyword([one, "otlp", other]) == (
        (one, ExporterSpec("otlp"), other),
        [],
    )
    assert exporters_from_keyword(one) == ((one,), [])


def test_the_path_of_a_file_is_absolute():
    exporters, _ = exporters_from_keyword(["native=trace", "chrome=x/../t.json"])

    here = os.getcwd()
    assert [spec.target for spec in exporters] == [f"{here}/trace", f"{here}/t.json"]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("", "not an exporter"),
        ("=x", "not an exporter"),
        ("jsonl=", "not an exporter"),
        ("otlp,jsonl", "not an exporter"),
        ("native", "native needs a path"),
        ("chrome", "chrome needs a path"),
        ("console=x", "console takes no target"),
        (["none", "otlp"], "none cannot be combined with exporters"),
        ([3], "not an exporter"),
        (3, "not an exporter"),
        (Exporter, "not an exporter"),
        ({"otlp": 1}, "not an exporter"),
    ],
)
def test_what_is_no_exporter_is_a_problem(value, rule):
    _, problems = exporters_from_keyword(value)

    assert [rule] == [problem.message.split(": ", 1)[1].split(",")[0] for problem in problems]


def test_a_colon_in_the_place_of_the_equals_sign_is_told():
    _, problems = exporters_from_keyword("native:out")
    assert [str(problem.message) for problem in problems] == [
        "exporter: not an exporter, got 'native:out'; expected native=out"
    ]


def test_an_unknown_name_gets_a_suggestion():
    _, problems = exporters_from_keyword("jsnol")

    assert [problem.code for problem in problems] == [ErrorCode.UNSUPPORTED_FORMAT]
    assert problems[0].message.endswith("(did you mean 'jsonl'?)")


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ["jsonl"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1/traces"}, ["otlp"]),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"}, ["console"]),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_grpc, otlp_proto_http"}, ["otlp-grpc", "otlp"]),
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
        (
            {"CODETRACER_EXPORTER": "otlp, console", "OTEL_TRACES_EXPORTER": "none"},
            ["otlp", "console"],
        ),
        ({"CODETRACER_EXPORTER": " ", "OTEL_TRACES_EXPORTER": "otlp"}, ["otlp"]),
        ({"CODETRACER_EXPORTER": "none"}, []),
    ],
)
def test_the_environment_names_exporters_in_order_of_precedence(environ, names):
    exporters, problems = exporters_from_environment(environ)

    assert problems == []
    assert names == [spec.name for spec in exporters]


def test_of_a_bad_variable_nothing_is_used():
    exporters, problems = exporters_from_environment({"CODETRACER_EXPORTER": "otlp,jsnol"})

    assert exporters == (ExporterSpec("jsonl"),)
    assert len(problems) == 1


def test_no_text_of_a_spec_shows_credentials():
    spec = ExporterSpec("otlp", "https://me:secret@collector:4318")

    assert "secret" not in f"{spec} {spec!r}"


def test_people_at_a_terminal_get_a_tree_unless_something_else_is_asked_for():
    def on_terminal(**environ):
        return exporters_from_environment(environ, on_terminal=True)[0]

    assert on_terminal() == (ExporterSpec("console"),)
    assert on_terminal(CODETRACER_EXPORTER="jsonl") == (ExporterSpec("jsonl"),)
    endpoint = on_terminal(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert endpoint == (ExporterSpec("otlp"),)
