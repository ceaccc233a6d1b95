from __future__ import annotations

import json
from importlib import resources

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.depth import examples
from tests.filters.chains import filter_text, problems
from tests.filters.language.test_loader import MISTAKES

SCHEMA = json.loads((resources.files("codetracer_otel.filters") / "schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

# What a schema cannot know: the syntax of TOML and of patterns, and which file came before.
BEYOND = ("not valid TOML", "is not closed", "'inherit' has no earlier", "out of range, got nan")


def accepted_by_schema(text):
    return VALIDATOR.is_valid(tomli.loads(text))


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_the_schema_refuses_what_the_loader_refuses(text, expected):
    found = problems(text)
    if any(reason in problem for problem in found for reason in BEYOND):
        return
    assert accepted_by_schema(text) is False, expected


SCOPE_SELECTORS = ["pkg:a", "file:literal:a:b", "obj:regex:^a", "pkg:words:a", "arg:a", "pkg:",
                   "pkg", "", "x:a", "pkg:glob:", "pkg::a", "pkg:what:a"]  # fmt: skip
VALUE_SELECTORS = ["arg:a", "ret:literal:<yield>", "attr:words:token$", "type:a.B", "value:regex:a",
                   "value:words:a", "pkg:a", "local:", "global:glob:x", "type:words:a"]  # fmt: skip
SCALARS = st.sampled_from([True, False, 0, 1, 2, -1, 0.5, 1.5, "trace", "span", "x", "", []])


def table(required, optional):
    return st.fixed_dictionaries(required, optional=optional)


def text_of(choices):
    return st.sampled_from([*choices, "nonsense", 3])


PATTERN = table(
    {"selector": st.sampled_from(VALUE_SELECTORS), "action": text_of(["allow", "drop", "deny"])},
    {"reason": text_of(["r"]), "repr": st.booleans()},
)
SAMPLING = st.dictionaries(
    st.sampled_from(
        ["ratio", "per", "max_per_second", "first", "min_duration_ms", "keep_errors", "odd"]
    ),
    SCALARS,
    max_size=2,
)
FOLD = st.dictionaries(st.sampled_from(["after", "shorter_than_us", "odd"]), SCALARS, max_size=2)
EVENTS = st.dictionaries(
    st.sampled_from(["lines", "names", "ratio", "max_per_span", "max_per_second", "io", "line"]),
    SCALARS,
    max_size=2,
)
TAIL = st.dictionaries(
    st.sampled_from(["keep_errors", "slower_than_ms", "ratio", "max_per_second", "max_spans", "x"]),
    SCALARS,
    max_size=2,
)
CAPTURES = st.lists(
    st.sampled_from(["args", "return", "locals", "error_locals", "arg"]), max_size=2
)
RULE = table(
    {"selector": st.sampled_from(SCOPE_SELECTORS)},
    {
        "exec": text_of(["trace", "skip", "inherit"]),
        "value_default": text_of(["allow", "inherit"]),
        "reason": text_of(["r"]),
        "capture": CAPTURES,
        "root": st.sampled_from([True, "yes"]),
        "sampling": SAMPLING,
        "events": EVENTS,
        "tail": TAIL,
        "value_patterns": st.lists(PATTERN, max_size=1),
    },
)
IO = table(
    {},
    {
        "capture": st.booleans(),
        "streams": st.lists(st.sampled_from(["stdout", "files", "x"]), max_size=2),
        "modes": st.lists(st.just("x"), max_size=1),
    },
)
DOCUMENT = table(
    {
        "meta": table(
            {
                "name": st.sampled_from(["n", "n", "n", " "]),
                "version": st.sampled_from([1, 2, 2, 2]),
            },
            {"labels": st.sampled_from([["a"], [1]]), "description": text_of(["d"])},
        ),
        "scope": table(
            {
                "default_exec": st.sampled_from(["trace", "skip", "inherit"]),
                "default_value_action": st.sampled_from(["allow", "redact", "deny"]),
            },
            {"rules": st.lists(RULE, max_size=2), "fold": FOLD},
        ),
    },
    {"io": IO},
)


def written(value):
    """Write a value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


@settings(max_examples=examples(400))
@given(DOCUMENT)
def test_what_one_accepts_the_other_accepts(document):
    text = "".join(f"{key} = {written(value)}\n" for key, value in document.items())
    assert accepted_by_schema(text) == (problems(filter_text(), text) == [])
