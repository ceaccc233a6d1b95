from __future__ import annotations

import pytest

from codetracer_otel.errors import FilterError
from codetracer_otel.filters.language.sources import parse_toml


def test_a_text_becomes_its_tables():
    assert parse_toml("[meta]\nname = 'n'\n", "f.toml") == {"meta": {"name": "n"}}


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ("selector = pkg:a", 1, "text needs quotes around it"),
        ("a = 1\na = 2\n", 2, "was there before"),
        ('selector = "value:regex:\\d"', 1, "write '...' around it"),
        ('a = "b\nc = 1\n', 1, "a quote is missing before the end of the line"),
        ("a = 'b\nc = 1\n", 3, "its closing quote is missing"),
        ('a = "b', 1, "its closing quote is missing"),
        ("[a]\n[a]\n", 2, "Cannot declare ('a',) twice"),
        ("[[a]\n", 1, "Expected ']]' at the end of an array declaration"),
    ],
)
def test_a_slip_is_named_with_its_line(text, line, advice):
    with pytest.raises(FilterError) as caught:
        parse_toml(text, "f.toml")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("f.toml", line)
    assert problem.message.startswith("not valid TOML: ")
    assert advice in problem.message
