"""What a traced call of a service costs a fleet: CPU, memory, bytes sent, CPU of a collector.

usage: python -m benchmarks.scale [--rounds N] [--requests N] [--seconds N]

Eight processes serve requests of 13 calls beside each other; their spans go to one real collector.
Each variant runs at two rates, as services do: one that works a little many times a second finds
its caches cold, and pays more for a call than at full speed: the more, the less it works. What the
same work costs untraced is subtracted. The collector's CPU in all these runs gives what a span, a
byte and a request cost it. ``tools.capacity`` calculates with these figures. The cost of a call in
a process at full speed stands beside them.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.collector.rotel import running_collector
from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from benchmarks.workloads import requests as workload
from codetracer_otel.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.rotel import Collector

RULE = "[[scope.rules]]\nselector = 'pkg:benchmarks.workloads.requests'\nexec = 'trace'\n"
ROOT = "[[scope.rules]]\nselector = 'obj:**.requests.serve'\nroot = true\n"
TAIL_RATIO = 0.01
TAIL = f"[scope.tail]\nkeep_errors = true\nratio = {TAIL_RATIO}\n"
FOLD = "[scope.fold]\nafter = 2\nshorter_than_us = 1000\n"


FAILED = 1 / workload.FAILS_EVERY  # of the requests


@dataclass(frozen=True)
class Variant:
    """A way to trace the same service.

    Attributes:
        tables: of the filter.
        compression: of what is sent.
        kept: share of the traces that are sent.
    """

    tables: str = ""
    compression: str = "none"
    kept: float = 1

    @property
    def filter(self) -> str:
        return HEADER + self.tables + RULE + ROOT


VARIANTS = {
    "everything": Variant(),
    "everything, gzip": Variant(compression="gzip"),
    "errors and 1 % of the traces, gzip": Variant(TAIL, "gzip", FAILED + TAIL_RATIO * (1 - FAILED)),
    "everything, repeated calls folded, gzip": Variant(FOLD, "gzip"),
}
SLOW, FAST = 20, 200  # requests a second
PROCESSES = 8  # beside each other
COLLECTOR = "the collector"


def command_of(variant: str, url: str, requests: int, rate: float) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.serving", variant, url]
    return [*command, "--requests", str(requests), "--rate", str(rate)]


def at_full_speed(requests: int, variant: str, url: str) -> dict[str, Any]:
    """Serve so many requests in a process of its own; return what that took."""
    command = command_of(variant, url, requests, 0)
    text = subprocess.run(
        command, input="\n", capture_output=True, text=True, check=True, timeout=600
    ).stdout
    return json.loads(text.splitlines()[-1])


def cpu_ns_of(process: int) -> int:
    """Return the CPU time of a process, in more than ticks: by the number of its clock."""
    return time.clock_gettime_ns((~process << 3) | 2)


@dataclass(frozen=True)
class Seen:
    """What processes beside each other and their collector did in a second.

    Attributes:
        cpu_ns: CPU of all processes.
        calls: that they made.
        spans: that reached the collector.
        bytes: in the bodies that were sent.
        requests: to the collector.
        collector_ns: CPU of the collector.
    """

    cpu_ns: float
    calls: float
    spans: float
    bytes: float
    requests: float
    collector_ns: float


def run_fleet(variant: str, collector: Collector, rate: float, seconds: float) -> Seen:
    """Run the processes, each with so many requests a second; nothing of their start counts."""
    command = command_of(variant, collector.http_endpoint, round(rate * seconds), rate)
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for process in running:
        process.stdout.readline()  # it is warm
    before = cpu_ns_of(collector.process.pid)
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    told = [json.loads(process.stdout.readline()) for process in running]
    collected = cpu_ns_of(collector.process.pid) - before
    for process in running:
        process.communicate()
    names = ("cpu_ns", "calls", "spans_sent", "bytes_sent", "requests")
    sums = [sum(one[name] for one in told) for name in names]
    return Seen(*(each / seconds for each in (*sums, collected)))


@dataclass(frozen=True)
class Cost:
    """What a variant costs a process, a traced call each unless said otherwise.

    Attributes:
        slow_ns: CPU in a second of a process that serves few requests in it, see `SLOW`.
        fast_ns: CPU in a second of one that serves more, see `FAST`.
        busy_call_ns: CPU of a process at full speed, in all.
        call_bytes: in the bodies that are sent.
        second_bytes: in each second, whatever they hold: resource and scope.
        spans: that leave the process.
        mebibytes: more memory at its peak, a process.
    """

    slow_ns: float
    fast_ns: float
    busy_call_ns: float
    call_bytes: float
    second_bytes: float
    spans: float
    mebibytes: float

    def second_ns(self, calls: float) -> float:
        """Return the CPU of a second with so many calls.

        The fewer there are, the colder the caches and the more each takes: a power of their number
        comes near to what was seen between the two rates. Beyond, further calls cost what they do
        at full speed.
        """
        slow, fast = SLOW * workload.CALLS, FAST * workload.CALLS
        exponent = math.log(self.fast_ns / self.slow_ns) / math.log(fast / slow)
        cold = self.fast_ns * (min(calls, fast) / fast) ** exponent
        return cold + max(calls - fast, 0) * self.busy_call_ns


@dataclass(frozen=True)
class CollectorCost:
    """CPU ns of a collector, for what reaches it and for a second in which nothing does."""

    span_ns: float
    byte_ns: float
    request_ns: float
    second_ns: float

    def of(self, spans: float, size: float, requests: float) -> float:
        """Return the CPU ns of a second in which so much reaches it."""
        told = spans * self.span_ns + size * self.byte_ns + requests * self.request_ns
        return told + self.second_ns


def line(slow: tuple[float, float], fast: tuple[float, float]) -> tuple[float, float]:
    """Return slope and offset of the line through two points."""
    (x, y), (other_x, other_y) = slow, fast
    slope = (other_y - y) / (other_x - x)
    return slope, y - slope * x


def fitted(rows: list[list[float]], found: list[float]) -> list[float]:
    """Return factors of the columns, none below 0, that come nearest to what was found, relatively.

    A column whose factor would be negative is left out: it tells nothing that others do not.
    """
    used = list(range(len(rows[0])))
    scaled = [[cell / y for cell in row] for row, y in zip(rows, found, strict=True)]
    while True:
        sums = [[sum(row[i] * row[j] for row in scaled) for j in used] for i in used]
        factors = solved(sums, [sum(row[i] for row in scaled) for i in used])
        if min(factors) >= 0:
            by_column = dict(zip(used, factors, strict=True))
            return [by_column.get(column, 0.0) for column in range(len(rows[0]))]
        used.pop(factors.index(min(factors)))


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve equations whose matrix is symmetric and positive."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        for other in rows[:i] + rows[i + 1 :]:
            factor = other[i] / pivot[i]
            other[:] = [a - factor * b for a, b in zip(other, pivot, strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]


class Round:
    """One measurement of everything: what processes cost untraced, and each variant beside it."""

    def __init__(self, collector: Collector, options: argparse.Namespace) -> None:
        self._collector = collector
        self._options = options
        self._plain = self._paced("untraced")
        self._busy = at_full_speed(options.requests, "untraced", "")
        self.seen: list[Seen] = []

    def _paced(self, variant: str) -> list[Seen]:
        seconds = self._options.seconds
        return [run_fleet(variant, self._collector, rate, seconds) for rate in (SLOW, FAST)]

    @property
    def collector_second_ns(self) -> float:
        """CPU of the collector in a second in which nothing reached it."""
        return statistics.mean(seen.collector_ns for seen in self._plain)

    def cost_of(self, variant: str) -> Cost:
        found = self._paced(variant)
        self.seen += found
        cpu: list[float] = []
        sizes: list[tuple[float, float]] = []
        for seen, plain in zip(found, self._plain, strict=True):
            rate = seen.calls / PROCESSES
            cpu.append((seen.cpu_ns - plain.cpu_ns) / PROCESSES)
            sizes.append((rate, seen.bytes / PROCESSES))
        url = self._collector.http_endpoint
        busy = at_full_speed(self._options.requests, variant, url)
        return Cost(
            *cpu,
            (busy["cpu_ns"] - self._busy["cpu_ns"]) / busy["calls"],
            *line(*sizes),
            sum(seen.spans for seen in found) / sum(seen.calls for seen in found),
            (busy["peak_kb"] - self._busy["peak_kb"]) / 1024,
        )


def collector_cost(rounds: list[Round]) -> CollectorCost:
    idle = statistics.median(each.collector_second_ns for each in rounds)
    seen = [one for each in rounds for one in each.seen if one.collector_ns > idle]
    rows = [[one.spans, one.bytes, one.requests] for one in seen]
    return CollectorCost(*fitted(rows, [one.collector_ns - idle for one in seen]), idle)


def medians(costs: list[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*map(astuple, costs), strict=True)))


def table(costs: dict[str, Cost], collector: CollectorCost) -> Iterator[str]:
    yield (
        f"| variant | CPU us a second, {SLOW} requests/s | {FAST} requests/s"
        " | CPU ns a call at full speed | bytes a call | bytes a second | spans sent a call"
        " | MiB more |"
    )
    yield "|---" + "|--:" * 7 + "|"
    for name, cost in costs.items():
        yield (
            f"| {name} | {cost.slow_ns / 1000:.0f} | {cost.fast_ns / 1000:.0f}"
            f" | {cost.busy_call_ns:.0f} | {cost.call_bytes:.1f} | {cost.second_bytes:.0f}"
            f" | {cost.spans:.4f} | {cost.mebibytes:.0f} |"
        )
    yield "\n| | CPU ns a span | CPU ns a byte | CPU us a request | CPU us a second |"
    yield "|---" + "|--:" * 4 + "|"
    yield (
        f"| {COLLECTOR} | {collector.span_ns:.0f} | {collector.byte_ns:.3f}"
        f" | {collector.request_ns / 1000:.1f} | {collector.second_ns / 1000:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=3)
    parser.add_argument("--requests", type=whole_from(1), default=50_000, help="at full speed")
    parser.add_argument("--seconds", type=whole_from(1), default=15, help="at each rate")
    options = parser.parse_args()
    found: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
    rounds = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder, "collector.log"), logs_spans=False) as collector,
    ):
        for _ in range(options.rounds):
            rounds.append(Round(collector, options))
            for name, costs in found.items():
                costs.append(rounds[-1].cost_of(name))
    print(f"CPython {platform.python_version()}: median of {counted(options.rounds, 'round')}\n")
    costs = {name: medians(each) for name, each in found.items()}
    print("\n".join(table(costs, collector_cost(rounds))))


if __name__ == "__main__":
    main()
