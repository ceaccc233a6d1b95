"""What an environment names among OpenTelemetry's plugins."""

from __future__ import annotations

import os

import pytest
from tests.traced_run import run_traced

from codetracer_otel.sdk.settings.exporter_specs import missing_plugins
from codetracer_otel.sdk.settings.model import hidden_variables
from codetracer_otel.sdk.settings.resolve import resolve


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OTEL_PROPAGATORS", "tracecontext, baggage"),
        ("OTEL_PROPAGATORS", "none"),
        ("OTEL_PROPAGATORS", "baggage,None"),
        ("OTEL_PROPAGATORS", ""),
        ("OTEL_TRACES_SAMPLER", "ALWAYS_ON"),
        ("OTEL_TRACES_SAMPLER", "codetracer_rules"),
        ("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "otel,process"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "*"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "otel,"),
    ],
)
def test_what_is_installed_is_no_problem(variable, text):
    assert missing_plugins({variable: text}) == []


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OTEL_PROPAGATORS", "tracecontext,trace_context"),
        ("OTEL_PROPAGATORS", "TraceContext"),
        ("OTEL_PROPAGATORS", "tracecontext,"),
        ("OTEL_PROPAGATORS", " "),
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


@pytest.mark.parametrize(
    ("variable", "text", "left"),
    [
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process, containr ,otel,hst", "process,otel"),
        ("OTEL_PROPAGATORS", "b3,baggage", "baggage"),
        ("OTEL_PROPAGATORS", "b3", ""),
        ("OTEL_PROPAGATORS", "BAGGAGE,,tracecontext", "tracecontext"),
        ("OTEL_TRACES_SAMPLER", "allways_on", ""),
    ],
)
def test_a_bad_name_takes_no_good_ones_with_it(variable, text, left, monkeypatch):
    settings = resolve({}, {variable: text})
    assert settings.unusable == {variable: left}
    monkeypatch.setenv(variable, text)
    with hidden_variables(settings.unusable):
        assert os.environ.get(variable, "") == left
    assert os.environ[variable] == text


def test_every_bad_name_is_told():
    (problem,) = missing_plugins({"OTEL_PROPAGATORS": "b3,baggage,zipkin"})
    assert "got 'b3,zipkin'; expected an entry point of opentelemetry_propagator" in problem.message


@pytest.mark.parametrize("text", ["tracecontext,bogus", "TRACECONTEXT", "tracecontext,"])
@pytest.mark.parametrize("flag", ["--with=requests", "--with=auto", "--propagate-subprocess"])
def test_a_program_runs_whatever_the_propagators_are_called(tmp_path, text, flag):
    (tmp_path / "program.py").write_text("print('ran')\n")
    done = run_traced("--exporter=none", flag, "program.py", cwd=tmp_path, OTEL_PROPAGATORS=text)
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "ignored OTEL_PROPAGATORS: not installed, got " in done.stderr
