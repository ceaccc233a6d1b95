"""Runs policies on their engines: WebAssembly on wasmtime, Rego on regopy."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import regopy
import wasmtime

import codetracer_otel as ct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MEMORY_LIMIT = int(os.environ.get("GATE_MEMORY_LIMIT", str(16 * 2**20)))  # bytes
FUEL = int(os.environ.get("GATE_FUEL", "100000000"))


def evaluate(path: Path, given: Mapping[str, Any], policy: ct.PolicyTracer) -> str:
    """Return what one policy decides.

    Raises:
        wasmtime.Trap: a WebAssembly policy needs more memory or fuel than it may have.
    """
    run = {".wat": run_wasm, ".rego": run_rego}[path.suffix]
    return run(path, given, policy)


def run_wasm(path: Path, given: Mapping[str, Any], policy: ct.PolicyTracer) -> str:
    data = json.dumps(given).encode()
    store, exports = start_engine(path)
    memory = ct.WasmMemory(store, exports["memory"], limit_bytes=MEMORY_LIMIT)
    with policy.wasm(input_size_bytes=len(data), memory=memory) as stage:
        start = exports["make_room"](store, len(data))
        exports["memory"].write(store, data, start)
        answer = exports["evaluate"](store, start, len(data))
        stage.record(output_size_bytes=4, decision_count=1)
    return "Deny" if answer else "Allow"


def start_engine(path: Path) -> tuple[wasmtime.Store, Any]:
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_limits(memory_size=MEMORY_LIMIT)
    store.set_fuel(FUEL)
    module = wasmtime.Module(engine, path.read_text())
    return store, wasmtime.Instance(store, module, []).exports(store)


def run_rego(path: Path, given: Mapping[str, Any], policy: ct.PolicyTracer) -> str:
    regopy.set_default_log_level("None")  # its parser prints to stdout, which is ours
    rego = regopy.Interpreter()
    rego.add_module(path.stem, path.read_text())
    with policy.wasm(input_size_bytes=len(json.dumps(given)), engine="regopy") as stage:
        rego.set_input(given)
        answer = str(rego.query("data.gate.decision"))
        stage.record(output_size_bytes=len(answer), decision_count=1)
    return json.loads(answer)["expressions"][0]
