"""The first and the last line of a file: what was run, and what the file lacks."""

from __future__ import annotations

import hashlib
import json
import platform

from tests.exporters.collector import hang, running_collector
from tests.traced_run import run_traced

import codetracer_otel as ct
from codetracer_otel.version import VERSION

FILTER = """
[meta]
name = "shop"
version = 1
[scope]
default_exec = "trace"
default_value_action = "allow"
"""


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def tiny(number):
    return number


def test_the_first_line_says_what_was_run(tmp_path):
    (tmp_path / "shop.toml").write_text(FILTER)
    (tmp_path / "app.py").write_text("def f(): pass\nf()\n")
    words = ("--trace-filter", "shop.toml", "--exporter", "jsonl=s.jsonl", "app.py")
    run_traced(*words, "--token", "hunter22", cwd=tmp_path)
    run, *_, loss = lines_of(tmp_path / "s.jsonl")
    assert (run["schema"], run["program"]) == ("run/1", str(tmp_path / "app.py"))
    assert run["arguments"] == 2
    assert "hunter22" not in (tmp_path / "s.jsonl").read_text()
    assert platform.python_version().startswith(run["versions"]["python"])
    assert run["versions"]["codetracer-otel"] == VERSION
    digest = hashlib.sha256(FILTER.encode()).hexdigest()
    assert run["filters"][-1] == {"name": "shop", "sha256": digest}
    assert loss["exporters"] == {"jsonl": {"exported": loss["recorded"], "dropped": {}}}


def test_a_secret_in_the_programs_path_stays_out(tmp_path):
    secret = "ghp_" + "a1B2" * 9
    (tmp_path / secret).mkdir()
    (tmp_path / secret / "app.py").write_text("def f(): pass\nf()\n")
    run_traced("--exporter", "jsonl=s.jsonl", f"{secret}/app.py", cwd=tmp_path)
    assert secret not in json.dumps(lines_of(tmp_path / "s.jsonl")[0])


def test_two_runs_in_one_file_are_two_runs(tmp_path):
    (tmp_path / "app.py").write_text("pass\n")
    for _ in range(2):
        run_traced("--exporter", "jsonl=s.jsonl", "app.py", cwd=tmp_path)
    schemas = [line["schema"] for line in lines_of(tmp_path / "s.jsonl")]
    assert schemas == ["run/1", "span/1", "loss/1"] * 2


def test_the_last_line_says_what_the_other_exporter_lost(tmp_path):
    path = tmp_path / "s.jsonl"
    with running_collector() as collector:
        collector.script = [hang] * 1000
        exporters = [f"jsonl={path}", f"otlp={collector.url}"]
        session = ct.configure(exporter=exporters, buffer=ct.Buffer(export_timeout_ms=60_000))
        for number in range(10):
            tiny(number)
        session.shutdown(0.5)
        loss = lines_of(path)[-1]
    assert loss["schema"] == "loss/1"
    assert loss["exporters"]["jsonl"] == {"exported": loss["recorded"], "dropped": {}}
    assert loss["exporters"]["otlp"]["dropped"] == {"shutdown": loss["recorded"]}
    assert loss["dropped"] == {}


def test_standard_error_gets_spans_alone(tmp_path):
    (tmp_path / "app.py").write_text("def f(): pass\nf()\n")
    done = run_traced("--quiet", "--exporter", "jsonl", "app.py", cwd=tmp_path)
    assert {json.loads(line)["schema"] for line in done.stderr.splitlines()} == {"span/1"}
