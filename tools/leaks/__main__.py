"""Memory after many calls of every kind: flat on both cores, or this says what grew.

usage: python -m tools.leaks [--calls N] [--kinds "plain exceptions"] [--cores "c python"]

Each kind is one process. After a tenth of the calls, and after all of them, the session is
flushed and garbage collected; what is in use then is compared: what malloc gave out, small
blocks, and objects that the collector knows. The resident set is shown, not judged: it holds what
is free, too. Spans are encoded for OTLP and thrown away. The status is 1 if something has grown.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from tools.leaks import kinds as traced
from tools.numeric_arguments import whole_from
from tools.stress import Memory

import codetracer_otel as ct
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.filters import filter_from_text
from codetracer_otel.model.protocols import ExportResult

NAMES = {function.__name__: function for function in traced.KINDS}
MOST_BYTES = 6 * 2**20  # chunks of the log and encoded requests that are kept to be used again
MOST_PER_CALL = 0.05
MOST_BLOCKS = 2000
BATCHES = 20
FILTER = """
[meta]
name = "leaks"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "pkg:tools.leaks.kinds"
exec = "trace"
[[scope.rules]]
selector = "obj:*.sampled"
sampling = {ratio = 0.5}
[[scope.rules]]
selector = "obj:*.kept_if_failed"
sampling = {ratio = 0.0, keep_errors = true}
[[scope.rules]]
selector = "obj:*.kept_if_slow"
sampling = {min_duration_ms = 60000}
[[scope.rules]]
selector = "obj:*.measured"
measure = true
[[scope.rules]]
selector = "obj:*.measured_only"
exec = "measure"
[[scope.rules]]
selector = "obj:*.with_error_locals"
capture = ["args", "error_locals"]
[[scope.rules]]
selector = "obj:*.with_locals"
capture = ["args", "locals"]
"""


class Encoding:
    """Encodes what it gets, and keeps nothing."""

    def __init__(self) -> None:
        self.encoder = OtlpEncoder()
        self.spans = 0

    def export(self, batch: Any) -> ExportResult:
        self.spans += len(batch)
        for request in self.encoder.requests(batch):
            request.body()
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:
        return True

    def shutdown(self, timeout: float) -> None:
        pass


@dataclass
class Row:
    """What one kind has come to.

    Attributes:
        grown: bytes that malloc gave out, at the end less those after a tenth.
        blocks: small blocks of Python's own allocator, likewise.
        objects: that the collector knows, likewise.
        resident: MiB at the end.
    """

    kind: str
    core: str
    calls: int
    grown: int
    blocks: int
    objects: int
    resident: float
    spans: int

    @property
    def is_flat(self) -> bool:
        most = MOST_BYTES + MOST_PER_CALL * self.calls
        return self.grown <= most and max(self.blocks, self.objects) < MOST_BLOCKS


def main() -> int:
    asked = arguments()
    if asked.here:
        print(json.dumps(asdict(measure(asked.here, asked.calls))))
        return 0
    print("| kind | core | calls | spans | malloc, bytes | blocks | objects | resident | |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows = []
    for kind in asked.kinds.split():
        for core in asked.cores.split():
            rows.append(in_process(kind, core, asked.calls))
            print(line(rows[-1]), flush=True)
    return int(not all(row.is_flat for row in rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.leaks")
    parser.add_argument("--calls", type=whole_from(1), default=10_000_000)
    parser.add_argument("--kinds", default=" ".join(NAMES))
    parser.add_argument("--cores", default="c python")
    parser.add_argument("--here", metavar="KIND", help=argparse.SUPPRESS)
    return parser.parse_args()


def in_process(kind: str, core: str, calls: int) -> Row:
    calls = max(calls // traced.SHARES.get(NAMES[kind], 1), 1000)
    if core == "python":
        calls = max(calls // 10, 1000)
    variables = {**os.environ, "CODETRACER_OTEL_CORE": core}
    command = [sys.executable, "-m", "tools.leaks", "--here", kind, "--calls", str(calls)]
    told = subprocess.run(command, env=variables, check=True, stdout=subprocess.PIPE, text=True)
    return Row(**json.loads(told.stdout))


def measure(kind: str, calls: int) -> Row:
    """Make the calls in this process."""
    function, exporter = NAMES[kind], Encoding()
    batch = max(calls // BATCHES, 1)
    with ct.configure(filter_from_text(FILTER), exporter) as session:
        core = session.stats()["recorder"]["core"]
        for _ in range(max(BATCHES // 10, 1)):
            make(function, batch, session)
        objects, before = count(session, exporter), Memory.now()
        for _ in range(BATCHES):
            make(function, batch, session)
        more, after = count(session, exporter), Memory.now()
    grown = int((after.malloc_mib - before.malloc_mib) * 2**20)
    blocks, resident = after.blocks - before.blocks, after.resident_mib
    return Row(kind, core, calls, grown, blocks, more - objects, resident, exporter.spans)


def make(function: Any, calls: int, session: Any) -> None:
    """Make calls, and let what waits be delivered before the buffer is full."""
    while calls > 0:
        function(min(calls, 10_000))
        session.flush(30)
        calls -= 10_000


def count(session: Any, exporter: Encoding) -> int:
    gc.collect()  # ends generators in cycles, whose records are delivered then
    session.flush(30)
    exporter.encoder = OtlpEncoder()  # its tables are bounded, but not full by then
    gc.collect()
    return len(gc.get_objects())


def line(row: Row) -> str:
    flat = "flat" if row.is_flat else "GROWN"
    return (
        f"| {row.kind} | {row.core} | {row.calls:,} | {row.spans:,} | {row.grown:,} "
        f"| {row.blocks} | {row.objects} | {row.resident:.1f} MiB | {flat} |"
    )


if __name__ == "__main__":
    sys.exit(main())
