"""What a traced call of a service costs a fleet: CPU, memory, bytes sent, CPU of a collector.

usage: python -m benchmarks.scale [--rounds N] [--requests N] [--seconds N]

A process serves requests of 13 calls; its spans go to a real collector. Each variant runs at two
rates, as services do: one that works a little many times a second finds its caches cold, and pays
more for a call than at full speed. The two rates give what a call costs, and what a second costs
whatever is called in it: waking up, and requests to the collector. What the same work costs
untraced is subtracted. ``tools.capacity`` reckons with these figures. The cost of a call at full
speed stands beside them.
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
SLOW, FAST = 20, 200  # requests a second
TICKS = os.sysconf("SC_CLK_TCK")


def served(requests: int, variant: str, url: str, rate: float = 0) -> dict[str, Any]:
    """Serve so many requests in a process of its own, so many a second; return what that took."""
    command = [sys.executable, "-m", "benchmarks.serving", variant, url]
    done = subprocess.run(
        [*command, "--requests", str(requests), "--rate", str(rate)],
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
        call_ns: CPU of a process that is not busy.
        second_ns: CPU of a process in each second, whatever is called.
        busy_call_ns: CPU of a process at full speed, in all.
        call_bytes: in the bodies that are sent.
        second_bytes: in each second, whatever they hold: resource and scope.
        collector_ns: CPU of the collector for a span that reached it.
        collector_second_ns: CPU of a collector in each second, whatever reaches it.
        spans: that leave the process.
        mebibytes: more memory at its peak, a process.
    """

    call_ns: float
    second_ns: float
    busy_call_ns: float
    call_bytes: float
    second_bytes: float
    collector_ns: float
    collector_second_ns: float
    spans: float
    mebibytes: float


def line(slow: tuple[float, float], fast: tuple[float, float]) -> tuple[float, float]:
    """Return slope and offset of the line through two points."""
    (x, y), (other_x, other_y) = slow, fast
    slope = (other_y - y) / (other_x - x)
    return slope, y - slope * x


@dataclass(frozen=True)
class Plain:
    """Untraced runs: at each rate, and at full speed; and a collector that nothing reaches."""

    paced: dict[int, dict[str, Any]]
    busy: dict[str, Any]
    collector_second_ns: float


def plain_runs(collector: Collector, options: argparse.Namespace) -> Plain:
    before = cpu_ns_of(collector.process.pid)
    paced = {rate: served(rate * options.seconds, "untraced", "", rate) for rate in (SLOW, FAST)}
    idle_ns = cpu_ns_of(collector.process.pid) - before
    busy = served(options.requests, "untraced", "")
    return Plain(paced, busy, idle_ns / options.seconds / len(paced))


def cost_of(name: str, collector: Collector, options: argparse.Namespace, plain: Plain) -> Cost:
    seen: dict[str, list[tuple[float, float]]] = {"cpu": [], "bytes": []}
    url, seconds, spans, calls = collector.http_endpoint, options.seconds, 0, 0
    for rate, untraced in plain.paced.items():
        run = served(rate * seconds, name, url, rate)
        a_second = run["calls"] / seconds
        seen["cpu"].append((a_second, (run["cpu_ns"] - untraced["cpu_ns"]) / seconds))
        seen["bytes"].append((a_second, run["bytes_sent"] / seconds))
        spans, calls = spans + run["spans_sent"], calls + run["calls"]
    before = cpu_ns_of(collector.process.pid)
    busy = served(options.requests, name, url)
    collected = cpu_ns_of(collector.process.pid) - before
    return Cost(
        *line(*seen["cpu"]),
        (busy["cpu_ns"] - plain.busy["cpu_ns"]) / busy["calls"],
        *line(*seen["bytes"]),
        collected / busy["spans_sent"],
        plain.collector_second_ns,
        spans / calls,
        (busy["peak_kb"] - plain.busy["peak_kb"]) / 1024,
    )


def medians(costs: list[Cost]) -> Cost:
    columns = zip(*(vars(cost).values() for cost in costs), strict=True)
    return Cost(*(statistics.median(column) for column in columns))


def table(costs: dict[str, Cost]) -> Iterator[str]:
    yield (
        "| variant | CPU ns a call | CPU us a second | CPU ns a call at full speed | bytes a call"
        " | bytes a second | collector, CPU ns a span | collector, CPU us a second"
        " | spans sent a call | MiB more |"
    )
    yield "|---" + "|--:" * 9 + "|"
    for name, cost in costs.items():
        figures = (
            f"{cost.call_ns:.0f}",
            f"{cost.second_ns / 1000:.0f}",
            f"{cost.busy_call_ns:.0f}",
            f"{cost.call_bytes:.1f}",
            f"{cost.second_bytes:.0f}",
            f"{cost.collector_ns:.0f}",
            f"{cost.collector_second_ns / 1000:.0f}",
            f"{cost.spans:.4f}",
            f"{cost.mebibytes:.0f}",
        )
        yield f"| {name} | {' | '.join(figures)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=50_000, help="at full speed")
    parser.add_argument("--seconds", type=int, default=15, help="at each rate")
    options = parser.parse_args()
    found: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder, "collector.log"), logs_spans=False) as collector,
    ):
        for _ in range(options.rounds):
            plain = plain_runs(collector, options)
            for name, costs in found.items():
                costs.append(cost_of(name, collector, options, plain))
    print(f"CPython {platform.python_version()}: median of {options.rounds} rounds\n")
    print("\n".join(table({name: medians(costs) for name, costs in found.items()})))


if __name__ == "__main__":
    main()
