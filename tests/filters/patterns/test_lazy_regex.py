from __future__ import annotations

import copy
import re

import pytest

from codetracer_otel.filters.patterns import lazy_regex as module
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

TEXT = "one Two three"


@pytest.fixture
def compiled(monkeypatch):
    """Return what was compiled since."""
    seen = []

    def count(*arguments):
        seen.append(arguments)
        return re.compile(*arguments)

    monkeypatch.setattr(module._Compile, "now", staticmethod(count))
    return seen


def test_an_expression_is_compiled_once_and_not_before_it_is_used(compiled):
    pattern = lazy_regex("t(\\w)", re.IGNORECASE)
    assert compiled == []
    assert [pattern.search(TEXT)[1], pattern.findall(TEXT)] == ["w", ["w", "h"]]
    assert compiled == [("t(\\w)", re.IGNORECASE)]


@pytest.mark.parametrize("arguments", [("t\\w",), ("(o)n?", re.IGNORECASE)])
def test_it_finds_what_a_compiled_one_finds(arguments):
    real = re.compile(*arguments)
    for method in ("search", "match", "fullmatch"):
        expected = getattr(real, method)(TEXT, 1)
        found = getattr(lazy_regex(*arguments), method)(TEXT, 1)
        assert (found and found.span()) == (expected and expected.span())
    assert lazy_regex(*arguments).sub("-", TEXT) == real.sub("-", TEXT)
    assert lazy_regex(*arguments).split(TEXT) == real.split(TEXT)
    spans = [match.span() for match in lazy_regex(*arguments).finditer(TEXT)]
    assert spans == [match.span() for match in real.finditer(TEXT)]


def test_nothing_else_compiles_it(compiled):
    pattern = lazy_regex("a")
    assert not hasattr(pattern, "pattern")
    copy.copy(pattern)
    assert compiled == []
