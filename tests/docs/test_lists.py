"""Pages name everything that there is of a kind, so that nothing is added without a word."""

from __future__ import annotations

import json
import re
from importlib import resources

from tests.traced_run import PROJECT

from codetracer_otel import configure
from codetracer_otel.exporters import EXPORTERS
from codetracer_otel.filters import filter_from_text
from codetracer_otel.instrumentation.topics import BUILTIN_TOPICS
from codetracer_otel.sdk.settings.exporter_specs import BUILTIN_EXPORTERS, WRITING_FILES
from codetracer_otel.testing import InMemoryExporter


def page(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


def test_every_exporter_can_be_named_and_is_explained():
    elsewhere = {"native", "provider", "none"}  # a session makes these itself
    assert BUILTIN_EXPORTERS.keys() == EXPORTERS.keys() | elsewhere
    assert BUILTIN_EXPORTERS.keys() >= set(WRITING_FILES)
    messages, readme = page("docs/messages.md"), page("README.md")
    (names,) = re.findall(r"^Names are (.*?), an\n", messages, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`([a-z-]+)", names)) == BUILTIN_EXPORTERS.keys()
    assert [name for name in BUILTIN_EXPORTERS if f"`{name}" not in messages] == []
    assert [name for name in EXPORTERS if f"`{name}" not in readme] == []


def test_every_topic_is_explained():
    topics = page("docs/topics.md")
    assert [short for short in BUILTIN_TOPICS.values() if f"`{short}`" not in topics] == []
    table = topics.partition("| topic | reports |")[2].partition("\n\n")[0]
    named = re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)
    shorts = {name for cell in named for name in re.findall(r"`([a-z.]+)`", cell)}
    assert shorts == set(BUILTIN_TOPICS.values())


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
    table = filters.partition("| table | key | values |")[2].partition("\n\n")[0]
    cells = [line.split(" | ")[1] for line in table.splitlines() if line.startswith("| ")]
    assert {key for cell in cells for key in re.findall(r"`([a-z_]+)`", cell)} - keys == set()


def test_every_attribute_of_ours_is_explained_and_no_other():
    written = set()
    for file in (PROJECT / "src" / "codetracer_otel").rglob("*.py"):
        written |= set(re.findall(r'"(codetracer(?:\.[a-z0-9_]+)+\.?)', file.read_text("utf-8")))
    prefixes = {f"{name}NAME" for name in written if name.endswith(".")}
    written = prefixes | {name for name in written if not name.endswith(".")}
    composed = {"codetracer.folded.NAME"}  # each of them is written by its whole name elsewhere
    explained = set(re.findall(r"`(codetracer\.[a-zA-Z0-9_.]+)`", page("docs/spans.md")))
    assert explained == written - composed


FILTER = """
[meta]
name = "all"
version = 2
[scope]
default_exec = "inherit"
default_value_action = "inherit"
[[scope.rules]]
selector = "pkg:nowhere"
measure = true
"""


def test_every_counter_of_a_session_is_explained_and_no_other(tmp_path):
    native = {"trace": "app", "exporter": [f"native={tmp_path / 'native'}", InMemoryExporter()]}
    others = {"tail": "errors", "flight_recorder": "1MB", "max_overhead": 0.5, "exporter": "none"}
    counted = set()
    for options in (native, others):  # steps and measures need the same tool id
        with configure(filter_from_text(FILTER), set_global=False, **options) as session:
            counted |= session.stats().keys()
    counters = page("docs/spans.md").partition("## Counters of a session")[2]
    cells = re.findall(r"^\| ([^|]*`) \|", counters, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == counted
