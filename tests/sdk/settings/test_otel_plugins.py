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
    part = "part of " if "bogus" in text or "," in text else ""
    assert f"ignored {part}OTEL_PROPAGATORS: not installed, got " in done.stderr


@pytest.mark.parametrize(
    ("variable", "text", "told"),
    [
        ("OTEL_PROPAGATORS", "tracecontext,b3", "ignored part of OTEL_PROPAGATORS: "),
        ("OTEL_PROPAGATORS", "b3", "ignored OTEL_PROPAGATORS: "),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,c", "ignored part of OTEL_RESOURCE_ATTRIBUTES: "),
        ("OTEL_RESOURCE_ATTRIBUTES", "c", "ignored OTEL_RESOURCE_ATTRIBUTES: "),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,c", "ignored part of OTEL_EXPORTER_OTLP_HEADERS: "),
    ],
)
def test_what_applies_of_a_list_is_not_said_to_be_ignored(variable, text, told, tmp_path):
    done = run_traced("--exporter=none", "-c", "", cwd=tmp_path, **{variable: text})
    assert told in done.stderr


@pytest.mark.parametrize("argument", [{}, {"OTEL_TRACES_SAMPLER_ARG": "half"},
                                      {"OTEL_TRACES_SAMPLER_ARG": ""}])  # fmt: skip
def test_opentelemetry_adds_no_line_about_a_ratio(argument, tmp_path):
    show = "import os; print(os.environ.get('OTEL_TRACES_SAMPLER_ARG'))"
    done = run_traced(
        "--quiet", "--exporter=none", "-c", show,
        cwd=tmp_path, OTEL_TRACES_SAMPLER="traceidratio", **argument,
    )  # fmt: skip
    assert done.stdout == f"{argument.get('OTEL_TRACES_SAMPLER_ARG')}\n"
    assert "Could not convert" not in done.stderr
    assert done.stderr.count("\n") == (argument == {"OTEL_TRACES_SAMPLER_ARG": "half"})
