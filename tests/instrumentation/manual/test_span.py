from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import TraceFlags
from tests.depth import examples
from tests.topic_reading import named, parse, read_lines, topics
from tests.traced_run import spans_in

import codetracer_otel as ct
from codetracer_otel.testing import InMemoryExporter


def test_a_span_is_one_line_with_its_fields(capsys):
    with topics(capsys) as lines, ct.span("load", rows=3, ratio=0.5, ok=True, nothing=None) as s:
        s.record(bytes=7, rows=4)
    (line,) = lines
    assert (line["level"], line["kind"], line["span"], line["topic"]) == (
        "INFO",
        "span",
        "load",
        "app",
    )
    fields = {key: line[key] for key in ("rows", "ratio", "ok", "nothing", "bytes")}
    assert fields == {"rows": 4, "ratio": 0.5, "ok": True, "nothing": None, "bytes": 7}
    assert "parent_span_id" not in line


def test_spans_nest_and_share_a_trace(capsys):
    with topics(capsys) as lines, ct.span("outer"), ct.span("middle"), ct.span("inner"):
        pass
    inner, middle, outer = lines
    assert inner["parent_span_id"] == middle["span_id"]
    assert middle["parent_span_id"] == outer["span_id"]
    assert len({line["trace_id"] for line in lines}) == 1


def test_lines_and_opentelemetry_spans_have_equal_ids_times_and_fields(capsys):
    exporter = InMemoryExporter()
    with topics(capsys, exporter=exporter) as lines, ct.span("outer", a=1), ct.span("inner"):
        pass
    spans = {span.name: span for span in exporter.spans}
    for line in lines:
        span = spans[line["span"]]
        assert (line["trace_id"], line["span_id"]) == (span.trace_id, span.span_id)
        assert line.get("parent_span_id") == span.parent_span_id
        assert line["duration_ms"] == (span.end_ns - span.start_ns) / 1e6
    assert spans["outer"].attributes == {"a": 1}


def test_spans_go_through_the_stated_provider(capsys):
    provider, finished = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(finished))
    with topics(capsys, tracer_provider=provider) as lines, ct.span("load", n=1):
        pass
    (span,) = finished.get_finished_spans()
    assert f"{span.context.span_id:016x}" == lines[0]["span_id"]
    assert f"{span.context.trace_id:032x}" == lines[0]["trace_id"]
    assert dict(span.attributes) == {"n": 1}


def test_a_library_span_in_between_keeps_the_tree_whole(capsys):
    exporter = InMemoryExporter()
    tracer = trace.get_tracer("library")
    with (
        topics(capsys, exporter=exporter) as lines,
        ct.span("outer"),
        tracer.start_as_current_span("library"),
        ct.span("inner"),
    ):
        pass
    (library,) = exporter.named("library")
    assert named(lines, "inner")["parent_span_id"] == library.span_id
    assert library.parent_span_id == named(lines, "outer")["span_id"]


def test_an_exception_makes_an_error_line_and_passes_unchanged(capsys):
    exporter = InMemoryExporter()
    error = ValueError("bad news")
    with (
        topics(capsys, exporter=exporter) as lines,
        pytest.raises(ValueError, match="bad news") as raised,
        ct.span("load"),
    ):
        raise error
    assert raised.value is error
    assert (lines[0]["level"], lines[0]["error"]) == (
        "ERROR",
        {"type": "ValueError", "message": "bad news"},
    )
    (span,) = exporter.spans
    assert (span.status.name, [event.name for event in span.events]) == ("ERROR", ["exception"])
    assert span.attributes["error.type"] == "ValueError"


@pytest.mark.parametrize("error", [GeneratorExit(), SystemExit(0), SystemExit()])
def test_what_is_no_failure_is_no_error(capsys, error):
    with topics(capsys) as lines, pytest.raises(type(error)), ct.span("load"):
        raise error
    assert (lines[0]["level"], "error" in lines[0]) == ("INFO", False)


def test_a_handled_error_can_be_told(capsys):
    with topics(capsys) as lines, ct.span("load") as s:
        s.set_error(KeyError("gone"))
    assert (lines[0]["level"], lines[0]["error"]) == (
        "ERROR",
        {"type": "KeyError", "message": "gone"},
    )


def test_an_event_is_a_line_and_an_event_of_the_span(capsys):
    exporter = InMemoryExporter()
    with topics(capsys, exporter=exporter) as lines, ct.span("load") as s:
        s.event("cache_miss", key="k", level="debug")
        ct.event("again", key="l")
    miss, again, load = lines
    assert (miss["kind"], miss["event"], miss["key"], miss["level"]) == (
        "event",
        "cache_miss",
        "k",
        "DEBUG",
    )
    assert {line["span_id"] for line in lines} == {load["span_id"]}
    assert again["span"] == "load"
    (span,) = exporter.spans
    assert [event.name for event in span.events] == ["cache_miss", "again"]


def test_an_event_outside_of_any_span_has_no_ids(capsys):
    with topics(capsys) as lines:
        ct.event("started", port=80)
    assert lines[0]["port"] == 80
    assert not {"trace_id", "span_id", "span"} & set(lines[0])


def test_an_event_of_another_topic_follows_that_topic(capsys):
    with topics(capsys, "session") as lines, ct.span("load") as s:
        s.event("noted", topic="io")
        s.event("told", topic="session")
    assert [line["event"] for line in lines if line["kind"] == "event"][1:] == ["told"]


def test_a_field_with_a_reserved_name_is_renamed(capsys):
    reserved = {"level": 1, "trace_id": 2, "duration_ms": 3, "error": 4, "pid": 5, "kind": 6}
    with topics(capsys) as lines, ct.span("load") as s:
        s.record(**reserved)
        s.event("e", event=7)
    event, line = lines
    assert {key: line[f"field.{key}"] for key in reserved} == reserved
    assert event["field.event"] == 7


def test_names_and_shapes_are_redacted_in_lines_and_attributes(capsys):
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    exporter = InMemoryExporter()
    with (
        topics(capsys, "all", exporter=exporter) as lines,
        pytest.raises(ValueError),
        ct.span(f"load {token}", password="hunter2", note=token) as s,
    ):
        s.event("e", api_key="hunter2", text=f"Bearer {token}")
        s.record(data={"password": "hunter2", "other": [token]})
        raise ValueError(f"no {token}")
    everything = json.dumps(lines) + repr(exporter.spans)
    assert "hunter2" not in everything
    assert token not in everything
    (line,) = [line for line in lines if line["kind"] == "span"]
    assert (line["password"], line["data"]["password"]) == ("<redacted>", "<redacted>")


def test_a_secret_as_the_name_of_a_field_is_redacted_in_lines_and_attributes(capsys):
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    provider, finished = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(finished))
    with (
        topics(capsys, "all", tracer_provider=provider) as lines,
        ct.span("load", **{token: 1, f"password {token}": 2}) as s,
        ct.PolicyTracer().action("rule", "notify") as action,
    ):
        s.event("e", **{token: 1})
        ct.event("at the stage", **{token: 1})
        action.record(**{token: 3})
    assert token not in json.dumps(lines)
    assert token not in "".join(span.to_json() for span in finished.get_finished_spans())
    load = named(lines, "load")
    (event,) = [line for line in lines if line.get("event") == "e"]
    assert (load["<redacted>"], event["<redacted>"]) == (1, 1)
    action_span = next(s for s in finished.get_finished_spans() if s.name == "policy.action")
    assert action_span.attributes["codetracer.policy.<redacted>"] == 3


def test_a_secret_in_the_name_of_a_span_is_kept_from_the_hosts_provider(capsys):
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    provider, finished = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(finished))
    with topics(capsys, tracer_provider=provider), ct.span(f"load {token}"):
        pass
    assert [span.name for span in finished.get_finished_spans()] == ["load <redacted>"]


# older releases of OpenTelemetry know no random flag
FLAGS = f"{1 | getattr(TraceFlags, 'RANDOM_TRACE_ID', 0):02x}"
RULE_FOR_THIS_FILE = """
[meta]
name = "content"
version = 2
[scope]
default_exec = "trace"
default_value_action = "allow"
[[scope.rules]]
selector = "pkg:literal:tests.instrumentation.manual.test_span"
[[scope.rules.value_patterns]]
selector = "value:regex:internal-[0-9]+"
action = "redact"
"""


def describe_simply(span):
    span.record(note="internal-1", rows=1)


def describe_beyond_the_limits(span):
    for _ in range(6):
        span.event("internal-2", note="internal-3")
    span.record(**{"": "internal-4", "internal-5": "internal-6"})


def describe_a_failure(span):
    span.event("told", note="internal-7")
    trace.get_current_span().set_attribute("list", ["a"])
    span.event("told", note="internal-8")
    span.record(note="internal-9")
    span.set_error(ValueError("internal-10"))


def describe_containers(span):
    span.event("told", notes=["internal-11", {"internal-12": 1}])
    span.record(notes=("internal-13",), password="internal-14")


def describe_lists(span):
    span.event("told", notes=["internal-18", "b"])
    trace.get_current_span().set_status(trace.StatusCode.ERROR)
    span.record(notes=["a", "internal-19"], none=[])


def describe_a_list(span):
    span.record(notes=["a", "internal-20"])


@pytest.mark.parametrize("spec", ["off", "all"])
@pytest.mark.parametrize(
    "describe",
    [
        describe_simply,
        describe_beyond_the_limits,
        describe_a_failure,
        describe_containers,
        describe_lists,
        describe_a_list,
    ],
)
def test_the_patterns_about_its_code_judge_whatever_a_span_says(
    monkeypatch, capsys, tmp_path, spec, describe
):
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4")
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "4")
    path, exporter = tmp_path / "filter.toml", InMemoryExporter()
    path.write_text(RULE_FOR_THIS_FILE)
    options = {"trace_filter": str(path), "exporter": exporter, "session_id": "internal-15"}
    with topics(capsys, spec, **options) as lines, ct.span("load internal-16") as s:
        describe(s)
        ct.event("at the end", note="internal-17")
    (span,) = exporter.spans
    assert "internal-" not in repr(span) + json.dumps(lines)
    assert span.name == "load <redacted>"


def test_an_ended_span_leaves_the_garbage_collector_nothing(capsys):
    def work():
        with ct.span("load", rows=1), ct.PolicyTracer().routing("key") as routing:
            routing.matched(["policy"])

    with topics(capsys, "off", exporter=InMemoryExporter()):
        work()
        gc.collect()
        gc.disable()
        try:
            work()
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_the_name_of_a_library_span_is_redacted_whatever_class_of_text_it_is(capsys):
    class Name(str):
        __slots__ = ()

    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    with topics(capsys, "all", exporter=InMemoryExporter()) as lines:
        name = Name(f"GET {token}")
        with trace.get_tracer("library").start_as_current_span(name):
            ct.event("told")
    (line,) = [line for line in lines if line.get("event") == "told"]
    assert line["span"] == "GET <redacted>"


def test_the_topic_redact_says_where_and_never_what(capsys):
    with topics(capsys, "redact=debug") as lines, ct.span("load", password="hunter2", rows=1):
        pass
    (line,) = [line for line in lines if line["kind"] == "event"]
    assert (line["event"], line["span"], line["names"]) == ("redacted", "load", ["password"])


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __len__ = __iter__ = __bool__ = __eq__ = __repr__
    __hash__ = None


def cycle():
    items = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    "value",
    [
        float("nan"), float("inf"), -float("inf"), b"\xff\x00", bytearray(5), {1, "a"}, "\ud800",
        "a\nb\r\u2028", 10**400, -(2**70), Hostile(), cycle(), {"k": Hostile()}, {(1, 2): 3},
        "x" * 10_000_000, ["y" * 100_000] * 100, {str(n): "z" * 5000 for n in range(100)}, object,
        Ellipsis, 1j, [[[[[[[[]]]]]]]],
    ],
)  # fmt: skip
def test_a_hostile_value_still_gives_one_valid_line(capsys, value):
    with topics(capsys) as lines, ct.span("load", value=value) as s:
        s.event("e", value=value)
    assert [line["kind"] for line in lines] == ["event", "span"]


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=5,
    )
)
@settings(max_examples=examples(60))
def test_any_fields_give_one_valid_line(fields):
    stream = []
    with ct.configure(exporter=[], functions=False, trace="app"):
        stderr, sys.stderr = (
            sys.stderr,
            type("S", (), {"write": stream.append, "flush": lambda: None}),
        )
        try:
            with ct.span("load") as s:
                s.record(**fields)
        finally:
            sys.stderr = stderr
    assert parse("".join(stream).rstrip("\n"))["span"] == "load"


def test_a_closed_or_missing_stderr_is_no_error(monkeypatch, capsys):
    class Closed:
        def write(self, text):
            raise ValueError("I/O operation on closed file")

    for stream in (Closed(), None):
        with ct.configure(exporter=[], functions=False, trace="app"):
            monkeypatch.setattr(sys, "stderr", stream)
            with ct.span("load"):
                pass
            monkeypatch.undo()


def test_redirect_stderr_gets_the_lines(capsys):
    import contextlib
    import io

    with (
        ct.configure(exporter=[], functions=False, trace="app"),
        contextlib.redirect_stderr(io.StringIO()) as stream,
        ct.span("load"),
    ):
        pass
    assert [line["span"] for line in read_lines(stream.getvalue())] == ["load"]


def test_eight_threads_write_whole_lines_with_their_thread(capsys):
    def work():
        for number in range(250):
            with ct.span("outer", number=number), ct.span("inner"):
                pass

    with topics(capsys) as lines:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(lines) == 4000
    assert len({line["trace_id"] for line in lines}) == 2000
    assert len({line["tid"] for line in lines}) <= 8
    parents = {line["span_id"]: line["trace_id"] for line in lines if line["span"] == "outer"}
    assert all(
        parents[line["parent_span_id"]] == line["trace_id"]
        for line in lines
        if line["span"] == "inner"
    )


def test_the_main_thread_of_the_first_process_is_not_named(capsys):
    with topics(capsys) as lines, ct.span("load"):
        pass
    assert not {"pid", "tid"} & set(lines[0])


@pytest.mark.filterwarnings("ignore:This process")  # the test runner has threads
def test_a_forked_child_prints_its_own_spans_with_its_pid(capfd):
    with ct.configure(exporter=[], functions=False, trace="app"):
        with ct.span("parent"):
            child = os.fork()
            with ct.span("work"):
                pass
            if child == 0:
                sys.stderr.flush()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    lines = read_lines(capfd.readouterr().err)
    (parent,) = [line for line in lines if line["span"] == "parent"]
    works = [line for line in lines if line["span"] == "work"]
    assert sorted(line.get("pid", 0) for line in works) == [0, child]
    assert {line["parent_span_id"] for line in works} == {parent["span_id"]}
    assert len({line["span_id"] for line in lines}) == 3


def test_with_order_start_a_trace_is_printed_root_first(monkeypatch, capsys):
    monkeypatch.setenv("CODETRACER_TRACE_ORDER", "start")
    with topics(capsys) as lines, ct.span("root"):
        with ct.span("first"):
            ct.event("noted")
            with ct.span("deep"):
                pass
        with ct.span("second"):
            pass
    told = [line.get("event") or line["span"] for line in lines]
    assert told == ["root", "first", "noted", "deep", "second"]


def test_with_order_start_what_waits_is_printed_at_the_end_of_the_session(monkeypatch, capsys):
    monkeypatch.setenv("CODETRACER_TRACE_ORDER", "start")
    with topics(capsys) as lines:
        ct.span("root").__enter__()
        with ct.span("child"):
            pass
    assert [line["span"] for line in lines] == ["child"]
    context.attach(context.Context())


@pytest.mark.parametrize("kind", ["file", "fd"])
def test_lines_go_to_a_file_or_a_descriptor(monkeypatch, capsys, tmp_path, kind):
    path = tmp_path / "lines"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    target = f"file:{path}" if kind == "file" else f"fd:{descriptor}"
    monkeypatch.setenv("CODETRACER_TRACE_OUTPUT", target)
    with topics(capsys) as lines, ct.span("load"):
        pass
    os.close(descriptor)
    assert lines == []
    assert [line["span"] for line in read_lines(path.read_text())] == ["load"]


def test_an_output_that_cannot_be_opened_is_standard_error(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CODETRACER_TRACE_OUTPUT", f"file:{tmp_path}")
    with topics(capsys) as lines, ct.span("load"):
        pass
    assert [line["span"] for line in lines] == ["load"]


def test_an_output_in_a_folder_that_is_not_there_is_told_once(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CODETRACER_TRACE_OUTPUT", f"file:{tmp_path}/missing/lines")
    with ct.configure(exporter=[], functions=False, trace="app"), ct.span("load"):
        pass
    told, line = capsys.readouterr().err.splitlines()
    assert "missing/lines' (No such file or directory)" in told
    assert json.loads(line)["span"] == "load"


def test_a_parent_may_be_stated(capsys):
    with topics(capsys) as lines:
        first = ct.span("first")
        with first, ct.span("root", parent=context.Context()):
            pass
        with ct.span("child", parent=first, links=[first]):
            pass
        with ct.span("other", parent=first.otel_span.get_span_context()):
            pass
    first_line = named(lines, "first")
    assert "parent_span_id" not in named(lines, "root")
    assert named(lines, "root")["trace_id"] != first_line["trace_id"]
    assert named(lines, "child")["parent_span_id"] == first_line["span_id"]
    assert named(lines, "other")["parent_span_id"] == first_line["span_id"]


def test_the_remote_parent_of_the_environment_is_the_parent_of_roots(monkeypatch, capsys):
    monkeypatch.setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    with topics(capsys) as lines, ct.span("load"):
        pass
    assert lines[0]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert lines[0]["parent_span_id"] == "b7ad6b7169203331"


def test_the_environment_of_a_child_process_carries_the_span_and_no_topics(capsys):
    environ = {
        "CODETRACER_TRACE": "all",
        "CODETRACER_TRACE_TOPICS": "all",
        "HOME": "/",
        "TRACESTATE": "a=b",
    }
    with topics(capsys) as lines, ct.span("load") as s:
        child = s.environment(environ)
    line = lines[0]
    assert child == {"HOME": "/", "TRACEPARENT": f"00-{line['trace_id']}-{line['span_id']}-{FLAGS}"}
    assert len(environ) == 4


def test_unknown_topics_and_levels_are_refused(capsys):
    with topics(capsys) as lines:
        with pytest.raises(ValueError, match="topic: unknown name"):
            ct.span("load", topic="nothing")
        with pytest.raises(ValueError, match="level: unknown"):
            ct.event("e", level="loud")
    assert lines == []


def test_a_misused_span_reaches_nobody(capsys):
    with (
        ct.configure(exporter=[], functions=False, trace="app"),
        ct.span("load", parent=7) as s,
    ):
        s.record(x=1)
    assert "hand written span failed" in capsys.readouterr().err


def test_reload_changes_what_functions_that_are_decorated_already_print(capsys):
    @ct.instrument
    def work():
        pass

    with topics(capsys, "off") as lines:
        work()
        ct.reload_trace("app")
        work()
        ct.reload_trace("eval")
        work()
    assert len(lines) == 1


def test_reload_refuses_bad_directives_and_keeps_what_is_in_force(capsys):
    with topics(capsys) as lines:
        with pytest.raises(ct.ConfigurationError, match="'evil'"):
            ct.reload_trace("evil,eval")
        with ct.span("load"):
            pass
    assert [line["span"] for line in lines] == ["load"]


def test_a_registered_topic_is_printed_at_once(capsys):
    with topics(capsys) as lines:
        ct.register_topic("app.deep.test_span")
        with ct.span("load", topic="app.deep.test_span"):
            pass
    assert lines[0]["topic"] == "app.deep.test_span"


def test_the_keyword_with_bad_directives_raises_all_of_them_and_changes_nothing(capsys):
    with pytest.raises(ct.ConfigurationError) as raised:
        ct.configure(exporter=[], functions=False, trace="evil,eval=5,export")
    assert len(raised.value.problems) == 2
    with ct.span("load"):
        pass
    assert capsys.readouterr().err == ""


def test_strict_makes_the_environment_an_error_too(monkeypatch):
    monkeypatch.setenv("CODETRACER_TRACE", "evil")
    monkeypatch.setenv("CODETRACER_TRACE_STRICT", "1")
    with pytest.raises(ct.ConfigurationError, match="CODETRACER_TRACE: unknown topic"):
        ct.configure(exporter=[], functions=False)


def test_bad_directives_of_the_environment_are_reported_and_the_rest_is_in_force(
    monkeypatch, capsys
):
    monkeypatch.setenv("CODETRACER_TRACE", "app," + ",".join(f"evil{n}" for n in range(20)))
    with ct.configure(exporter=[], functions=False), ct.span("load"):
        pass
    lines = read_lines(capsys.readouterr().err)
    bad = [line for line in lines if line["kind"] == "config"]
    assert [line["event"] for line in bad] == ["invalid_directive"] * 16
    assert list(bad[0])[-4:] == ["event", "directive", "reason", "suggestion"]
    assert bad[0]["directive"] == "evil0"
    assert lines[-1]["span"] == "load"


def test_topics_wins_over_trace_and_reads_no_path(monkeypatch, capsys):
    monkeypatch.setenv("CODETRACER_TRACE", "all")
    monkeypatch.setenv("CODETRACER_TRACE_TOPICS", "app")
    with ct.configure(exporter=[], functions=False), ct.span("load"):
        pass
    assert [line["kind"] for line in read_lines(capsys.readouterr().err)] == ["span"]


def test_without_topics_spans_are_recorded_and_nothing_is_printed(capsys):
    exporter = InMemoryExporter()
    with ct.configure(exporter=exporter, functions=False), ct.span("load"):
        pass
    assert [span.name for span in exporter.spans] == ["load"]
    assert capsys.readouterr().err == ""


def test_without_a_session_nothing_happens(capsys):
    with ct.span("load") as s:
        s.record(x=1)
        s.event("e")
        s.set_error(ValueError())
        assert s.environment({"A": "b"}) == {"A": "b"}
        assert ct.current_ids() is None
    ct.event("e")
    assert capsys.readouterr().err == ""


def test_json_lines_on_the_same_stream_do_not_repeat_what_a_topic_printed(capsys):
    with ct.configure(exporter="jsonl", functions=False, trace="app"):
        with ct.span("load"), trace.get_tracer("library").start_as_current_span("library"):
            pass
        with ct.span("filtered", topic="io"):
            pass
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("span") or line["name"] for line in lines] == ["load", "library", "filtered"]


def test_json_lines_that_nobody_asked_for_leave_hand_written_spans_to_the_topics(capsys):
    with ct.configure(functions=False, trace="app"), ct.span("load"), ct.span("x", topic="io"):
        pass
    lines = read_lines(capsys.readouterr().err)
    assert [line["span"] for line in lines] == ["load"]


def test_json_lines_in_a_file_have_every_span(capsys, tmp_path):
    path = tmp_path / "spans"
    with ct.configure(exporter=f"jsonl={path}", functions=False, trace="app"), ct.span("load"):
        pass
    assert [span["name"] for span in spans_in(path)] == ["load"]


class TestSessionIds:
    def told(self, capsys, **options):
        with topics(capsys, **options) as lines, ct.span("load"):
            pass
        return lines[0].get("session_id")

    def test_none_is_no_key(self, capsys):
        assert self.told(capsys) is None

    def test_the_environment_names_one(self, capsys, monkeypatch):
        monkeypatch.setenv("CODETRACER_SESSION_ID", "from-environment")
        assert self.told(capsys) == "from-environment"

    def test_baggage_wins_over_the_environment(self, capsys, monkeypatch):
        monkeypatch.setenv("CODETRACER_SESSION_ID", "from-environment")
        token = context.attach(baggage.set_baggage("session.id", "from-baggage"))
        try:
            assert self.told(capsys) == "from-baggage"
        finally:
            context.detach(token)

    def test_a_scope_wins_over_baggage(self, capsys):
        token = context.attach(baggage.set_baggage("session.id", "from-baggage"))
        try:
            with ct.session_scope("from-scope"):
                assert self.told(capsys) == "from-scope"
            assert self.told(capsys) == "from-baggage"
        finally:
            context.detach(token)

    def test_it_is_an_attribute_too(self, capsys):
        exporter = InMemoryExporter()
        with topics(capsys, exporter=exporter), ct.session_scope("s"), ct.span("load"):
            pass
        assert exporter.spans[0].attributes == {"session.id": "s"}

    @pytest.mark.parametrize("value", ["", "  ", None, 7])
    def test_what_is_no_text_is_refused(self, value):
        with pytest.raises(ValueError, match="session_id"), ct.session_scope(value):
            pass


def test_current_ids_are_those_of_the_line(capsys):
    with topics(capsys) as lines, ct.session_scope("s"), ct.span("load"):
        ids = ct.current_ids()
    line = lines[0]
    assert ids == (line["trace_id"], line["span_id"], "s")
    assert ct.current_ids() is None


def test_log_records_get_the_same_ids(capsys):
    record = logging.LogRecord("x", 20, "f", 1, "m", (), None)
    with topics(capsys) as lines, ct.session_scope("s"), ct.span("load"):
        assert ct.LogCorrelationFilter().filter(record)
    line = lines[0]
    assert (record.trace_id, record.span_id, record.session_id) == (
        line["trace_id"],
        line["span_id"],
        "s",
    )
    ct.LogCorrelationFilter().filter(record)
    assert (record.trace_id, record.span_id, record.session_id) == ("", "", "")


def run(program, tmp_path, **environ):
    keep = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env={**keep, **environ},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


WITHOUT_SESSION = """
import codetracer_otel as ct
@ct.instrument(topic="eval")
def work(n): return n
with ct.span("outer", topic="signals", password="hunter2"):
    work(1)
"""


@pytest.mark.parametrize(
    "value", [None, "", " ", "0", "off", "FALSE", "none", "./x", "a/b", "there"]
)
def test_a_program_without_a_session_prints_nothing_when_off(tmp_path, value):
    (tmp_path / "there").mkdir()
    environ = {} if value is None else {"CODETRACER_TRACE": value}
    assert run(WITHOUT_SESSION, tmp_path, **environ) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("value", ["eval", "1", "*", "all", "eval,signals"])
def test_a_program_without_a_session_reads_the_variable_at_its_first_span(tmp_path, value):
    (tmp_path / "eval").mkdir()
    lines = read_lines(run(WITHOUT_SESSION, tmp_path, CODETRACER_TRACE=value))
    inner, outer = [line for line in lines if line["kind"] == "span"]
    assert (inner["span"], outer["span"]) == ("__main__.work", "outer")
    assert inner["parent_span_id"] == outer["span_id"]
    assert outer["password"] == "<redacted>"


def test_a_line_that_is_filtered_leaves_the_ids_of_the_others_right(tmp_path):
    text = run(WITHOUT_SESSION, tmp_path, CODETRACER_TRACE="eval,-signals")
    (line,) = read_lines(text)
    assert line["parent_span_id"] != line["span_id"]


@pytest.mark.parametrize("value", ["eval=5", "eval=", "=debug", "evil"])
def test_a_bad_directive_without_a_session_is_one_config_line(tmp_path, value):
    (line,) = read_lines(run(WITHOUT_SESSION, tmp_path, CODETRACER_TRACE=value))
    assert (line["kind"], line["event"], line["directive"]) == (
        "config",
        "invalid_directive",
        value,
    )


def test_an_invalid_filter_is_reported_and_nothing_is_printed(tmp_path):
    (tmp_path / "bad.toml").write_text("[meta]\n")
    text = run(
        WITHOUT_SESSION, tmp_path, CODETRACER_TRACE="eval", CODETRACER_TRACE_FILTER="bad.toml"
    )
    assert "ERR_INVALID_FILTER" in text
    assert '"span"' not in text


def test_strict_without_a_session_raises_at_the_first_span(tmp_path):
    program = """
import codetracer_otel as ct
try:
    with ct.span("s"): pass
except ct.ConfigurationError as error: assert len(error.problems) == 2
else: raise SystemExit("no error")
with ct.span("s"): pass
"""
    environ = {"CODETRACER_TRACE": "evil,eval,worse", "CODETRACER_TRACE_STRICT": "1"}
    assert run(program, tmp_path, **environ) == ""


def test_reload_works_without_a_session(tmp_path):
    program = """
import codetracer_otel as ct
with ct.span("silent"): pass
ct.reload_trace("app")
with ct.span("told"): pass
ct.reload_trace("off")
with ct.span("silent"): pass
"""
    assert [line["span"] for line in read_lines(run(program, tmp_path))] == ["told"]


def test_off_nothing_is_imported_by_the_first_call(tmp_path):
    program = """
import sys
import codetracer_otel as ct
@ct.instrument(fields={"never": lambda: 1 / 0})
def work(): pass
with ct.span("s"): pass
before = set(sys.modules)
work()
with ct.span("s"): ct.event("e")
assert set(sys.modules) == before, set(sys.modules) - before
"""
    assert run(program, tmp_path) == ""


def test_the_facade_looks_a_name_up_once():
    assert ct.span is vars(ct)["span"]


def test_what_a_cut_left_of_a_token_is_hidden_in_the_message_of_an_error(capsys):
    exporter = InMemoryExporter()
    with topics(capsys, exporter=exporter) as lines, ct.span("load") as s:
        s.set_error(ValueError("x" * 1010 + " ghp_hunter2hunter2hunter2hunter2hunter2"))
    assert lines[0]["error"]["message"] == "x" * 1010 + " <redacted>"
    assert "ghp_" not in str(exporter.spans[0].events)
