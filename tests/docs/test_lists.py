"""Pages name everything that there is of a kind, so that nothing is added without a word."""

from __future__ import annotations

import json
from importlib import resources

from tests.traced_run import PROJECT

from codetracer_otel.exporters import EXPORTERS
from codetracer_otel.instrumentation.topics import BUILTIN_TOPICS
from codetracer_otel.sdk.settings.exporter_specs import BUILTIN_EXPORTERS, WRITING_FILES


def page(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


def test_every_exporter_can_be_named_and_is_explained():
    elsewhere = {"native", "provider", "none"}  # a session makes these itself
    assert BUILTIN_EXPORTERS.keys() == EXPORTERS.keys() | elsewhere
    assert BUILTIN_EXPORTERS.keys() >= set(WRITING_FILES)
    messages, readme = page("docs/messages.md"), page("README.md")
    assert [name for name in BUILTIN_EXPORTERS if f"`{name}" not in messages] == []
    assert [name for name in EXPORTERS if f"`{name}" not in readme] == []


def test_every_topic_is_explained():
    topics = page("docs/topics.md")
    assert [short for short in BUILTIN_TOPICS.values() if f"`{short}`" not in topics] == []


def test_every_key_of_filters_is_explained():
    schema = resources.files("codetracer_otel.filters") / "schema.json"
    keys = set()
    waiting = [json.loads(schema.read_text("utf-8"))]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            keys |= part.get("properties", {}).keys()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    filters = page("docs/filters.md")
    is_named = {key: f"`{key}" in filters or f"{key}]" in filters for key in keys}  # or a table
    assert [key for key, named in is_named.items() if not named] == []
