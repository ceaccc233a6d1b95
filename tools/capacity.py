"""Reckons what tracing costs a fleet, from the figures of ``benchmarks.scale``.

usage: python -m tools.capacity [--processes N] [--rate CALLS_PER_S] [--share SHARE]
                                [--variant NAME] [--gateway-cores N]
       python -m tools.capacity --check [--seconds N]

``--check`` runs eight processes into one real collector, and compares with what is reckoned.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import VERSIONS, cells_of
from benchmarks.scale import VARIANTS, Cost, cpu_ns_of
from benchmarks.workloads import requests as workload
from tests.collector.rotel import running_collector

if TYPE_CHECKING:
    from collections.abc import Iterator

USED = 0.6  # of a gateway's cores; the rest is for peaks and for the others when one fails
DAY_S = 86_400
CHECKED_PROCESSES = 8


@dataclass(frozen=True)
class Fleet:
    """Processes that are alike.

    Attributes:
        processes: how many.
        rate: calls of selected functions a second, in each.
        share: of these calls that are recorded, after sampling at the start of a trace.
    """

    processes: int
    rate: float
    share: float = 1.0


@dataclass(frozen=True)
class Need:
    """What a fleet needs, a second and in all.

    Attributes:
        cores: CPU of the processes, in cores.
        spans: that are sent.
        bytes: that are sent.
        collector_cores: CPU of the collectors.
        mebibytes: more memory of all processes.
    """

    cores: float
    spans: float
    bytes: float
    collector_cores: float
    mebibytes: float


def need_of(fleet: Fleet, cost: Cost) -> Need:
    """Reckon: each recorded call its part, and each second of a process its own."""
    recorded = fleet.rate * fleet.share
    return Need(
        fleet.processes * (recorded * cost.call_ns + cost.second_ns) / 1e9,
        fleet.processes * recorded * cost.spans,
        fleet.processes * (recorded * cost.call_bytes + cost.second_bytes),
        (fleet.processes * recorded * cost.spans * cost.collector_ns + cost.collector_second_ns)
        / 1e9,
        fleet.processes * cost.mebibytes,
    )


def measured_cost(variant: str) -> Cost:
    """Return the stored figures of a variant; of the first interpreter that has some."""
    for version in VERSIONS:
        cells = cells_of("scale", variant, version, "c")
        if cells:
            call, second_us, busy, size, second_size, collector, collector_us, spans, more = map(
                float, cells[1:]
            )
            second_ns, collector_second_ns = second_us * 1000, collector_us * 1000
            return Cost(
                call,
                second_ns,
                busy,
                size,
                second_size,
                collector,
                collector_second_ns,
                spans,
                more,
            )
    raise SystemExit(f"no result of benchmarks.scale holds {variant!r}")


def lines(fleet: Fleet, variant: str, gateway_cores: int) -> Iterator[str]:
    need = need_of(fleet, measured_cost(variant))
    gateways = max(1, math.ceil(need.collector_cores / (gateway_cores * USED)))
    yield f"{variant}: {fleet.processes:,} processes, {fleet.rate:,.0f} calls/s each"
    yield f"  recorded of the calls  {fleet.share:10.0%}"
    yield f"  CPU of all processes   {need.cores:10.2f} cores"
    yield f"  CPU of each            {need.cores / fleet.processes:10.2%} of a core"
    yield f"  memory of all          {need.mebibytes / 1024:10.2f} GiB"
    yield f"  spans sent             {need.spans:10,.0f} /s"
    yield f"  network                {need.bytes / 1e6:10.2f} MB/s"
    yield f"  collector gateways     {gateways:10d} of {gateway_cores} cores, used to {USED:.0%}"
    yield f"  a day, as sent         {need.bytes * DAY_S / 1e9:10,.1f} GB"


def run_fleet(variant: str, url: str, rate: float, seconds: float) -> tuple[float, float, float]:
    """Run the processes beside each other; return CPU s, bytes and calls of all."""
    command = [sys.executable, "-m", "benchmarks.serving", variant, url]
    options = ["--rate", str(rate), "--requests", str(round(rate * seconds))]
    running = [
        subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        for _ in range(CHECKED_PROCESSES)
    ]
    found = [json.loads(process.communicate()[0]) for process in running]
    return (
        sum(one["cpu_ns"] for one in found) / 1e9,
        sum(one["bytes_sent"] for one in found),
        sum(one["calls"] for one in found),
    )


def check(rate: float, seconds: float) -> Iterator[str]:
    """Compare a run of eight processes with what is reckoned, variant by variant."""
    yield "| variant | | reckoned | seen | difference |\n|---|---|--:|--:|--:|"
    with (
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder, "log"), logs_spans=False) as collector,
    ):
        plain, _, _ = run_fleet("untraced", "", rate, seconds)
        for variant in VARIANTS:
            before = cpu_ns_of(collector.process.pid)
            cpu, sent, calls = run_fleet(variant, collector.http_endpoint, rate, seconds)
            collected = (cpu_ns_of(collector.process.pid) - before) / 1e9
            fleet = Fleet(CHECKED_PROCESSES, calls / CHECKED_PROCESSES / seconds)
            need = need_of(fleet, measured_cost(variant))
            rows = (
                ("processes, cores", need.cores, (cpu - plain) / seconds),
                ("MB/s", need.bytes / 1e6, sent / seconds / 1e6),
                ("collector, cores", need.collector_cores, collected / seconds),
            )
            for label, reckoned, seen in rows:
                yield (
                    f"| {variant} | {label} | {reckoned:.4f} | {seen:.4f}"
                    f" | {reckoned / seen - 1:+.0%} |"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=100)
    parser.add_argument("--rate", type=float, default=1_000, help="calls a second in a process")
    parser.add_argument("--share", type=float, default=1.0, help="of the calls that are recorded")
    parser.add_argument("--variant", choices=VARIANTS, default="everything, gzip")
    parser.add_argument("--gateway-cores", type=int, default=4)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    if options.check:
        found = check(options.rate / workload.CALLS, options.seconds)
    else:
        fleet = Fleet(options.processes, options.rate, options.share)
        found = lines(fleet, options.variant, options.gateway_cores)
    for line in found:
        print(line, flush=True)


if __name__ == "__main__":
    main()
