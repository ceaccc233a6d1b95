"""Everything a session is started with, from keywords and an environment."""

import dataclasses
import os
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from codetracer_otel.errors import ConfigurationError, Problem
from codetracer_otel.filters.language.sources import filter_from_text
from codetracer_otel.sdk.settings.error_policy import OnRecorderError, Origin, Policy
from codetracer_otel.sdk.settings.exporter_specs import ExporterSpec
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.model import (
    Paths,
    Settings,
    StepValues,
    TopicSettings,
    ValueFormat,
    from_process_environment,
    wants_auto_start,
)
from codetracer_otel.sdk.settings.options.table import OPTIONS
from codetracer_otel.sdk.settings.otel_environment import OtlpEnvironment, RemoteParent
from codetracer_otel.sdk.settings.resolve import resolve

INLINE = filter_from_text("")
PROVIDER = TracerProvider(shutdown_on_exit=False)
HERE = os.getcwd()

KEYWORD_EXAMPLES = {
    "trace_filter": ("a.toml", "filters", (f"{HERE}/a.toml",)),
    "exporter": ("otlp", "exporters", (ExporterSpec("otlp"),)),
    "functions": (False, "functions", False),
    "capture": (("args",), "capture", frozenset({"args"})),
    "trace": ("eval", "topics", TopicSettings("eval", strict=True)),
    "policy": ({"json_errors": True}, "policy", Policy(json_errors=True)),
    "service_name": ("shop", "service_name", "shop"),
    "resource": ({"a": 1}, "resource", {"a": 1}),
    "tracer_provider": (PROVIDER, "tracer_provider", PROVIDER),
    "set_global": (False, "set_global", False),
    "builtin_filter": (False, "builtin_filter", False),
    "session_id": ("s-1", "session_id", "s-1"),
    "activation_path": (Path("app.py"), "activation_path", f"{HERE}/app.py"),
    "limits": (Limits(max_depth=2), "limits", Limits(max_depth=2)),
    "buffer": (Buffer(records=9), "buffer", Buffer(records=9)),
    "capture_repr": (True, "capture_repr", True),
    "step_values": ("changed", "step_values", StepValues.CHANGED),
    "value_format": ("text", "value_format", ValueFormat.TEXT),
    "paths": ("relative", "paths", Paths.RELATIVE),
    "respect_parent": (False, "respect_parent", False),
    "propagate_subprocess": (True, "propagate_subprocess", True),
    "propagate_threads": (False, "propagate_threads", False),
    "signals": (True, "signals", True),
    "learn_secrets": (False, "learn_secrets", False),
    "tail": (
        {"slower_than_ms": 5},
        "tail",
        (("keep_errors", False), ("slower_than_ns", 5_000_000)),
    ),
    "max_overhead": ("5%", "max_overhead", 0.05),
    "flight_recorder": ("64MB", "flight_recorder", 64_000_000),
    "dump_on": ("error, sigusr2", "dump_on", frozenset({"error", "sigusr2"})),
    "control": (True, "control", True),
}
BAD_KEYWORDS = {name: object() for name in OPTIONS}

VARIABLE_EXAMPLES = {
    "OTEL_SDK_DISABLED": (" TRUE ", "disabled", True),
    "CODETRACER_TRACE_FILTER": (
        "a.toml:: b.toml ::",
        "environment_filters",
        (f"{HERE}/a.toml", f"{HERE}/b.toml"),
    ),
    "CODETRACER_EXPORTER": ("console", "exporters", (ExporterSpec("console"),)),
    "CODETRACER_TRACE": ("eval", "topics", TopicSettings("eval", may_be_path=True)),
    "CODETRACER_TRACE_TOPICS": ("eval", "topics", TopicSettings("eval")),
    "CODETRACER_TRACE_OUTPUT": (
        "fd:3",
        "topics",
        TopicSettings(may_be_path=True, output="fd:3"),
    ),
    "CODETRACER_TRACE_ORDER": ("Start", "topics", TopicSettings(may_be_path=True, order="start")),
    "CODETRACER_TRACE_STRICT": ("1", "topics", TopicSettings(may_be_path=True, strict=True)),
    "CODETRACER_LEARN_SECRETS": ("no", "learn_secrets", False),
    "CODETRACER_CONTROL": ("yes", "control", True),
    "CODETRACER_FLIGHT_RECORDER": ("1.5GB", "flight_recorder", 1_500_000_000),
    "CODETRACER_DUMP_ON": ("error", "dump_on", frozenset({"error"})),
    "CODETRACER_TAIL": ("errors", "tail", (("keep_errors", True),)),
    "CODETRACER_SESSION_ID": ("s-2", "session_id", "s-2"),
    "CODETRACER_JSON_ERRORS": ("1", "policy", Policy(json_errors=True)),
    "OTEL_SERVICE_NAME": ("shop", "service_name", "shop"),
    "OTEL_RESOURCE_ATTRIBUTES": ("a=b", "resource_attributes", (("a", "b"),)),
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("9", "limits", Limits(max_string=9)),
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": ("8", "limits", Limits(max_attributes=8)),
    "OTEL_BSP_MAX_QUEUE_SIZE": ("7", "buffer", Buffer(records=7)),
    "OTEL_BSP_SCHEDULE_DELAY": ("6", "buffer", Buffer(interval_ms=6)),
    "OTEL_EXPORTER_OTLP_TIMEOUT": ("5", "otlp", OtlpEnvironment(timeout_s=5.0)),
    "OTEL_TRACES_SAMPLER": ("always_off", "sampler", "always_off"),
    "NO_COLOR": ("1", "no_color", True),
    "TRACEPARENT": (
        f"00-{'a' * 32}-{'b' * 16}-01",
        "remote_parent",
        RemoteParent(int("a" * 32, 16), int("b" * 16, 16), 1),
    ),
}
BAD_VARIABLES = {
    "CODETRACER_EXPORTER": "jsnol",
    "OTEL_TRACES_EXPORTER": "jsnol",
    "CODETRACER_TRACE_ORDER": "sideways",
    "CODETRACER_TRACE_STRICT": "perhaps",
    "CODETRACER_LEARN_SECRETS": "perhaps",
    "CODETRACER_ON_RECORDER_ERROR": "explode",
    "CODETRACER_REQUIRE_TRACE": "perhaps",
    "CODETRACER_KEEP_PARTIAL_TRACE": "perhaps",
    "CODETRACER_LOG_LEVEL": "loud",
    "CODETRACER_JSON_ERRORS": "perhaps",
    "CODETRACER_CAPTURE_IO": "all",
    "CODETRACER_MODULE_NAME_FROM_GLOBALS": "perhaps",
    "CODETRACER_PROPAGATE_SCRIPT_EXIT": "perhaps",
    "OTEL_RESOURCE_ATTRIBUTES": "a",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "-1",
    "OTEL_BSP_MAX_QUEUE_SIZE": "many",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "soon",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon",
    "TRACEPARENT": "nobody",
}


def test_with_nothing_stated_the_defaults_stand():
    assert resolve({}, {}) == dataclasses.replace(
        Settings(), topics=TopicSettings(may_be_path=True)
    )


def test_none_states_nothing():
    assert resolve(dict.fromkeys(OPTIONS), {}) == resolve({}, {})


def test_every_keyword_is_tried():
    assert list(KEYWORD_EXAMPLES) == list(OPTIONS)


@pytest.mark.parametrize("keyword", KEYWORD_EXAMPLES)
def test_a_keyword_sets_its_setting(keyword):
    value, name, expected = KEYWORD_EXAMPLES[keyword]

    settings = resolve({keyword: value}, {})

    assert expected == getattr(settings, name)
    assert settings.warnings == ()


@pytest.mark.parametrize("variable", VARIABLE_EXAMPLES)
def test_a_variable_sets_its_setting(variable):
    text, name, expected = VARIABLE_EXAMPLES[variable]

    settings = resolve({}, {variable: text})

    assert expected == getattr(settings, name)
    assert settings.warnings == ()


@pytest.mark.parametrize("keyword", sorted(BAD_KEYWORDS))
def test_a_bad_keyword_is_an_error_that_names_it(keyword):
    with pytest.raises(ConfigurationError) as caught:
        resolve({keyword: BAD_KEYWORDS[keyword]}, {})

    assert len(caught.value.problems) == 1
    assert keyword in caught.value.problems[0].message
    assert caught.value.exit_status == 2


def test_all_bad_keywords_are_one_error():
    with pytest.raises(ConfigurationError) as caught:
        resolve(BAD_KEYWORDS, {})

    assert len(caught.value.problems) == len(OPTIONS)


def test_an_unknown_keyword_gets_a_suggestion():
    with pytest.raises(ConfigurationError, match="did you mean 'exporter'"):
        resolve({"exporters": "otlp"}, {})


@pytest.mark.parametrize("variable", BAD_VARIABLES)
def test_a_bad_variable_is_a_warning_and_the_default_stands(variable):
    settings = resolve({}, {variable: BAD_VARIABLES[variable]})

    assert resolve({}, {}) == settings
    assert len(settings.warnings) == 1
    assert variable in settings.warnings[0].message


def test_bad_variables_are_told_together():
    assert len(resolve({}, BAD_VARIABLES).warnings) == len(BAD_VARIABLES)


def test_a_blank_environment_is_none():
    blank = {**dict.fromkeys(VARIABLE_EXAMPLES, " "), "NO_COLOR": "", "CODETRACER_TRACE": ""}
    del blank["CODETRACER_TRACE_TOPICS"]

    settings = resolve({}, blank)

    assert settings.warnings == ()
    assert dataclasses.replace(settings, topics=TopicSettings(may_be_path=True)) == resolve({}, {})


@pytest.mark.parametrize(
    ("keyword", "variable"),
    [
        ("exporter", "CODETRACER_EXPORTER"),
        ("service_name", "OTEL_SERVICE_NAME"),
        ("session_id", "CODETRACER_SESSION_ID"),
        ("trace", "CODETRACER_TRACE_TOPICS"),
    ],
)
def test_a_keyword_beats_its_variable(keyword, variable):
    value, name, expected = KEYWORD_EXAMPLES[keyword]

    settings = resolve({keyword: value}, {variable: VARIABLE_EXAMPLES[variable][0]})

    assert expected == getattr(settings, name)


def test_a_keyword_beats_a_bad_exporter_variable_without_a_warning():
    assert resolve({"exporter": "none"}, {"CODETRACER_EXPORTER": "jsnol"}).warnings == ()


def test_policy_shows_the_origin_of_each_value():
    environ = {"CODETRACER_JSON_ERRORS": "1", "CODETRACER_ON_RECORDER_ERROR": "disable"}

    policy = resolve({"policy": {"on_recorder_error": "abort"}}, environ).policy

    assert policy.on_recorder_error is OnRecorderError.ABORT
    assert policy.origin_of("on_recorder_error") is Origin.KEYWORD
    assert policy.origin_of("json_errors") is Origin.ENVIRONMENT
    assert policy.origin_of("require_trace") is Origin.DEFAULT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a::b", ("a", "b")),
        (Path("a"), ("a",)),
        (["a::b", Path("c"), INLINE], ("a", "b", "c", INLINE)),
        (INLINE, (INLINE,)),
        ([], ()),
    ],
)
def test_filters_are_named_in_many_ways(value, expected):
    filters = resolve({"trace_filter": value}, {}).filters

    absolute = (item if item is INLINE else f"{HERE}/{item}" for item in expected)
    assert tuple(absolute) == filters


def test_the_home_directory_has_its_short_form():
    filters = resolve({"trace_filter": "~/a.toml"}, {}).filters

    assert filters == (str(Path("~/a.toml").expanduser()),)


@pytest.mark.parametrize("value", [3, [3], b"a.toml", {"a": 1}, [["a"]], "", ["a", " "]])
def test_what_is_no_filter_is_a_problem(value):
    with pytest.raises(ConfigurationError, match="not a trace filter"):
        resolve({"trace_filter": value}, {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("args, return", {"args", "return"}), ("none", set()), ("", set()), ([], set())],
)
def test_what_is_captured_may_be_text(value, expected):
    assert frozenset(expected) == resolve({"capture": value}, {}).capture


def test_an_unknown_capture_gets_a_suggestion():
    with pytest.raises(ConfigurationError, match="did you mean 'return'"):
        resolve({"capture": ["args", "returns"]}, {})


@pytest.mark.parametrize("value", [1, 0, "yes"])
def test_only_a_bool_is_a_truth_value_of_a_keyword(value):
    with pytest.raises(ConfigurationError, match="expected True or False"):
        resolve({"signals": value}, {})


def test_a_resource_object_is_kept():
    resource = Resource({"a": 1})

    assert resolve({"resource": resource}, {}).resource is resource


def test_equal_statements_give_equal_settings():
    keywords = {name: value for name, (value, _, _) in KEYWORD_EXAMPLES.items()}
    environ = {name: text for name, (text, _, _) in VARIABLE_EXAMPLES.items()}

    assert resolve(keywords, environ) == resolve(dict(keywords), dict(environ))


def test_each_statement_changes_the_settings():
    default = resolve({}, {})

    for keyword, (value, _, _) in KEYWORD_EXAMPLES.items():
        assert resolve({keyword: value}, {}) != default, keyword


def test_how_a_session_was_started_is_no_part_of_equality():
    launch = StartMode(StartKind.MODULE, "shop")

    assert resolve({}, {}, launch=launch) == resolve({}, {})
    assert resolve({}, {}, launch=launch).launch is launch


def test_a_test_framework_brings_its_filter_unless_told_not_to():
    assert StartMode(StartKind.PYTEST, "pytest").framework == "pytest"
    assert StartMode(StartKind.UNITTEST, "unittest").framework == "unittest"
    assert StartMode(StartKind.PYTEST, framework_filter=False).framework is None
    assert StartMode(StartKind.SCRIPT).framework is None


def test_a_program_under_run_owns_its_process():
    assert StartMode(StartKind.COMMAND).is_program
    assert not StartMode(StartKind.API).is_program


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", True), ("Yes", True), ("0", False), ("", False)],
)
def test_auto_start_has_to_be_asked_for(text, expected):
    assert expected is wants_auto_start({"CODETRACER_AUTO_START": text})
    assert wants_auto_start({}) is False
    assert isinstance(wants_auto_start({"CODETRACER_AUTO_START": "perhaps"}), Problem)


def test_the_environment_is_copied(monkeypatch):
    environ = from_process_environment()
    monkeypatch.setenv("CODETRACER_SESSION_ID", "later")

    assert environ.get("CODETRACER_SESSION_ID") != "later"
    assert from_process_environment()["CODETRACER_SESSION_ID"] == "later"


def test_no_warning_shows_a_secret():
    environ = {
        "CODETRACER_EXPORTER": "otlp=http://me:hush@host,jsnol",
        "OTEL_EXPORTER_OTLP_HEADERS": "hush",
        "OTEL_RESOURCE_ATTRIBUTES": "hush",
    }

    settings = resolve({}, environ)

    assert len(settings.warnings) == 3
    assert "hush" not in repr(settings)
