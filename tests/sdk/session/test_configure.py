"""Sessions begin, end, follow each other, and leave the interpreter as it was."""

from __future__ import annotations

import math
import sys
import threading

import opentelemetry.context as context_api
import pytest
from opentelemetry import trace

from codetracer_otel.bindings import LONGEST_WAIT_S, Time
from codetracer_otel.errors import ConfigurationError, EnvironmentFailure, ErrorCode
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.parts import spans, steps
from codetracer_otel.sdk.session.configure import active_session, configure, shutdown
from codetracer_otel.testing import InMemoryExporter

ALL = """
[meta]
name = "all"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
"""


def work(number):
    return number


def our_threads():
    """Return frames of this package in other threads: ours stand in no registry."""
    frames = sys._current_frames()
    del frames[threading.get_ident()]
    return [frame for frame in frames.values() if "sdk/delivery/worker" in files_of(frame)]


def files_of(frame):
    files = ""
    while frame is not None:
        files += frame.f_code.co_filename
        frame = frame.f_back
    return files


def test_after_shutdown_the_interpreter_is_as_before():
    runtime, threads = context_api._RUNTIME_CONTEXT, threading.enumerate()
    session = configure(filter_from_text(ALL), InMemoryExporter())
    work(1)
    assert sys.monitoring.get_tool(3) is not None
    assert len(our_threads()) == 2
    assert threading.enumerate() == threads
    assert session.shutdown()
    assert sys.monitoring.get_tool(3) is None
    assert our_threads() == []
    assert context_api._RUNTIME_CONTEXT is runtime
    assert not session.is_recording


def test_equal_settings_give_the_same_session_and_others_replace_it():
    exporter = InMemoryExporter()
    first = configure(filter_from_text(ALL), exporter)
    assert configure(filter_from_text(ALL), exporter) is first
    second = configure(filter_from_text(ALL), exporter, service_name="other")
    assert second is not first
    assert not first.is_running
    assert second.is_running


def test_an_edited_filter_file_makes_another_session(tmp_path):
    path = tmp_path / "filter.toml"
    path.write_text(ALL)
    exporter = InMemoryExporter()
    first = configure(path, exporter)
    path.write_text(ALL + "# edited\n")
    assert configure(path, exporter) is not first


def test_shutdown_twice_is_fine():
    session = configure(exporter="none")
    assert session.shutdown()
    assert session.shutdown()
    assert shutdown()
    assert active_session() is None


def test_functions_that_one_session_skipped_are_traced_by_the_next():
    skip = ALL.replace('"trace"', '"skip"')
    with configure(filter_from_text(skip), InMemoryExporter()):
        work(1)
        work(2)
    exporter = InMemoryExporter()
    with configure(filter_from_text(ALL), exporter):
        work(3)
    assert [span.attributes["codetracer.arg.number"] for span in exporter.spans] == [3]


def test_a_session_in_a_thread_serves_the_process():
    exporter = InMemoryExporter()
    thread = threading.Thread(
        target=lambda: configure(filter_from_text(ALL), exporter, signals=True)
    )
    thread.start()
    thread.join()
    work(5)
    assert shutdown()
    assert "work" in {span.name.rpartition(".")[2] for span in exporter.spans}


def test_all_problems_of_keywords_come_in_one_error_and_nothing_is_installed():
    with pytest.raises(ConfigurationError) as caught:
        configure(exporter="jsnol", capture=["arg"], policy={"on_recorder_error": "ignore"})
    assert len(caught.value.problems) == 3
    assert active_session() is None
    assert sys.monitoring.get_tool(3) is None


def test_an_invalid_filter_stops_configure_and_the_running_session_goes_on():
    session = configure(exporter="none")
    with pytest.raises(ConfigurationError):
        configure(filter_from_text("[meta"), "none")
    assert active_session() is session


def test_without_a_free_tool_id_the_owners_are_named():
    sys.monitoring.use_tool_id(3, "first owner")
    sys.monitoring.use_tool_id(4, "second owner")
    try:
        with pytest.raises(EnvironmentFailure) as caught:
            configure(exporter="none")
    finally:
        sys.monitoring.free_tool_id(3)
        sys.monitoring.free_tool_id(4)
    assert caught.value.code is ErrorCode.TRACER_INSTALL_CONFLICT
    assert dict(caught.value.context) == {"tool_3": "first owner", "tool_4": "second owner"}
    assert our_threads() == []


def test_with_functions_off_the_monitoring_api_is_untouched():
    exporter = InMemoryExporter()
    with configure(exporter=exporter, functions=False):
        assert sys.monitoring.get_tool(3) is None
        work(1)
        with trace.get_tracer("by hand").start_as_current_span("manual"):
            work(2)
    assert [span.name for span in exporter.spans] == ["manual"]


def test_a_tracer_from_one_session_serves_the_next():
    first, second = InMemoryExporter(), InMemoryExporter()
    with configure(exporter=first, functions=False):
        tracer = trace.get_tracer("kept")
        tracer.start_span("one").end()
    tracer.start_span("between").end()
    with configure(exporter=second, functions=False):
        tracer.start_span("two").end()
    assert [span.name for span in first.spans] == ["one"]
    assert [span.name for span in second.spans] == ["two"]


def test_pause_and_resume_from_another_thread():
    exporter = InMemoryExporter()
    with configure(filter_from_text(ALL), exporter) as session:
        work(1)
        other = threading.Thread(target=session.pause)
        other.start()
        other.join()
        assert not session.is_recording
        work(2)
        session.resume()
        assert session.is_recording
        work(3)
    numbers = [
        span.attributes["codetracer.arg.number"]
        for span in exporter.spans
        if span.name.endswith(".work")
    ]
    assert numbers == [1, 3]


def test_disabled_by_the_environment_nothing_happens(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    exporter = InMemoryExporter()
    with configure(filter_from_text(ALL), exporter) as session:
        work(1)
        trace.get_tracer("x").start_span("manual").end()
    assert exporter.spans == []
    assert session.stats()["recorded"] == 0


def test_the_resource_names_the_service_the_distribution_and_the_filters():
    exporter = InMemoryExporter()
    with configure(filter_from_text(ALL, "mine"), exporter, resource={"deployment": "test"}):
        work(1)
    resource = exporter.resource
    assert resource["telemetry.distro.name"] == "codetracer-otel"
    assert resource["service.name"]
    assert resource["deployment"] == "test"
    assert "all" in resource["codetracer.filter.names"]
    assert "process.command_args" not in resource


@pytest.mark.parametrize(
    ("part", "exporter"), [(spans, "none"), (steps, "native=trace")], ids=["spans", "steps"]
)
def test_a_session_that_cannot_be_built_leaves_no_tool_id_taken(
    monkeypatch, tmp_path, part, exporter
):
    def fails(*_arguments, **_options):
        raise MemoryError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(part, "PlanBuilder", fails)
    with pytest.raises(MemoryError):
        configure(filter_from_text(ALL), exporter)
    assert [sys.monitoring.get_tool(number) for number in (3, 4)] == [None, None]


@pytest.mark.parametrize("timeout", [math.inf, 1e300, 10**30])
def test_a_session_may_be_waited_for_without_end(timeout):
    exporter = InMemoryExporter()
    session = configure(filter_from_text(ALL), exporter, flight_recorder="1MB")
    work(1)
    assert session.dump(timeout=timeout) > 0
    assert session.flush(timeout)
    assert session.shutdown(timeout)
    assert exporter.spans


def test_nobody_waits_longer_than_a_lock_of_this_system_can():  # 49 days with Windows
    assert 1e6 < LONGEST_WAIT_S <= threading.TIMEOUT_MAX


@pytest.mark.parametrize("timeout", [math.nan, -1, -math.inf])
def test_a_timeout_of_nothing_waits_for_nothing(timeout):
    session = configure(filter_from_text(ALL), InMemoryExporter())
    work(1)
    assert session.flush(timeout) in (True, False)
    assert session.shutdown(timeout) in (True, False)
    assert not session.is_running


def test_what_was_recorded_is_delivered_however_long_the_end_took_before(monkeypatch):
    exporter = InMemoryExporter()
    session = configure(filter_from_text(ALL), exporter)
    work(1)
    real = Time.monotonic
    session.on_shutdown(
        lambda: monkeypatch.setattr(Time, "monotonic", staticmethod(lambda: real() + 60))
    )
    assert session.shutdown(5)
    assert exporter.spans[0].name.endswith(".work")
    assert session.dropped() == {}


def test_what_is_no_timeout_stops_nothing():
    session = configure(filter_from_text(ALL), InMemoryExporter())
    with pytest.raises(TypeError):
        session.shutdown(None)
    assert session.is_recording
    assert session.shutdown()
