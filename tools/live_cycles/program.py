"""Works on threads and in an asyncio loop until its input ends, and counts its calls itself.

usage: program.py COUNTS [control] [tracemalloc]

Each worker writes the number of the call that it is about to make into its eight bytes of the file
COUNTS. What the calls come to is printed at the end. A line on standard input is answered with what
the process holds: memory, objects, descriptors, threads, tools. ``control`` offers a control
socket; ``tracemalloc`` counts bytes, and makes the resident memory grow by its own tables.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import mmap
import os
import sys
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 4
TASKS = 3
WORKERS = THREADS + TASKS
WIDTH = 8
SPIN = 3000
PAUSE_S = 0.001
MONITORING = sys.monitoring  # noqa: TID251 - of the program that is recorded

type Counts = memoryview[int]
type Totals = dict[int, tuple[int, int]]


def inner(who: int, number: int, turn: int) -> int:
    return (who * 31 + number * 7 + turn) % 1009


def outer(who: int, number: int) -> int:
    found = inner(who, number, 0)
    return found + inner(who, number, 1)


async def step(who: int, number: int) -> int:
    found = inner(who, number, 0)
    await asyncio.sleep(0)
    return found + inner(who, number, 1)


def total(who: int, calls: int) -> int:
    """Return what a worker comes to with so many calls, traced or not."""
    found = 0
    for number in range(1, calls + 1):
        found = (found * 3 + outer(who, number)) % 1_000_003
    return found


def facts() -> dict[str, Any]:
    """Return what this process holds."""
    for _ in range(3):
        gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what the C library keeps for later is nobody's
    return {
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "garbage": len(gc.garbage),
        "traced_bytes": tracemalloc.get_traced_memory()[0],
        "rss_kb": _rss_kb(),
        "descriptors": sorted(_descriptors()),
        "threads": len(os.listdir("/proc/self/task")),
        "known_threads": sorted(thread.name for thread in threading.enumerate()),
        "tools": [MONITORING.get_tool(tool) for tool in range(6)],
        "events": [MONITORING.get_events(t) for t in range(6) if MONITORING.get_tool(t)],
        "path": sys.path,
        "modules": len(sys.modules),
    }


def _rss_kb() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def _descriptors() -> Iterator[str]:
    with os.scandir("/proc/self/fd") as found:
        numbers = [entry.name for entry in found]
    for number in numbers:
        try:
            yield f"{number} {os.readlink(f'/proc/self/fd/{number}')}"
        except OSError:
            continue  # the one that has read the folder


def _work(who: int, counts: Counts, is_over: threading.Event, totals: Totals) -> None:
    found = number = 0
    while not is_over.is_set():
        number += 1
        counts[who] = number
        found = (found * 3 + outer(who, number)) % 1_000_003
        sum(range(SPIN))
        time.sleep(PAUSE_S)
    totals[who] = (number, found)


async def _take_steps(who: int, counts: Counts, is_over: threading.Event, totals: Totals) -> None:
    found = number = 0
    while not is_over.is_set():
        number += 1
        counts[who] = number
        found = (found * 3 + await step(who, number)) % 1_000_003
        sum(range(SPIN))
        await asyncio.sleep(PAUSE_S)
    totals[who] = (number, found)


async def _loop(counts: Counts, is_over: threading.Event, totals: Totals) -> None:
    workers = range(THREADS, WORKERS)
    await asyncio.gather(*(_take_steps(who, counts, is_over, totals) for who in workers))


def _answer(is_over: threading.Event) -> None:
    for line in sys.stdin:
        print(json.dumps(facts()) if line.strip() == "facts" else line.strip(), flush=True)
    is_over.set()


def main(path: str, *options: str) -> None:
    if "tracemalloc" in options:
        tracemalloc.start()
    if "control" in options:
        from codetracer_otel.sdk.session import configure  # noqa: PLC0415 - attach imports it, too

        configure.offer_control()
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), WORKERS * WIDTH) as shared:
        counts = memoryview(shared).cast("Q")
        totals: Totals = {}
        is_over = threading.Event()
        threads = [
            threading.Thread(target=_work, args=(who, counts, is_over, totals))
            for who in range(THREADS)
        ]
        threads.append(threading.Thread(target=_answer, args=(is_over,)))
        for thread in threads:
            thread.start()
        asyncio.run(_loop(counts, is_over, totals))
        for thread in threads:
            thread.join()
        counts.release()
    print(json.dumps(totals))


if __name__ == "__main__":
    main(*sys.argv[1:])
