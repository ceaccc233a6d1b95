"""Calculates what tracing costs a fleet, from the figures of ``benchmarks.scale``.

usage: python -m tools.capacity [--processes N] [--rate CALLS_PER_S] [--share SHARE]
                                [--variant NAME] [--gateway-cores N]
       python -m tools.capacity --check [--rounds N] [--seconds N]

``--check`` runs eight processes into one real collector, and compares with the calculation: medians
of rounds in which every variant has a run of untraced processes before it, since a core that does
little costs another time each minute.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import VERSIONS, cells_of
from benchmarks.scale import COLLECTOR, PROCESSES, VARIANTS, CollectorCost, Cost, Seen, run_fleet
from benchmarks.workloads import requests as workload
from tests.collector.rotel import running_collector
from tools.numeric_arguments import number_above_0, number_from, whole_from

from codetracer_otel.sdk.settings.limits import Buffer

if TYPE_CHECKING:
    from collections.abc import Iterator

USED = 0.6  # of a gateway's cores; the rest is for peaks and for the others when one fails
DAY_S = 86_400
_COMPARED = {
    "processes, cores": attrgetter("cores"),
    "MB/s": lambda need: need.bytes / 1e6,
    "collector, cores": attrgetter("collector_cores"),
}
DRAINS = 1_000 / Buffer().interval_ms  # of a process, a second


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


def requests_of(spans: float, traces: float) -> float:
    """Return the OTLP requests a second of a process that sends so much.

    There is one for each drain during which a trace has ended, and more if that is more than a
    batch. Traces are taken to end at random: a drain finds none with the probability of a Poisson
    distribution.
    """
    return max(DRAINS * (1 - math.exp(-traces / DRAINS)), spans / Buffer().batch_records)


def need_of(fleet: Fleet, cost: Cost, kept: float, collector: CollectorCost) -> Need:
    """Calculate what the recorded calls of all processes need.

    Args:
        fleet: the processes.
        cost: what each of them pays.
        kept: share of the recorded traces that are sent; each has the calls of a measured request.
        collector: what it pays.
    """
    recorded = fleet.rate * fleet.share
    spans = recorded * cost.spans
    sent = fleet.processes * (recorded * cost.call_bytes + cost.second_bytes)
    traces = recorded / workload.MEAN_CALLS * kept
    requests = fleet.processes * requests_of(spans, traces)
    return Need(
        fleet.processes * cost.second_ns(recorded) / 1e9,
        fleet.processes * spans,
        sent,
        collector.of(fleet.processes * spans, sent, requests) / 1e9,
        fleet.processes * cost.mebibytes,
    )


def _stored(name: str) -> list[float]:
    """Return the stored figures of a row; of the first interpreter that has some."""
    for version in VERSIONS:
        cells = cells_of("scale", name, version, "c")
        if cells:
            return [float(cell) for cell in cells[1:]]
    raise SystemExit(f"no result of benchmarks.scale holds {name!r}")


def measured_need(fleet: Fleet, variant: str) -> Need:
    """Calculate with the stored figures of a variant."""
    return need_of(fleet, measured_cost(variant), VARIANTS[variant].kept, measured_collector())


def measured_cost(variant: str) -> Cost:
    """Return the stored figures of a variant."""
    slow_us, fast_us, *others = _stored(variant)
    return Cost(slow_us * 1000, fast_us * 1000, *others)


def measured_collector() -> CollectorCost:
    """Return the stored figures of the collector."""
    span_ns, byte_ns, request_us, second_us = _stored(COLLECTOR)
    return CollectorCost(span_ns, byte_ns, request_us * 1000, second_us * 1000)


def lines(fleet: Fleet, variant: str, gateway_cores: int) -> Iterator[str]:
    need = measured_need(fleet, variant)
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


def check(rate: float, seconds: float, rounds: int) -> Iterator[str]:
    """Compare runs of eight processes with the calculation, variant by variant."""
    yield "| variant | | calculated | measured | difference |\n|---|---|--:|--:|--:|"
    found: dict[str, list[tuple[Need, Need]]] = {variant: [] for variant in VARIANTS}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder, "log"), logs_spans=False) as collector,
    ):
        for _ in range(rounds):
            for variant, needs in found.items():
                plain = run_fleet("untraced", collector, rate, seconds)
                seen = run_fleet(variant, collector, rate, seconds)
                calculated = measured_need(Fleet(PROCESSES, seen.calls / PROCESSES), variant)
                needs.append((calculated, _seen_need(seen, plain, calculated)))
    for variant, needs in found.items():
        for label, of in _COMPARED.items():
            calculated, measured = (
                statistics.median(map(of, each)) for each in zip(*needs, strict=True)
            )
            yield (
                f"| {variant} | {label} | {calculated:.4f} | {measured:.4f}"
                f" | {calculated / measured - 1:+.0%} |"
            )


def _seen_need(seen: Seen, plain: Seen, calculated: Need) -> Need:
    return replace(
        calculated,
        cores=(seen.cpu_ns - plain.cpu_ns) / 1e9,
        bytes=seen.bytes,
        collector_cores=seen.collector_ns / 1e9,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=whole_from(1), default=100)
    parser.add_argument(
        "--rate", type=number_above_0, default=1_000, help="calls a second in a process"
    )
    parser.add_argument(
        "--share", type=number_from(0, 1), default=1.0, help="of the calls that are recorded"
    )
    parser.add_argument("--variant", choices=VARIANTS, default="everything, gzip")
    parser.add_argument("--gateway-cores", type=whole_from(1), default=4)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=whole_from(1), default=3)
    parser.add_argument("--seconds", type=number_above_0, default=15)
    options = parser.parse_args()
    if options.check:
        found = check(options.rate / workload.MEAN_CALLS, options.seconds, options.rounds)
    else:
        fleet = Fleet(options.processes, options.rate, options.share)
        found = lines(fleet, options.variant, options.gateway_cores)
    for line in found:
        print(line, flush=True)


if __name__ == "__main__":
    main()
