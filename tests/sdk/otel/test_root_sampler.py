"""Samplers that ``OTEL_TRACES_SAMPLER`` names beyond OpenTelemetry's own."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from tests.conftest import HEADER, rule

from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.testing import InMemoryExporter

ONLY_THIS = filter_from_text(HEADER + rule(f"file:glob:**{__file__}"))
MODULE = """
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

def build(argument):
    if argument == "fails":
        raise LookupError(argument)
    return ALWAYS_OFF
"""


def work(number):
    return number


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed distribution with a sampler ``ThirdParty``."""
    package = tmp_path / "third_party-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[opentelemetry_traces_sampler]\nThirdParty = third_party_sampler:build\n"
    )
    (tmp_path / "third_party_sampler.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "ThirdParty")


def record():
    exporter = InMemoryExporter()
    with configure(ONLY_THIS, exporter):
        work(1)
        trace.get_tracer("x").start_span("by hand").end()
    return [span.name.rpartition(".")[2] for span in exporter.spans]


def test_a_sampler_of_an_entry_point_decides_about_functions_and_other_spans(plugin, caplog):
    assert record() == []
    assert [message for message in caplog.messages if "sampler" in message] == []


def test_one_that_cannot_be_made_is_one_line_and_everything_is_recorded(
    plugin, monkeypatch, capsys
):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "fails")
    assert sorted(record()) == ["by hand", "work"]
    (line,) = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert line["error_code"] == "ERR_INVALID_POLICY_VALUE"
    assert line["message"] == (
        "ignored OTEL_TRACES_SAMPLER: its entry point 'ThirdParty' raised LookupError"
    )


def test_the_rules_of_a_filter_may_be_the_sampler_of_other_spans(monkeypatch, tmp_path, caplog):
    path = tmp_path / "rules.toml"
    path.write_text(HEADER + rule("obj:'by hand'".replace("'", ""), 'exec = "skip"'))
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "codetracer_rules")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", str(path))
    assert record() == ["work"]
    assert [message for message in caplog.messages if "sampler" in message] == []
