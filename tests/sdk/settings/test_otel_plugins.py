"""What an environment names among OpenTelemetry's plugins."""

from __future__ import annotations

import pytest

from codetracer_otel.sdk.settings.exporter_specs import missing_plugins


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OTEL_PROPAGATORS", "tracecontext, baggage"),
        ("OTEL_PROPAGATORS", "none"),
        ("OTEL_PROPAGATORS", ""),
        ("OTEL_TRACES_SAMPLER", "ALWAYS_ON"),
        ("OTEL_TRACES_SAMPLER", "codetracer_rules"),
        ("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "otel,process"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "*"),
    ],
)
def test_what_is_installed_is_no_problem(variable, text):
    assert missing_plugins({variable: text}) == []


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OTEL_PROPAGATORS", "tracecontext,trace_context"),
        ("OTEL_TRACES_SAMPLER", "allways_on"),
        ("OTEL_PYTHON_METER_PROVIDER", "mine"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process,containr"),
    ],
)
def test_what_is_not_installed_is_one_that_names_the_variable(variable, text):
    (problem,) = missing_plugins({variable: text})
    assert problem.message.startswith(f"{variable}: not installed, got ")


def test_a_near_miss_gets_a_suggestion():
    (problem,) = missing_plugins({"OTEL_TRACES_SAMPLER": "allways_on"})
    assert problem.message.endswith(" (did you mean 'always_on'?)")
