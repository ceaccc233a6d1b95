"""Run programs under `codetracer-otel run --exporter native=DIR` and read what they left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.native_trace import read_trace
from tests.traced_run import run_traced

if TYPE_CHECKING:
    from pathlib import Path

    from tests.native_trace import Trace, TracedCall


def record(source: str, folder: Path, *options: str, **environment: str) -> Trace:
    """Run ``source`` as a script; return its validated trace."""
    script = folder / "program.py"
    script.write_text(source)
    target = folder / "trace"
    done = run_traced(
        "--quiet", "--exporter", f"native={target}", *options, script, cwd=folder, **environment
    )
    trace = read_trace(target)
    assert trace.metadata["process_exit_status"]["code"] == done.returncode
    return trace


def calls(trace: Trace, name: str) -> list[TracedCall]:
    """Return the calls of a function, in the order of their beginnings."""
    return [call for call in trace.root.walk() if call.name == name]


def call(trace: Trace, name: str) -> TracedCall:
    """Return the one call of a function."""
    (found,) = calls(trace, name)
    return found


def plain(value: dict[str, Any]) -> Any:
    """Return a value of a trace as Python would write it; other kinds as text."""
    kind = value["kind"]
    if kind == "Sequence":
        return [plain(item) for item in value["elements"]]
    if kind in ("Tuple", "Struct"):
        return tuple(plain(item) for item in value.get("elements", value.get("field_values")))
    if kind == "Float":
        return float(value["f"])
    field = {"Int": "i", "Bool": "b", "String": "text", "Raw": "r", "Error": "msg"}.get(kind)
    return value[field] if field else None


def shown(step: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the variables of a step by name."""
    return {name: plain(value) for name, value in step.items()}


def steps(traced: TracedCall) -> list[tuple[int, dict[str, Any]]]:
    """Return (line, variables) of each step of a call."""
    return [(line, shown(values)) for line, values in zip(traced.lines, traced.values, strict=True)]
