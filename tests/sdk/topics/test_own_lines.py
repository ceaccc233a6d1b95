from __future__ import annotations

import json
import sys

from tests.conftest import only
from tests.topic_reading import topics

import codetracer_otel as ct
from codetracer_otel.instrumentation.topics import BUILTIN_TOPICS
from codetracer_otel.sdk.topics.own_lines import topic_of
from codetracer_otel.testing import InMemoryExporter


def events(lines, topic):
    return [line for line in lines if line["topic"] == topic]


def traced(secret):
    return secret


def test_the_topic_filter_tells_each_decision_with_its_rule(capsys, request):
    chain = only(str(request.path))
    with topics(capsys, "filter", functions=True, trace_filter=chain) as lines:
        traced("x")
        json.dumps({})
    told = {line["qualname"]: line for line in events(lines, "filter")}
    assert told["traced"]["decision"] == "trace"
    assert told["traced"]["rule"].startswith("<inline:")
    assert told["traced"]["module"].endswith("test_own_lines")
    assert told["dumps"]["decision"] == "skip"
    assert told["dumps"]["level"] == "DEBUG"


def test_the_topic_filter_is_quiet_about_names_of_foreign_spans(capsys):
    from opentelemetry import trace

    tracer = trace.get_tracer("library")
    with (
        topics(capsys, "filter", exporter=InMemoryExporter()) as lines,
        tracer.start_as_current_span("for ann@example.org"),
    ):
        pass
    assert "ann@" not in json.dumps(lines)


def test_the_topic_export_tells_sizes_durations_and_failures(capsys):
    class Failing(InMemoryExporter):
        def export(self, batch):
            raise OSError("no route")

    both, quiet = [InMemoryExporter(), Failing()], {"log_level": "error"}
    with topics(capsys, "export", exporter=both, policy=quiet) as lines, ct.span("s"):
        pass
    told = [line for line in events(lines, "export") if line["event"] == "batch_exported"]
    results = {line["exporter"]: line for line in told}
    assert (results["InMemoryExporter"]["spans"], results["InMemoryExporter"]["level"]) == (
        1,
        "DEBUG",
    )
    assert (results["Failing"]["result"], results["Failing"]["level"]) == ("failure", "WARN")
    assert type(results["Failing"]["took_ms"]) is float
    (stats,) = [line for line in events(lines, "export") if line["kind"] == "stats"]
    assert (stats["recorded"], stats["exported"]) == (1, 1)


def test_the_topics_config_and_session_tell_start_and_end(capsys):
    with topics(capsys, "config,session") as lines:
        pass
    told = [(line["kind"], line["event"]) for line in lines]
    assert told == [
        ("event", "session_started"),
        ("config", "configured"),
        ("stats", "session_ended"),
    ]
    assert lines[1]["functions"] is False


def test_the_topic_redact_tells_the_counters_at_the_end(capsys, request):
    chain = only(str(request.path))
    with topics(capsys, "redact", functions=True, trace_filter=chain) as lines:
        traced(secret="hunter2")
    (line,) = lines
    assert (line["kind"], line["value_redactions"]) == ("stats", {"argument": 1})


def test_the_topic_sampler_tells_what_the_rules_kept(capsys, request):
    from tests.conftest import rule

    more = rule("obj:**.traced", 'exec = "trace"\n[scope.rules.sampling]\nratio = 0.0')
    chain = only(str(request.path), more)
    with topics(capsys, "sampler", functions=True, trace_filter=chain) as lines:
        traced("x")
    (line,) = lines
    assert (line["kind"], line["event"]) == ("stats", "sampled")
    assert line["rules"]


def test_a_report_of_a_lower_layer_is_a_line_of_its_topic(capsys):
    from opentelemetry.sdk.trace import TracerProvider

    with topics(capsys, "config=info", tracer_provider=TracerProvider()) as lines:
        pass
    assert "host_provider_kept" in [line["event"] for line in lines]


def test_every_event_has_a_topic_that_exists():
    for event in ("exporter_failing", "filter_pattern_timeout", "io_lost", "anything"):
        assert topic_of(event) in BUILTIN_TOPICS


def test_a_defect_of_ours_is_told_once_and_reaches_nobody(capsys, monkeypatch):
    from codetracer_otel.instrumentation.manual.field_policy import FieldPolicy

    def broken(self, values):
        raise RuntimeError("defect")

    with ct.configure(exporter=[], functions=False, trace="app"):
        monkeypatch.setattr(FieldPolicy, "fields", broken)
        for _ in range(3):
            with ct.span("s", x=1) as span:
                span.record(y=2)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in told if "message" in line] == ["hand written span failed"]


def test_after_the_session_its_place_is_empty_again(capsys):
    from codetracer_otel.instrumentation.manual.backend import SLOT

    before = SLOT.active
    with topics(capsys):
        assert SLOT.active is not before
    assert SLOT.active is before


def test_a_span_that_outlives_its_session_is_no_error(capsys):
    session = ct.configure(exporter=[], functions=False, trace="app")
    with ct.span("late") as span:
        session.shutdown()
        span.record(x=1)
    assert '"span":"late"' in capsys.readouterr().err


def test_a_disabled_sdk_records_nothing_and_prints_topics(capsys, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    exporter = InMemoryExporter()
    with topics(capsys, exporter=exporter) as lines, ct.span("outer"), ct.span("inner"):
        pass
    assert exporter.spans == []
    inner, outer = lines
    assert (inner["trace_id"], inner["parent_span_id"]) == (outer["trace_id"], outer["span_id"])


def test_another_sampler_of_the_provider_does_not_thin_out_the_lines(capsys, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    exporter = InMemoryExporter()
    with topics(capsys, exporter=exporter) as lines, ct.span("outer"), ct.span("inner"):
        pass
    assert (len(lines), exporter.spans) == (2, [])


def test_the_import_of_the_names_starts_nothing():
    assert callable(ct.span)
    assert "codetracer_otel.sdk.entry_points.manual_api" in sys.modules


def test_topic_lines_are_no_output_of_the_program(capsys, request):
    exporter, chain = InMemoryExporter(), only(str(request.path))
    policy = {"capture_io": "proxies", "on_recorder_error": "abort"}
    with topics(capsys, exporter=exporter, functions=True, trace_filter=chain, policy=policy):
        speak()
    (span,) = [span for span in exporter.spans if span.name.endswith("speak")]
    assert [event.attributes["text"] for event in span.events] == ["hello\n"]


def speak():
    print("hello")
    with ct.span("inner"):
        pass
