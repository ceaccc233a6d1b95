from __future__ import annotations

from pathlib import Path

import pytest
from tests.filters.chains import filter_text

from codetracer_otel.cli.explain.filters import given_sources, load_asked
from codetracer_otel.errors import ConfigurationError, FilterError


@pytest.fixture
def file(tmp_path):
    def write(name, text=None):
        path = tmp_path / f"{name}.toml"
        path.write_text(filter_text(execute="inherit", values="inherit") if text is None else text)
        return str(path)

    return write


def names_of(chain):
    return [Path(file.provenance.path).name for file in chain.files]


def test_filters_stand_in_the_order_that_run_gives_them(file, monkeypatch):
    monkeypatch.setenv("CODETRACER_TRACE_FILTER", file("environment"))
    given = given_sources([f"{file('first')}::{file('second')}", file("third")])
    names = names_of(load_asked(file("project"), given))
    assert names[1:] == [
        f"{n}.toml" for n in ("project", "environment", "first", "second", "third")
    ]


def test_without_the_builtin_filter_and_a_project_the_given_ones_stand_alone(file, monkeypatch):
    monkeypatch.delenv("CODETRACER_TRACE_FILTER", raising=False)
    only = file("only", filter_text())
    assert names_of(load_asked(None, given_sources([only]), default=False)) == ["only.toml"]


def test_a_filter_that_is_not_valid_is_an_error(file, monkeypatch):
    monkeypatch.delenv("CODETRACER_TRACE_FILTER", raising=False)
    with pytest.raises(FilterError, match=r"broken\.toml"):
        load_asked(None, given_sources([file("broken", "[meta\n")]))


def test_the_variable_that_names_a_missing_filter_is_named(file, monkeypatch):
    monkeypatch.setenv("CODETRACER_TRACE_FILTER", "missing.toml")
    with pytest.raises(FilterError, match="; CODETRACER_TRACE_FILTER names it"):
        load_asked(None, given_sources([]))


def test_a_url_is_no_filter_here_either(monkeypatch):
    monkeypatch.setenv("CODETRACER_TRACE_FILTER", "https://example.org/a.toml")
    with pytest.raises(ConfigurationError, match="CODETRACER_TRACE_FILTER: not a trace filter"):
        given_sources([])


def test_a_stated_text_that_names_no_file_is_refused_a_blank_variable_is_not(monkeypatch):
    monkeypatch.setenv("CODETRACER_TRACE_FILTER", " ")
    assert given_sources([]) == []
    with pytest.raises(FilterError, match="no filter is named, got ''"):
        given_sources([""])
