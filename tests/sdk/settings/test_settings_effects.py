"""Every option of a session does what it says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased
from tests.conftest import HEADER, rule

from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.error_policy import Policy
from codetracer_otel.sdk.settings.limits import Buffer, Limits
from codetracer_otel.sdk.settings.model import Settings
from codetracer_otel.testing import InMemoryExporter

SOURCES = [
    path.read_text()
    for path in (Path(__file__).parents[3] / "src").rglob("*.py")
    if path.name not in {"model.py", "limits.py", "variables.py", "error_policy.py"}
]
ONLY_THIS = filter_from_text(HEADER + rule(f"file:glob:**{__file__}"))


def call(*arguments):
    return arguments


def record(*calls, **options):
    exporter = InMemoryExporter()
    with configure(ONLY_THIS, exporter, **options):
        for arguments in calls:
            call(*arguments)
    return exporter


READ_AS = {"max_wait_ms": "max_wait_s"}  # in another unit


@pytest.mark.parametrize(
    "name",
    [f.name for kind in (Settings, Limits, Buffer, Policy) for f in fields(kind) if f.compare],
)
def test_every_option_is_read_by_somebody(name):
    attribute = re.compile(rf"\.{READ_AS.get(name, name)}\b")
    assert any(attribute.search(source) for source in SOURCES)


def test_values_as_text_are_strings_in_every_exporter():
    exporter = InMemoryExporter()
    batches = []

    class Encoding(InMemoryExporter):
        def export(self, batch):
            batches.extend(request.body() for request in OtlpEncoder().requests(batch))
            return super().export(batch)

    with configure(ONLY_THIS, [exporter, Encoding()], value_format="text"):
        call(1, 2.5, None, True, "x", [1, 2], {"a": (1,)})
    (span,) = exporter.spans
    captured = {k: v for k, v in span.attributes.items() if k.startswith("codetracer.")}
    assert captured == {
        "codetracer.arg.arguments": '[1,2.5,null,true,"x",[1,2],{"a":[1]}]',
        "codetracer.return": '[1,2.5,null,true,"x",[1,2],{"a":[1]}]',
    }
    assert len(batches) == 1
    assert all(key.encode() in batches[0] for key in captured)


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (2.5, "2.5"), (True, "True"), (None, "None"), ("x", "x"), (10**30, str(10**30))],
)
def test_scalars_as_text_are_pythons(value, text):
    def one(argument):
        return argument

    exporter = InMemoryExporter()
    with configure(ONLY_THIS, exporter, value_format="text", capture=("args", "return", "locals")):
        one(value)
    (span,) = exporter.spans
    assert span.attributes["codetracer.arg.argument"] == text
    assert span.attributes["codetracer.return"] == text


def test_relative_paths_are_below_the_project_root(tmp_path, monkeypatch):
    (tmp_path / ".codetracer").mkdir()
    path = tmp_path / ".codetracer" / "trace-filter.toml"
    path.write_text(HEADER + rule("file:glob:app/**") + rule(f"file:glob:**{__file__}"))
    program = tmp_path / "app" / "main.py"
    program.parent.mkdir()
    namespace = {"__name__": "main"}
    exec(compile("def run(): pass", str(program), "exec"), namespace)
    exporter = InMemoryExporter()
    with configure(path, exporter, paths="relative"):
        namespace["run"]()
        call()
    files = {span.attributes["code.file.path"] for span in exporter.spans}
    assert files == {"app/main.py", __file__}


@pytest.mark.parametrize(("is_first", "expected"), [(True, "stated"), (False, "main")])
def test_the_name_of_a_module_may_come_from_its_file(tmp_path, is_first, expected):
    program = tmp_path / "main.py"
    program.write_text("")
    namespace = {"__name__": "stated"}
    exec(compile("def run(): pass", str(program), "exec"), namespace)
    exporter = InMemoryExporter()
    text = HEADER + rule(f"file:glob:{tmp_path}/**")
    with configure(filter_from_text(text), exporter, policy={"module_name_from_globals": is_first}):
        namespace["run"]()
    assert [span.name for span in exporter.spans] == [f"{expected}.run"]


@pytest.mark.parametrize(
    ("sampler", "argument", "expected"),
    [
        ("always_on", None, 200),
        ("parentbased_always_on", None, 200),
        ("always_off", None, 0),
        ("parentbased_always_off", None, 0),
        ("traceidratio", "0", 0),
        ("parentbased_traceidratio", "1", 200),
        ("codetracer_rules", None, 200),
    ],
)
def test_the_sampler_of_the_environment_decides_about_roots(
    monkeypatch, sampler, argument, expected
):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    if argument is not None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    assert len(record(*[()] * 200).spans) == expected


def test_a_ratio_of_the_environment_keeps_its_share(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    assert 350 < len(record(*[()] * 1000).spans) < 650


@pytest.mark.parametrize(
    ("sampler", "expected"), [("traceidratio", 0), ("parentbased_traceidratio", 1)]
)
def test_only_a_sampler_by_parent_follows_a_remote_one(monkeypatch, sampler, expected):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    monkeypatch.setenv("TRACEPARENT", f"00-{'a' * 32}-{'b' * 16}-01")
    assert len(record(()).spans) == expected


def test_an_unknown_sampler_is_said_once_and_everything_is_recorded(monkeypatch, capsys):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "jaeger_remote")
    assert len(record((), set_global=False).spans) == 1
    ours = [line for line in capsys.readouterr().err.splitlines() if "ts_micros" in line]
    assert len(ours) == 1
    assert "jaeger_remote" in ours[0]


class Raising(Sampler):
    def should_sample(self, *_arguments, **_options):
        raise RuntimeError

    def get_description(self):
        return "raises"


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (ALWAYS_OFF, 0),
        (ParentBased(TraceIdRatioBased(0.0)), 0),
        (TraceIdRatioBased(1.0), 1),
        (Raising(), 1),
    ],
)
def test_the_sampler_of_a_stated_provider_decides_about_roots(capsys, sampler, expected):
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    assert len(record((), tracer_provider=provider).spans) == expected


def test_spans_have_no_more_attributes_events_and_links_than_they_may():
    limits = Limits(max_attributes=2, max_events=2, max_links=2)

    def crowded():
        span = trace.get_current_span()
        for number in range(5):
            span.set_attribute(f"own.{number}", number)
            span.add_event(f"event {number}")
            span.add_link(context)

    exporter = InMemoryExporter()
    session = configure(ONLY_THIS, exporter, limits=limits)
    with trace.get_tracer("test").start_as_current_span("by hand") as by_hand:
        context = by_hand.get_span_context()
        crowded()
        for number in range(5):
            by_hand.add_event(f"event {number}")
    session.shutdown()
    for span in exporter.spans:
        assert len(span.events) == 2
    (function,) = [span for span in exporter.spans if span.name.endswith("crowded")]
    assert len(function.links) == 2
