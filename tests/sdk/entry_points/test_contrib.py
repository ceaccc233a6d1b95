"""``run --with``: spans of libraries at one word, in the same trace and redacted."""

from __future__ import annotations

import json

import pytest
from tests.traced_run import run_traced, spans_in

from codetracer_otel.errors import UsageError
from codetracer_otel.sdk.entry_points.contrib import start_instrumentations

PROGRAM = """
import requests

def fetch(token):
    try:
        requests.get("http://127.0.0.1:9/orders", params={"token": token})
    except requests.ConnectionError:
        return "refused"

print(fetch("open sesame 17"))
"""


def test_the_spans_of_a_library_stand_in_the_same_trace_without_secrets(tmp_path):
    (tmp_path / "app.py").write_text(PROGRAM)
    words = ("--quiet", "--with", "requests", "--exporter", "jsonl=s.jsonl", "app.py")
    done = run_traced(*words, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("refused\n", "", 0)
    spans = {span["name"]: span for span in spans_in(tmp_path / "s.jsonl")}
    assert spans["GET"]["parent_span_id"] == spans["__main__.fetch"]["span_id"]
    assert spans["GET"]["trace_id"] == spans["<__main__>"]["trace_id"]
    assert "sesame" not in json.dumps(spans)


def test_what_is_not_installed_is_said_with_what_is():
    with pytest.raises(
        UsageError, match=r"expected auto or one of .*requests.* \(did you mean 'requests'"
    ):
        start_instrumentations("request")


def test_a_token_in_place_of_a_name_is_not_shown():
    with pytest.raises(UsageError, match=r"--with <redacted>: no such"):
        start_instrumentations("ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5")


def test_nothing_is_started_for_no_name():
    assert start_instrumentations(" , ") == []
