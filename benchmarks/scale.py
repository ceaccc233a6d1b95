"""What a traced call of a service costs a fleet: CPU, memory, bytes sent, CPU of a collector.

usage: python -m benchmarks.scale [--rounds N] [--requests N]

A process serves requests of 13 calls; its spans go to a real collector.
Each variant runs with large and with small requests to the collector, and the two give what a call
and what a request to the collector costs: a process that makes few calls a second pays the second
rather than the first. What the same work costs untraced is subtracted. ``tools.capacity`` reckons
with these figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.collector.rotel import running_collector

from benchmarks.filter_header import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.rotel import Collector

RULE = "[[scope.rules]]\nselector = 'pkg:benchmarks.workloads.requests'\nexec = 'trace'\n"
ROOT = "[[scope.rules]]\nselector = 'obj:**.requests.serve'\nroot = true\n"
TAIL = "[scope.tail]\nkeep_errors = true\nratio = 0.01\n"
FOLD = "[scope.fold]\nafter = 2\nshorter_than_us = 1000\n"


@dataclass(frozen=True)
class Variant:
    """A way to trace the same service."""

    tables: str = ""
    compression: str = "none"

    @property
    def filter(self) -> str:
        return HEADER + self.tables + RULE + ROOT


VARIANTS = {
    "everything": Variant(),
    "everything, gzip": Variant(compression="gzip"),
    "errors and 1 % of the traces, gzip": Variant(TAIL, "gzip"),
    "everything, repeated calls folded, gzip": Variant(FOLD, "gzip"),
}
LARGE, SMALL = 2_048, 64  # spans in a request to the collector
TICKS = os.sysconf("SC_CLK_TCK")


def served(requests: int, variant: str, url: str, batch: int) -> dict[str, Any]:
    """Serve so many requests in a process of its own; return what that took."""
    command = [sys.executable, "-m", "benchmarks.serving", variant, url]
    done = subprocess.run(
        [*command, "--requests", str(requests), "--batch", str(batch)],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return json.loads(done.stdout)


def cpu_ns_of(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // TICKS


@dataclass(frozen=True)
class Cost:
    """What a variant costs, a traced call each unless said otherwise.

    Attributes:
        call_ns: CPU of the process.
        post_ns: CPU of the process for a request to the collector.
        call_bytes: in the bodies that are sent.
        post_bytes: in each body, whatever it holds: the resource and the scope.
        collector_ns: CPU of the collector for a span that reached it.
        spans: that leave the process.
        mebibytes: more memory at its peak, a process.
    """

    call_ns: float
    post_ns: float
    call_bytes: float
    post_bytes: float
    collector_ns: float
    spans: float
    mebibytes: float


def two_lines(large: tuple[float, float], small: tuple[float, float]) -> tuple[float, float]:
    """Return slope and offset of ``cost = call + posts * post`` through two points, a call each."""
    (posts, cost), (more_posts, more_cost) = large, small
    post = (more_cost - cost) / (more_posts - posts)
    return cost - post * posts, post


def cost_of(name: str, collector: Collector, requests: int) -> Cost:
    plain = served(requests, "untraced", "", LARGE)
    points, collected, runs = [], [], []
    for batch in (LARGE, SMALL):
        before = cpu_ns_of(collector.process.pid)
        run = served(requests, name, collector.http_endpoint, batch)
        collected.append(cpu_ns_of(collector.process.pid) - before)
        calls, added = run["calls"], run["cpu_ns"] - plain["cpu_ns"]
        points.append((run["requests"] / calls, added / calls, run["bytes_sent"] / calls))
        runs.append(run)
    large, small = points
    call_ns, post_ns = two_lines((large[0], large[1]), (small[0], small[1]))
    call_bytes, post_bytes = two_lines((large[0], large[2]), (small[0], small[2]))
    return Cost(
        call_ns,
        post_ns,
        call_bytes,
        post_bytes,
        collected[0] / runs[0]["spans_sent"],
        runs[0]["spans_sent"] / runs[0]["calls"],
        (runs[0]["peak_kb"] - plain["peak_kb"]) / 1024,
    )


def medians(costs: list[Cost]) -> Cost:
    columns = zip(*(vars(cost).values() for cost in costs), strict=True)
    return Cost(*(statistics.median(column) for column in columns))


def table(costs: dict[str, Cost]) -> Iterator[str]:
    yield (
        "| variant | CPU ns a call | CPU us a request to the collector | bytes a call"
        " | bytes a request | spans sent a call | collector, CPU ns a span | MiB more |"
    )
    yield "|---" + "|--:" * 7 + "|"
    for name, cost in costs.items():
        figures = (
            f"{cost.call_ns:.0f}",
            f"{cost.post_ns / 1000:.0f}",
            f"{cost.call_bytes:.1f}",
            f"{cost.post_bytes:.0f}",
            f"{cost.spans:.4f}",
            f"{cost.collector_ns:.0f}",
            f"{cost.mebibytes:.0f}",
        )
        yield f"| {name} | {' | '.join(figures)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=50_000)
    options = parser.parse_args()
    found: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder, "collector.log"), logs_spans=False) as collector,
    ):
        for _ in range(options.rounds):
            for name, costs in found.items():
                costs.append(cost_of(name, collector, options.requests))
    print(f"CPython {platform.python_version()}: median of {options.rounds} rounds\n")
    print("\n".join(table({name: medians(costs) for name, costs in found.items()})))


if __name__ == "__main__":
    main()
