"""The worked examples of docs/filters.md do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.filters.chains import action

from codetracer_otel.filters import builtin_sources, compile_chain, filter_from_text, load_chain
from codetracer_otel.filters.language.selector import MatchType, SelectorKind
from codetracer_otel.filters.types import Action, CodeIdentity

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "filters.md").read_text("utf-8")
BLOCK = re.compile(r"^```(toml|outcome)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATHS = re.findall(r"^`(examples/filters/\w+\.toml)`$", PAGE, re.MULTILINE)
LINE = re.compile(r"^(\S+)\s+([\w.]+):(\S+)\s+(?:(\w+)(?: (\w+))?\s+)?-> (\S+)$")


def examples():
    """Return the filters and outcome lines of each example."""
    found, filters = [], []
    for kind, text in BLOCK.findall(PAGE):
        if kind == "toml":
            filters.append(text)
        else:
            found += [(tuple(filters), line) for line in text.splitlines()]
            filters = []
    return found


EXAMPLES = examples()


@pytest.mark.parametrize(("filters", "line"), EXAMPLES)
def test_an_example_has_the_outcome_the_page_says(filters, line):
    found = LINE.match(line)
    assert found, line
    file, module, qualname, kind, name, expected = found.groups()
    texts = [filter_from_text(text) for text in filters]
    asked = compile_chain(load_chain([*builtin_sources(), *texts]))
    decision = asked.classify(CodeIdentity((module,), f"/{file}", qualname))
    assert outcome(decision, kind, name) == expected


def outcome(decision, kind, name):
    if kind is None:
        return "trace" if decision.traces else "skip"
    if kind == "sampling":
        return str(getattr(decision.sampling, name) if name else decision.sampling)
    if kind == "attr":
        return Action(decision.attribute_rules.attribute_action(name)).name.lower()
    return action(decision, kind, name or "")


def test_every_example_is_shown_as_it_stands_in_its_file():
    blocks = [text for kind, text in BLOCK.findall(PAGE) if kind == "toml"]
    assert [(ROOT / path).read_text("utf-8") for path in PATHS] == blocks
    shown = {ROOT / path for path in PATHS}
    assert shown == set((ROOT / "examples" / "filters").glob("*.toml"))


@pytest.mark.parametrize("word", [*SelectorKind, *MatchType])
def test_every_kind_and_match_is_on_the_page(word):
    assert f"`{word.value}`" in PAGE


def test_there_are_examples():
    assert len(EXAMPLES) > 25
