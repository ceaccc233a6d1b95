"""The instrumentor starts a session, and never breaks the program it is loaded into."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points

import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from tests.conftest import HEADER

from codetracer_otel.sdk.entry_points import instrumentor as module
from codetracer_otel.sdk.session.configure import active_session
from codetracer_otel.sdk.settings.launch import StartKind


@pytest.fixture(params=["with the framework", "without it"])
def loaded(request, monkeypatch):
    """The module as it is imported with and without opentelemetry-instrumentation."""
    if request.param == "without it":
        monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.instrumentor", None)
    yield importlib.reload(module)
    monkeypatch.undo()
    importlib.reload(module)


@pytest.fixture
def instrumentor(loaded):
    made = loaded.CodetracerInstrumentor()
    yield made
    made.uninstrument()


def test_opentelemetry_finds_it_by_its_entry_point():
    (found,) = entry_points(group="opentelemetry_instrumentor", name="codetracer")
    loaded = found.load()
    assert loaded is module.CodetracerInstrumentor
    assert issubclass(loaded, BaseInstrumentor)


def test_it_does_what_configure_does_and_undoes_it(instrumentor, monkeypatch):
    monkeypatch.setenv("CODETRACER_INSTRUMENT", "1")
    monkeypatch.setenv("CODETRACER_EXPORTER", "none")
    monkeypatch.setenv("CODETRACER_SESSION_ID", "from the environment")
    instrumentor.instrument(skip_dep_check=True)
    session = active_session()
    assert session.settings.launch.kind is StartKind.INSTRUMENTOR
    assert session.settings.session_id == "from the environment"
    assert session.settings.exporters == ()
    assert instrumentor.is_instrumented_by_opentelemetry
    instrumentor.uninstrument()
    assert active_session() is None
    assert not instrumentor.is_instrumented_by_opentelemetry


@pytest.mark.parametrize(
    ("variables", "is_asked"),
    [
        ({}, False),
        ({"CODETRACER_INSTRUMENT": "0"}, False),
        ({"CODETRACER_INSTRUMENT": "maybe"}, False),
        ({"CODETRACER_EXPORTER": "none"}, False),
        ({"CODETRACER_INSTRUMENT": "1"}, True),
        ({"CODETRACER_TRACE_FILTER": "named.toml"}, True),
        ({"found": ".codetracer/trace-filter.toml"}, True),
    ],
)
def test_loaded_with_all_that_is_installed_it_records_only_where_it_is_asked_to(
    instrumentor, monkeypatch, capsys, tmp_path, variables, is_asked
):
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        if value.endswith(".toml"):
            (tmp_path / value).parent.mkdir(exist_ok=True)
            (tmp_path / value).write_text(HEADER)
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CODETRACER_EXPORTER", "none")
    instrumentor.instrument(skip_dep_check=True)
    assert (active_session() is not None) == is_asked
    lines = [line for line in capsys.readouterr().err.splitlines() if "asked for" in line]
    assert len(lines) == (not is_asked)


def test_a_session_of_the_configuration_file_is_not_replaced(instrumentor, caplog):
    instrumentor.instrument(exporter="none", session_id="stated")
    session = active_session()
    instrumentor.instrument(skip_dep_check=True)
    assert active_session() is session
    assert caplog.records == []


def test_exporters_are_named_with_commas(instrumentor, tmp_path):
    file = tmp_path / "spans.jsonl"
    instrumentor.instrument(exporter=f"otlp=http://127.0.0.1:9, jsonl={file}")
    names = [exporter.name for exporter in active_session().settings.exporters]
    assert names == ["otlp", "jsonl"]


def test_a_wrong_option_is_printed_and_nothing_starts(instrumentor, capsys):
    instrumentor.instrument(no_such_option=1, exporter="none")
    assert active_session() is None
    assert "no_such_option" in capsys.readouterr().err


def test_the_classes_make_one_instance_as_the_framework_expects(loaded):
    assert loaded.CodetracerInstrumentor() is loaded.CodetracerInstrumentor()


def test_every_option_of_the_file_is_a_keyword_of_configure():
    from dataclasses import fields

    from codetracer_otel.sdk.settings.options.table import OPTIONS

    names = {field.name for field in fields(module.InstrumentorConfiguration)}
    assert names <= set(OPTIONS)


@pytest.mark.parametrize(
    ("argv", "orig_argv", "name"),
    [
        (["app.py", "x"], ["python", "app.py", "x"], "app.py"),
        (["-m", "x"], ["python", "-X", "dev", "-m", "shop.server", "x"], "shop.server"),
        ([], ["python"], ""),
    ],
)
def test_the_program_is_known_before_it_runs(argv, orig_argv, name, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig_argv)
    assert module._program() == name
