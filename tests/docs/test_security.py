"""docs/security.md names everything that is hidden without a filter."""

from __future__ import annotations

import re
import tomllib

import pytest
from tests.traced_run import PROJECT
from tools.security_page import filled

from codetracer_otel.filters.patterns.name_words import BUILTIN_SECRET_WORDS, compile_words
from codetracer_otel.filters.secrets.detectors import SHAPES
from codetracer_otel.filters.secrets.shapes.vendors import FORMATS

PAGE = (PROJECT / "docs" / "security.md").read_text("utf-8")
BY_NAME = PAGE.partition("## Hidden by name")[2].partition("## Hidden by shape")[0]
BUILTIN = PROJECT / "src" / "codetracer_otel" / "filters" / "builtin"
FILES = sorted(BUILTIN.glob("*.toml"))


def words_of(page):
    """Return the entries of the table, without the names that the text mentions."""
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_word_stands_in_the_table_and_no_other():
    expected = [entry.strip() for entry in BUILTIN_SECRET_WORDS.split(",")]
    assert sorted(words_of(BY_NAME)) == sorted(expected)


def test_the_tables_are_those_that_the_package_makes():
    assert filled(PAGE) == PAGE, "run python -m tools.security_page"


def test_what_the_page_says_is_not_hidden_is_not():
    names = compile_words(BUILTIN_SECRET_WORDS)
    text = BY_NAME.partition("Not hidden")[2].partition("`codetracer-otel")[0]
    shown = re.findall(r"`(\w+)`", text)
    assert len(shown) > 5
    assert [name for name in shown if names.matches(name)] == []


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_shape_is_on_the_page(shape):
    assert f"\n| `{shape.name}` |" in PAGE


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: f"{row.vendor}: {row.prefixes}")
def test_every_format_is_in_the_appendix_with_its_source(row):
    cells = " ".join(f"`{prefix}`" for prefix in row.prefixes.split())
    assert f"\n| {row.vendor} | {cells} | {row.source} |\n" in PAGE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_builtin_rule_is_on_the_page_with_its_reason(file):
    rules = tomllib.loads(file.read_text("utf-8"))["scope"]["rules"]
    patterns = [pattern for rule in rules for pattern in rule.get("value_patterns", ())]
    for entry in (*rules, *patterns):
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{entry['selector']}`")]
        assert row.endswith(f" | {entry['reason']} |")
