"""Decide about a tool call: an event on stdin, a decision on stdout, what happened on stderr.

$ echo '{"hook_event_name": "PreToolUse", "tool_name": "Bash",
         "tool_input": {"command": "rm -rf /"}}' | CODETRACER_TRACE=eval python gate.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wasmtime
from engines import evaluate

import codetracer_otel as ct

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
ROUTES = {"PreToolUse:Bash": ["shell.wat", "shell.rego"]}
SIGNALS = ["free_space", "working_tree"]
PRIORITIES = ["Halt", "Deny", "Ask", "Modify", "Allow"]
SIGNAL_TIMEOUT_S = 10
EXPORTER_VARIABLES = (
    "CODETRACER_EXPORTER",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)

policy = ct.PolicyTracer()


def main() -> int:
    event = json.load(sys.stdin)
    wants_export = any(os.environ.get(name) for name in EXPORTER_VARIABLES)
    with ct.configure(exporter=None if wants_export else "none", functions=False):
        try:
            decision = decide(event)
        except wasmtime.Trap:
            decision = "Halt"  # a policy that cannot be evaluated allows nothing
    print(json.dumps({"decision": decision}))
    return 0


def decide(event: Mapping[str, Any]) -> str:
    with policy.evaluate(event) as evaluation:
        names = route(event)
        given = {"command": event["tool_input"]["command"], "signals": gather_signals()}
        decisions = [evaluate(HERE / name, given, policy) for name in names]
        decision = synthesise(decisions)
        act(decision)
        evaluation.record(exit_reason="decided")
    return decision


def route(event: Mapping[str, Any]) -> list[str]:
    key = f"{event['hook_event_name']}:{event['tool_name']}"
    with policy.routing(key) as routing:
        names = ROUTES.get(key, [])
        routing.matched(names)
    return names


def gather_signals() -> dict[str, Any]:
    with policy.signals():
        return {name: gather_signal(name) for name in SIGNALS}


def gather_signal(name: str) -> Any:
    with policy.signal(name) as signal:
        status, output = run(HERE / "signals" / f"{name}.py", signal.environment(os.environ))
        signal.record(exit_code=status, output_size_bytes=len(output))
    return json.loads(output) if status == 0 else None


def synthesise(decisions: list[str]) -> str:
    with policy.synthesis() as synthesis:
        decision = min(decisions, key=PRIORITIES.index, default="Allow")
        synthesis.decided(decision, decision_count=len(decisions))
    return decision


def act(decision: str) -> None:
    with policy.action(f"on-{decision.lower()}", "notify") as action:
        script = HERE / "actions" / "notify.py"
        status, _ = run(script, action.environment(os.environ), decision)
        action.record(exit_code=status)


def run(script: Path, environ: Mapping[str, str], *arguments: str) -> tuple[int, bytes]:
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, timeout=SIGNAL_TIMEOUT_S, check=False
    )
    return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
