"""Runs every benchmark in a process of its own and writes the results.

usage: python -m benchmarks [--quick] [--only SECTION ...] [--write] [--core c|python]

``--write`` stores the output below ``benchmarks/results`` and makes ``docs/performance.md``,
``docs/measurements.md`` and the figures of the README of it. Both cores are measured, the one in
Python where a section is about it.
``--quick`` measures the field's figures with few rounds and tells what got more than 10 % slower
than the stored ones, as ratios to the OpenTelemetry decorator of the same run; it informs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.prose import reflowed

from benchmarks.figures import DOCUMENTS, RESULTS, ROOT, filled, results_of

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
SECTIONS = {
    "field": "Compared with other tools",
    "calls": "Calls: untraced, excluded, traced, sampled out",
    "real_programs": "Real programs, traced as a whole",
    "kinds": "Generators, coroutines, exceptions, threads",
    "untraced": "Exceptions and generators in code that nobody traces",
    "gate": "Filters on against filters off",
    "filters": "Decisions about code",
    "values": "Capturing values",
    "content": "Redaction by content",
    "redaction": "Redaction compared with other tools",
    "encoding": "Encoding to OTLP",
    "delivery": "From the call to bytes",
    "tails": "Traces that are not kept",
    "bounded": "A bound on the overhead",
    "flight": "A flight recorder",
    "exporters": "The same by exporter, as whole programs",
    "stages": "The same in compiled code, by stage and exporter",
    "steps": "Steps of a native trace",
    "manual": "Manual spans",
    "scale": "A service among many",
    "startup": "Start of the process",
    "growth": "Growth",
    "variants": "Alternatives",
    "instructions": "Instructions of a call",
}
WITH_JSON = ("field", "redaction")
# Where both cores are measured; the others are about what the cores share.
IN_PYTHON_TOO = (
    *("field", "calls", "kinds", "untraced", "delivery", "exporters", "instructions"),
    *("bounded", "flight"),
)
CORES = ("c", "python")
TIME_LIMIT_S = 1_800
PEER = "OpenTelemetry decorator with values"
OURS = ("ours, names only", "ours, arguments and return")


def run_section(name: str, core: str, *options: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "CODETRACER_OTEL_CORE": core},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    failed = f"\nexit status {done.returncode}\n{done.stderr[-2000:]}" if done.returncode else ""
    return done.stdout + failed


def run_all(names: list[str], cores: list[str], *, write: bool) -> None:
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        for core in cores:
            if core == "python" and name not in IN_PYTHON_TOO:
                continue
            file = results_of(name, VERSION, core)
            options = ("--json", str(file.with_suffix(".json"))) if name in WITH_JSON else ()
            text = run_section(name, core, *(options if write else ()))
            print(f"## {SECTIONS[name]}, core {core}\n\n{text}", flush=True)
            if write:
                file.write_text(text)
    if write:
        write_pages()


def pages() -> dict[Path, str]:
    """Return the pages that are made of the results alone."""
    made = {"performance": filled(_beginning_of("performance")), "measurements": _measurements()}
    return {ROOT / "docs" / f"{name}.md": reflowed(text) for name, text in made.items()}


def _beginning_of(name: str) -> str:
    return (Path(__file__).parent / f"{name}.md.in").read_text()


def _measurements() -> str:
    lines = [_beginning_of("measurements").rstrip(), ""]
    for name, title in SECTIONS.items():
        # docs/security.md has the tables of redaction
        found = sorted(RESULTS.glob(f"{name}-*.txt")) if name != "redaction" else []
        if not found:
            continue
        lines += [f"## {title}", "", f"`python -m benchmarks.{name}`", ""]
        for path in found:
            text = path.read_text().rstrip()
            core = ["Core in Python:", ""] if path.stem.endswith("-python") else []
            lines += core
            lines += [text, ""] if "\n|" in text else ["```text", text, "```", ""]
    return "\n".join(lines)


def write_pages() -> None:
    for path, text in pages().items():
        path.write_text(text)
    for document in DOCUMENTS:
        document.write_text(filled(document.read_text()))


def relative(figures: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    """Return each of our figures as a share of the OpenTelemetry decorator's, same run."""
    return {
        f"{name}, {workload}": statistics.median(by_name[name]) / statistics.median(by_name[PEER])
        for workload, by_name in figures.items()
        for name in OURS
    }


def quick() -> None:
    stored = RESULTS / f"field-{VERSION}.json"
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        print(
            run_section(
                "field", "auto", "--rounds", "3", "--only", *OURS, PEER, "--json", file.name
            )
        )
        now = relative(json.loads(Path(file.name).read_text()))
    if not stored.exists():
        print(f"no stored results for CPython {VERSION} to compare with")
        return
    before = relative(json.loads(stored.read_text()))
    for name, share in now.items():
        change = share / before[name] - 1
        mark = "SLOWER" if change > 0.10 else "ok"
        print(
            f"{mark:7} {name}: {share:.4f} of the decorator, was {before[name]:.4f} ({change:+.0%})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--core", nargs="+", choices=CORES, default=list(CORES))
    arguments = parser.parse_args()
    if arguments.quick:
        quick()
        return
    present = [name for name in arguments.only if (Path(__file__).parent / f"{name}.py").exists()]
    run_all(present, arguments.core, write=arguments.write)


if __name__ == "__main__":
    main()
