"""Keeps 10^6 spans undecided in open traces, within a bound of memory, and counts what is lost.

usage: python -m benchmarks.undecided [SPANS] [ROOTS]

Requests are open all at once, as tasks; each makes its share of the calls and then waits. The last
one fails. The session keeps traces with errors, within `Buffer.bytes` (64 MiB).
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from codetracer_otel.filters import filter_from_text
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Buffer
from codetracer_otel.testing import InMemoryExporter

FILTER = f"""{HEADER}
[[scope.rules]]
selector = "obj:**.{{request,step}}"
exec = "trace"
[[scope.rules]]
selector = "obj:**.request"
root = true
"""


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def step(number: int, user: str) -> str:
    return user


async def request(number: int, calls: int, gate: asyncio.Event) -> None:
    for turn in range(calls):
        step(turn, "ada")
        if turn % 1_000 == 999:
            await asyncio.sleep(0)
    await gate.wait()
    if number < 0:
        raise LookupError("planted")


async def service(spans: int, roots: int) -> list[float]:
    gate, peak = asyncio.Event(), [resident_mb()]
    tasks = [
        asyncio.create_task(request(number, spans // roots, gate))
        for number in (*range(roots - 1), -1)
    ]
    while not gate.is_set():
        await asyncio.sleep(0.01)
        peak.append(resident_mb())
        waiting = sum(task.get_coro().cr_await is not None for task in tasks)
        if waiting == len(tasks) and len(peak) > 20 and peak[-1] == peak[-20]:
            gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spans", nargs="?", type=whole_from(1), default=1_000_000)
    parser.add_argument("roots", nargs="?", type=whole_from(1), default=100)
    arguments = parser.parse_args()
    spans, roots = arguments.spans, arguments.roots
    exporter = InMemoryExporter()
    limits = Buffer(when_full="block")
    with configure(filter_from_text(FILTER), exporter, tail="errors", buffer=limits) as session:
        peak = asyncio.run(service(spans, roots))
        assert session.flush(120)
        stats = session.stats()
    kept, dropped, lost = len(exporter.spans), stats["tail"]["spans"], stats["dropped"]
    grown = max(peak) - peak[0]
    print(f"{spans} calls below {roots} open roots, {limits.bytes / 1e6:.0f} MB may wait")
    print(f"resident memory: {peak[0]:.0f} MB before, {grown:.0f} MB more at most")
    print(f"traces: {stats['tail']['traces']}, spans: {dropped}, lost: {lost}")
    counted = kept + dropped.get("dropped", 0) + sum(lost.values())
    print(f"delivered {kept}, counted in all {counted} of {spans + roots}")


if __name__ == "__main__":
    main()
