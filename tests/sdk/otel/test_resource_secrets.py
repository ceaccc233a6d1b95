"""What a process says about itself is judged like a span, in every exporter."""

from __future__ import annotations

import sys

import pytest
from opentelemetry.sdk.resources import Resource
from tests.exporters.every_exporter import content_of, leaks, shown_by_every_exporter
from tests.traced_run import run_traced

import codetracer_otel
from codetracer_otel.model.value import REDACTED
from codetracer_otel.testing import InMemoryExporter

TOKEN = "ghp_" + "a1B2c3D4e5" * 4
PASSWORD = "hush-4711"
STATED = {
    "db.password": PASSWORD,
    "deployment.environment.name": "test",
    "note": f"with {TOKEN}",
    "process.command_args": ["prog", "--password", PASSWORD, f"--url=postgres://u:{PASSWORD}@h/x"],
    "process.command_line": f"prog --password {PASSWORD} --verbose",
    "config": {"api_key": PASSWORD, "region": "eu"},
    f"key {TOKEN}": 1,
    "telemetry.password": PASSWORD,
}


def program():
    return None


@pytest.mark.parametrize("build", [dict, Resource])
def test_a_stated_resource_is_judged_by_key_and_by_content(tmp_path, capsys, build):
    name = f"shop {TOKEN}"
    shown = shown_by_every_exporter(
        program, tmp_path, capsys, resource=build(STATED), service_name=name
    )
    assert leaks(shown, TOKEN, PASSWORD) == {}
    assert "deployment.environment.name" in shown["otlp"]
    assert "deployment.environment.name" in shown["otlp-grpc"]
    assert REDACTED in shown["chrome"]


def test_what_is_innocent_or_ours_stays_as_it_is():
    exporter = InMemoryExporter()
    with codetracer_otel.configure(None, exporter, resource=STATED, service_name="shop") as session:
        session.flush()
        with codetracer_otel.span("s"):
            pass
    found = exporter.resource
    assert found["service.name"] == "shop"
    assert found["db.password"] == REDACTED
    config = {"api_key": REDACTED, "region": "eu"}
    assert found.get("config", config) == config  # older releases of OpenTelemetry take no mapping
    assert found["telemetry.sdk.name"] == "opentelemetry"
    assert found["codetracer.filter.sha256"]
    assert found["process.runtime.version"] == ".".join(map(str, sys.version_info[:3]))


def test_the_environment_and_the_command_line_are_judged(tmp_path):
    script = tmp_path / "program.py"
    script.write_text("def f():\n    pass\nf()\n")
    written = f"db.password={PASSWORD},note=with%20{TOKEN},service.name={TOKEN}"
    arguments = ("--password", PASSWORD, f"--key={TOKEN}", f"postgres://u:{PASSWORD}@h/x")
    exporters = [f"jsonl={tmp_path / 'x.jsonl'}", f"chrome={tmp_path / 'x.json'}"]
    exporters.append(f"native={tmp_path / 'native'}")
    options = [word for one in exporters for word in ("--exporter", one)]
    detectors = {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process,otel"}
    environment = {"OTEL_RESOURCE_ATTRIBUTES": written, **detectors}
    done = run_traced(*options, script, *arguments, cwd=tmp_path, **environment)
    assert done.returncode == 0
    shown = {name: (tmp_path / name).read_text() for name in ("x.jsonl", "x.json")}
    shown |= {"native": content_of(tmp_path / "native"), "messages": done.stderr}
    assert leaks(shown, TOKEN, PASSWORD) == {}


def say(text):
    return text


def test_what_a_resource_hides_by_its_key_is_hidden_wherever_it_comes_again(tmp_path, capsys):
    shown = shown_by_every_exporter(
        lambda: say(f"connected with {PASSWORD}"),
        tmp_path,
        capsys,
        resource={"db.password": PASSWORD},
    )
    assert leaks(shown, PASSWORD) == {}
