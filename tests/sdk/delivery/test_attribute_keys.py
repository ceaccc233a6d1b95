"""What stands under a secret's name in an attribute of any kind and depth leaves by no exporter."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, TraceFlags
from tests.exporters.every_exporter import (
    leaks,
    shown_by_every_exporter,
    shown_by_span_exporters,
)

import codetracer_otel
from codetracer_otel.filters.types import Action
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.delivery.attribute_keys import judge_keys

TOKEN = "ghp_" + "a1B2c3D4e5" * 4
PASSWORD = "hush-4711"
KEPT = "kept-4711"

VALUES = {
    "req": {"password": PASSWORD, "user": KEPT},
    "texts": [{"content": TOKEN}],
    "nested": [[TOKEN], [["x", {"deep": {"api_key": PASSWORD, "also": (TOKEN,)}}]]],
    "raw": f"password={PASSWORD}".encode(),
    "token bytes": TOKEN.encode(),
    "raws": [TOKEN.encode(), {"raw": f"password={PASSWORD}".encode()}],
    "headers": [["X-Api-Key", PASSWORD], ["Accept", KEPT]],
    "header": {"name": "Authorization", "value": PASSWORD},
    "keyed": {TOKEN: 1},
    "exception.password": PASSWORD,
    "thread.api_key": PASSWORD,
    "code.password": {"a": PASSWORD},
    "codetracer.password": [PASSWORD],
    "codetracer.arg.password": PASSWORD,
    "telemetry.token": PASSWORD,
}
LINK = Link(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)), VALUES)


def write_to(span):
    span.set_attributes(VALUES)
    span.set_attribute("req", VALUES["req"])
    span.add_event("happened", VALUES)
    span.add_link(LINK.context, VALUES)
    span.record_exception(ValueError("x"), VALUES)


def traced():
    write_to(trace.get_current_span())


def program():
    traced()
    tracer = trace.get_tracer("library", attributes=VALUES)
    with tracer.start_as_current_span("library's", attributes=VALUES, links=[LINK]) as span:
        write_to(span)
    with codetracer_otel.span("ours", **VALUES):
        codetracer_otel.event("told", **VALUES)
    with codetracer_otel.span("light", password=PASSWORD, note=TOKEN):
        pass


def test_no_exporter_shows_what_stands_under_the_name_of_a_secret(tmp_path, capsys):
    shown = shown_by_every_exporter(program, tmp_path, capsys)
    assert leaks(shown, TOKEN, PASSWORD) == {}
    assert {"jsonl", "chrome", "otlp", "otlp-grpc"} <= set(leaks(shown, KEPT))


def test_no_exporter_for_foreign_providers_shows_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(provider):
        tracer = provider.get_tracer("library", attributes=VALUES)
        with tracer.start_as_current_span("library's", attributes=VALUES, links=[LINK]) as span:
            write_to(span)

    shown = shown_by_span_exporters(write, tmp_path)
    assert leaks(shown, TOKEN, PASSWORD) == {}
    assert all(KEPT in text for text in shown.values())


def test_maps_bytes_and_lists_are_kept_as_they_are_where_they_hold_no_secret(record):
    value = {"a": [1, {"b": b"\xff"}], "c": None}

    def keep():
        trace.get_current_span().set_attribute("own", value)

    with record() as spans:
        keep()
        trace.get_tracer("library").start_span("s", attributes={"own": value}).end()
    assert [span.attributes["own"] for span in spans] == [{"a": (1, {"b": b"\xff"}), "c": None}] * 2


@pytest.mark.parametrize(
    "key", ["code.file.path", "exception.message", "session.id", "thread.name", "error.type"]
)
def test_what_we_and_the_sdk_write_is_exempt_by_its_whole_key(key):
    attributes = {key: "x", f"{key}.password": "x", "password": "x"}
    judge_keys(attributes, lambda _: Action.REDACT)
    assert attributes == {key: "x", f"{key}.password": REDACTED, "password": REDACTED}
