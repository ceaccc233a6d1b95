"""What a delivered span costs in compiled code: its stages, and the whole of each exporter.

usage: python -m benchmarks.stages [--rounds N] [--calls N]

Added CPU ns per span: of this thread for a stage, of all threads for the whole way. The span has
six attributes, `inner` of four arguments and a result below a traced `work`; its texts are words,
or a mix with ids, dates and addresses. A file is on this machine's disk, the socket's other end in
another process.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tools.numeric_arguments import whole_from

from benchmarks import content
from benchmarks.filter_header import HEADER
from benchmarks.measuring import Series, interleave
from codetracer_otel._core import load
from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
from codetracer_otel.exporters.otlp.encoder import OtlpEncoder
from codetracer_otel.filters import filter_from_text
from codetracer_otel.filters.secrets.scan_tables import scan_tables
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.sdk.session.configure import begin_session
from codetracer_otel.sdk.settings.limits import Buffer

BATCH = 2048
WARM_UP = 500
FILTER = f"""{HEADER}
[[scope.rules]]
selector = "obj:**.{{work,inner}}"
exec = "trace"
"""
TEXTS = {"words": content.plain_text, "with ids": content.mixed_text}


def work(count: int, texts: list[str]) -> None:
    for number in range(count):
        inner(number, texts[number % len(texts)], None, number / 7)


def inner(order_id, user, note, amount):
    return "accepted"


def texts_of(kind: str) -> list[str]:
    pick = random.Random(1)
    return [TEXTS[kind](pick) for _ in range(20_000)]


class Kept:
    def __init__(self) -> None:
        self.batches: list[Any] = []

    def export(self, batch: Any) -> ExportResult:
        self.batches.append(batch)
        return ExportResult.SUCCESS

    def flush(self, _timeout: float) -> bool:
        return True

    def shutdown(self, _timeout: float) -> None:
        pass


def session(exporter: Any, records: int) -> Any:
    keywords = {
        "trace_filter": filter_from_text(FILTER),
        "exporter": exporter,
        "buffer": Buffer(records=records, batch_records=BATCH),
    }
    return begin_session(keywords, environment={"OTEL_EXPORTER_OTLP_COMPRESSION": "none"})


def recorded(kind: str) -> list[Any]:
    kept = Kept()
    with session(kept, 20 * BATCH) as running:
        work(10 * BATCH, texts_of(kind))
        assert running.flush(60)
    return [batch for batch in kept.batches if len(batch) == BATCH]


def per_span(batches: list[Any], stage: Any) -> float:
    began = time.thread_time_ns()
    for batch in batches:
        stage(batch)
    return (time.thread_time_ns() - began) / BATCH / len(batches)


def stages(kind: str, folder: Path, rounds: int) -> dict[str, Series]:
    batches = recorded(kind)
    scanner = load().module.Scanner(**scan_tables())
    encoder = OtlpEncoder()
    lines = JsonLinesExporter.to_file(folder / "lines")

    def scan(batch: Any) -> None:
        block = batch.records.native
        block.scan(scanner, b"\1" * len(block.plans), bytes(len(block.objects)), ())

    every = {
        "scan of the texts": scan,
        "OTLP encoding": encoder.requests,
        "the request's bytes": lambda batch: [it.body() for it in encoder.requests(batch)],
        "JSON lines and their file": lines.export,
    }
    found = interleave(
        {name: lambda stage=stage: per_span(batches, stage) for name, stage in every.items()},
        rounds,
    )
    lines.shutdown(1)
    return found


def whole(exporter: str, kind: str, calls: int) -> float:
    """Return the added CPU ns of all threads per span, from the call to its bytes."""
    texts = texts_of(kind)
    began = time.process_time_ns()
    work(calls, texts)
    untraced = time.process_time_ns() - began
    with session(exporter, 2 * (calls + WARM_UP)) as running:
        work(WARM_UP, texts)
        assert running.flush(60)
        began = time.process_time_ns()
        work(calls, texts)
        assert running.flush(60)
        took = time.process_time_ns() - began
        dropped = running.stats()["recorder"]["dropped_buffer_full"]
    assert not dropped
    return (took - untraced) / calls


def wholes(url: str, folder: Path, rounds: int, calls: int) -> dict[str, Series]:
    ways = {
        "to a socket (OTLP)": f"otlp={url}",
        "to a file (JSON lines)": f"jsonl={folder / 'spans'}",
        "to a file (Chrome)": f"chrome={folder / 'trace'}",
    }
    return interleave(
        {
            f"{name}, texts {kind}": lambda way=way, kind=kind: whole(way, kind, calls)
            for name, way in ways.items()
            for kind in TEXTS
        },
        rounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=5)
    parser.add_argument("--calls", type=whole_from(1), default=20_000)
    arguments = parser.parse_args()
    if load().module is None:
        print("no compiled core")
        return
    print("| added CPU ns per span | median (lowest - highest) |\n|---|---|")
    command = [sys.executable, "-c", "from benchmarks.delivery import collect; collect()"]
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as collector,
    ):
        folder = Path(name)
        url = f"http://127.0.0.1:{collector.stdout.readline().strip()}"
        for label, series in stages("words", folder, arguments.rounds).items():
            print(f"| {label} | {series.text()} |")
        for label, series in wholes(url, folder, arguments.rounds, arguments.calls).items():
            print(f"| from the call {label} | {series.text()} |")
        collector.stdin.close()


if __name__ == "__main__":
    main()
