from __future__ import annotations

import pytest
from tests.docs.test_options import VARIABLES as IN_THE_SOURCE

from codetracer_otel.sdk.settings.options.names import known_variables, misspelt_variables
from codetracer_otel.sdk.settings.resolve import resolve


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CODETRACER_TRACE_FILTERS", "CODETRACER_TRACE_FILTER"),
        ("CODETRACER_TRACEFILTER", "CODETRACER_TRACE_FILTER"),
        ("CODETRACER_FILTER", "CODETRACER_TRACE_FILTER"),
        ("CODETRACER_EXPORTERS", "CODETRACER_EXPORTER"),
        ("CODETRACER_LOGLEVEL", "CODETRACER_LOG_LEVEL"),
        ("CODETRACER_AUTOSTART", "CODETRACER_AUTO_START"),
    ],
)
def test_a_name_that_is_nearly_one_of_ours_is_told(name, meant):
    (problem,) = misspelt_variables([name, "HOME"])
    assert problem.message == f"{name}: unknown variable (did you mean '{meant}'?)"


@pytest.mark.parametrize(
    "name",
    ["CODETRACER_FORMAT", "CODETRACER_CI", "CODETRACER_", "CODETRACER_RECORDER_PATH", "TRACE", "X"],
)
def test_a_name_of_another_tool_is_left_alone(name):
    assert misspelt_variables([name, *known_variables()]) == []


def test_the_list_is_what_the_source_reads():
    assert {name for name in IN_THE_SOURCE if name.startswith("CODETRACER_")} == known_variables()


def test_a_misspelt_filter_variable_is_a_warning_of_the_session():
    settings = resolve({}, {"CODETRACER_TRACE_FILTERS": "a.toml"})
    assert [problem.message.partition(":")[0] for problem in settings.warnings] == [
        "CODETRACER_TRACE_FILTERS"
    ]
