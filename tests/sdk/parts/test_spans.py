"""Which core records calls, and where that is said."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

import codetracer_otel as ct
from codetracer_otel._core import NOT_COMPILED, Loaded, load
from codetracer_otel.cli import main
from codetracer_otel.instrumentation.context.runtime_context import active_runtime
from codetracer_otel.sdk.parts import spans
from codetracer_otel.sdk.parts.spans import choose_core
from codetracer_otel.sdk.settings.model import Core
from codetracer_otel.testing import InMemoryExporter
from codetracer_otel.version import VERSION

ASKED = "CODETRACER_OTEL_CORE asks for it"
IS_COMPILED = load().module is not None


@pytest.fixture
def loaded(monkeypatch):
    """Let a test say what there is instead of the compiled core of this interpreter."""

    def replace(*parts):
        monkeypatch.setattr(spans, "load", lambda: Loaded(*parts))

    return replace


@pytest.mark.parametrize(
    ("asked", "found", "name", "reason"),
    [
        (Core.AUTO, Loaded(object(), ""), "c", "it was compiled for this interpreter"),
        (Core.C, Loaded(object(), ""), "c", ASKED),
        (Core.PYTHON, Loaded(object(), ""), "python", ASKED),
        (Core.AUTO, Loaded(None, NOT_COMPILED), "python", NOT_COMPILED),
        (Core.C, Loaded(None, NOT_COMPILED), "python", NOT_COMPILED),
        (Core.PYTHON, Loaded(None, NOT_COMPILED), "python", ASKED),
    ],
)
def test_a_core_is_chosen_for_a_reason(loaded, asked, found, name, reason):
    loaded(*found)
    core = choose_core(asked, active_runtime())
    assert (core.name, core.reason) == (name, reason)
    assert (core.module is None) is (name == "python")
    assert (core.problem(asked) is None) is (asked.value in (name, "auto"))


def test_a_context_of_another_kind_is_a_reason_for_python(loaded):
    loaded(object(), "")
    core = choose_core(Core.C, SimpleNamespace())
    assert core.name == "python"
    assert "context variable" in core.problem(Core.C)


def logged(path):
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if "calls are recorded in Python" in line["message"]]


@pytest.mark.parametrize("asked", ["c", "auto", "python"])
def test_a_compiled_core_that_cannot_be_had_is_missed_once_where_it_was_asked_for(
    loaded, monkeypatch, tmp_path, asked
):
    loaded(None, NOT_COMPILED)
    monkeypatch.setenv("CODETRACER_OTEL_CORE", asked)
    log = tmp_path / "log"
    with ct.configure(exporter=InMemoryExporter(), policy={"log_file": log}) as session:
        recorder = session.stats()["recorder"]
    assert recorder["core"] == "python"
    assert recorder["core_reason"] == (ASKED if asked == "python" else NOT_COMPILED)
    lines = logged(log) if log.exists() else []
    assert [line["level"] for line in lines] == (["WARN"] if asked == "c" else [])
    for line in lines:
        assert line["message"].startswith("CODETRACER_OTEL_CORE asks for the compiled core")
        assert NOT_COMPILED in line["message"]


def test_a_compiled_core_that_cannot_be_used_is_missed_once(loaded, monkeypatch, tmp_path):
    loaded(None, "it is old", True)
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "auto")
    log = tmp_path / "log"
    with ct.configure(exporter=InMemoryExporter(), policy={"log_file": log}):
        pass
    assert [line["level"] for line in logged(log)] == ["WARN"]
    assert logged(log)[0]["message"] == (
        "the compiled core is not used, and calls are recorded in Python: it is old"
    )


@pytest.mark.parametrize("asked", ["c", "auto", "python"])
def test_the_counters_of_a_session_say_what_records(monkeypatch, asked):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", asked)
    with ct.configure(exporter=InMemoryExporter()) as session:
        recorder = session.stats()["recorder"]
    assert recorder["core"] == ("c" if IS_COMPILED and asked != "python" else "python")
    assert recorder["core_reason"]
    assert ("native_calls" in recorder) is (recorder["core"] == "c")


@pytest.mark.parametrize("asked", ["c", "auto", "python"])
def test_the_version_says_what_would_record(monkeypatch, capsys, asked):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", asked)
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    core = choose_core(Core(asked), active_runtime())
    assert ended.value.code in (None, 0)
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        f"codetracer-otel {VERSION}",
        f"core: {core.name} ({core.reason})",
    ]
    assert output.err == ""


def test_the_version_says_what_is_wrong_with_the_variable(monkeypatch, capsys):
    monkeypatch.setenv("CODETRACER_OTEL_CORE", "rust")
    with pytest.raises(SystemExit):
        main(["--version"])
    output = capsys.readouterr()
    assert "core: " in output.out
    assert "CODETRACER_OTEL_CORE: unknown choice, got 'rust'" in output.err
