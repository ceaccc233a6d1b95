"""A session imports only what it needs: each of these costs a traced program 10 to 90 ms."""

from __future__ import annotations

import json
import sys

import pytest
from tests.traced_run import run_traced

PROGRAM = """
import json, sys
def label(text):
    return text
label("key: value")
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = (
    *("importlib.metadata", "importlib.resources", "pathlib", "email", "regex"),
    *("requests", "urllib3", "grpc", "google.protobuf"),
)


def modules_of(tmp_path, *options):
    script = tmp_path / "app.py"
    script.write_text(PROGRAM)
    return json.loads(run_traced(*options, script, cwd=tmp_path).stdout)


@pytest.mark.parametrize("exporter", ["jsonl=spans.jsonl", "native=trace", "console", "none"])
def test_a_session_without_a_transport_imports_none_and_asks_no_distribution(tmp_path, exporter):
    modules = modules_of(tmp_path, "--exporter", exporter)

    heavy = [name for name in HEAVY if name in modules]
    # Python 3.15's own `logging` brings pathlib, by way of `traceback`.
    assert heavy == ([] if sys.version_info < (3, 15) else ["pathlib"])


def test_otlp_over_http_needs_no_grpc_and_no_generated_messages(tmp_path):
    modules = modules_of(tmp_path, "--exporter", "otlp=http://127.0.0.1:9", "--quiet")

    assert [name for name in ("grpc", "google.protobuf") if name in modules] == []
    assert "opentelemetry.exporter" not in modules
