"""The example policy gate, run as its reader would: real signals, engines and collector."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.collector.receiver import running_receiver
from tests.collector.rotel import running_collector
from tests.topic_reading import named, read_lines

pytest.importorskip("regopy", reason="it has no wheels for this interpreter")

GATE = Path(__file__).parent.parent / "examples" / "policy_gate" / "gate.py"
SECRET = "sesame-1234"
STAGES = ["evaluate", "routing", "signals", "signal", "wasm_eval", "synthesis", "action"]


def run(command, folder, **environ):
    event = {
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "session_id": "s-1",
        "tool_input": {"command": command, "password": SECRET},
    }
    keep = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, str(GATE)],
        input=json.dumps(event),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={**keep, "NO_PROXY": "127.0.0.1", **environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["decision"], done.stderr


@pytest.mark.parametrize(
    ("command", "decision"), [("rm -rf /", "Deny"), ("git push", "Ask"), ("df -h", "Allow")]
)
def test_the_gate_decides_and_tells_every_stage_without_its_input(tmp_path, command, decision):
    decided, stderr = run(command, tmp_path, CODETRACER_TRACE="eval")
    lines = read_lines(stderr)
    told = sorted(line["span"] for line in lines)
    assert decided == decision
    assert told == sorted([*STAGES, "signal", "wasm_eval"])
    assert named(lines, "evaluate")["final_decision"] == decision
    assert named(lines, "action")["rule_id"] == f"on-{decision.lower()}"
    assert {line["session_id"] for line in lines} == {"s-1"}
    assert len({line["trace_id"] for line in lines}) == 1
    assert command not in stderr
    assert SECRET not in stderr


def test_real_signals_run_as_processes_and_one_may_fail(tmp_path):
    _, stderr = run("df -h", tmp_path, CODETRACER_TRACE="signals")
    lines = read_lines(stderr)
    signals = {line["signal_name"]: line for line in lines if line["span"] == "signal"}
    assert signals["free_space"]["exit_code"] == 0
    assert signals["free_space"]["output_size_bytes"] > 0
    assert signals["working_tree"]["exit_code"] == 1
    assert named(lines, "signals")["failed_count"] == 1


def test_off_only_the_decision_is_printed(tmp_path):
    assert run("rm -rf /", tmp_path) == ("Deny", "")


def test_a_large_input_lets_the_linear_memory_grow(tmp_path):
    decided, stderr = run("x" * 200_000, tmp_path, CODETRACER_TRACE="wasm")
    (line,) = [line for line in read_lines(stderr) if line["engine"] == "wasmtime"]
    assert decided == "Allow"
    assert line["input_size_bytes"] > 200_000
    assert line["memory_before_bytes"] == 65_536
    assert line["memory_after_bytes"] >= 262_144


@pytest.mark.parametrize(
    ("bound", "trap"),
    [({"GATE_MEMORY_LIMIT": "131072"}, "unreachable"), ({"GATE_FUEL": "50000"}, "out_of_fuel")],
)
def test_a_bound_of_the_engine_halts_the_gate_and_the_line_says_why(tmp_path, bound, trap):
    decided, stderr = run("x" * 200_000, tmp_path, CODETRACER_TRACE="eval=error", **bound)
    lines = read_lines(stderr)
    assert decided == "Halt"
    assert named(lines, "wasm_eval")["trap"] == trap
    assert named(lines, "wasm_eval")["error"]["type"].endswith("Trap")
    assert [line["level"] for line in lines] == ["ERROR", "ERROR"]


def test_the_same_spans_arrive_over_otlp_with_the_ids_of_the_lines(tmp_path):
    with running_receiver() as receiver:
        _, stderr = run(
            "rm -rf /",
            tmp_path,
            CODETRACER_TRACE="eval",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        )
        spans = {span.span_id: span for span in receiver.spans()}
    lines = {line["span_id"]: line for line in read_lines(stderr)}
    assert set(spans) == set(lines)
    for span_id, line in lines.items():
        span = spans[span_id]
        assert span.name == f"policy.{line['span']}"
        assert (span.trace_id, span.parent_id) == (line["trace_id"], line.get("parent_span_id"))
    assert SECRET not in repr(spans)
    assert "rm -rf" not in repr(spans)


@pytest.mark.collector
def test_a_real_collector_receives_the_evaluation(tmp_path):
    with running_collector(tmp_path / "collector.log") as collector:
        run("git push", tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)
        names = sorted(span.name for span in collector.spans())
    assert names == sorted(f"policy.{name}" for name in [*STAGES, "signal", "wasm_eval"])
