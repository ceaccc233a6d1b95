from __future__ import annotations

import pytest
import regex

from codetracer_otel.filters.patterns.regex import Expression
from codetracer_otel.filters.secrets.content_rules import (
    ContentPattern,
    RegexPattern,
    compile_content_pattern,
)
from codetracer_otel.filters.types import Action, RuleSource

SOURCE = RuleSource("/p/filter.toml", 7, "value:x")


def found(match, text, judged, action=Action.REDACT, *, is_cut=False, possible=frozenset()):
    pattern = compile_content_pattern(ContentPattern(match, text, action, SOURCE), lambda: None)
    return list(pattern.find(judged, possible, is_cut=is_cut))


@pytest.mark.parametrize(
    ("match", "text", "judged", "parts"),
    [
        ("regex", "b+", "abba", [("pattern", (1, 3))]),
        ("regex", "b*", "aa", []),
        ("glob", "a*", "abba", [("pattern", (0, 4))]),
        ("glob", "b*", "abba", []),
        ("literal", "abba", "abba", [("pattern", (0, 4))]),
        ("literal", "abba", "abb", []),
        ("glob", "*", "", []),
    ],
)
def test_a_pattern_finds_parts_of_a_text(match, text, judged, parts):
    assert found(match, text, judged) == parts


@pytest.mark.parametrize(
    ("action", "parts"), [(Action.REDACT, [("pattern", (0, 3))]), (Action.ALLOW, [])]
)
def test_the_beginning_of_a_cut_literal_is_found_unless_that_would_allow_it(action, parts):
    assert found("literal", "abba", "abb", action, is_cut=True) == parts


def test_shapes_are_searched_only_where_they_are_possible():
    text = "password=hunter22"
    assert found("shapes", "named", text) == []
    assert found("shapes", "named", text, possible={"named"}) == [("named", (9, 17))]


def test_a_pattern_that_really_hangs_is_stopped():
    timeouts = []
    pattern = RegexPattern(
        Expression(regex.compile(r"(x+x+)+y"), needs_limit=True),
        "",
        Action.REDACT,
        lambda: timeouts.append(1),
    )
    text = "x" * 3000 + "!"
    assert list(pattern.find(text, frozenset(), is_cut=False)) == [("pattern", (0, len(text)))]
    assert timeouts == [1]
