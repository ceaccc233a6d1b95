"""Many threads and many tasks: nothing is lost, everything is balanced; memory is reported.

usage: python -m tools.stress [--threads N] [--calls N] [--tasks N] [--large-calls N] [--only-large]
       [--write docs/stress.md]
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import platform
import resource
import sys
import threading
import time
import weakref
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cores import core_in_use
from tools.numeric_arguments import whole_from

import codetracer_otel as ct
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record import PARENT_ID, SPAN_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.model.span_view import Batch

FILTER = """
[meta]
name = "stress"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "obj:glob:*.traced_*"
exec = "trace"
"""


MAX_GROWN_MIB = 1
BLOCK_BYTES = 512  # at most: what is larger is malloc's
FLUSH_CALLS = 10_000  # such calls fill the buffer sooner than a busy machine delivers them

HEADER = (
    "| load | nothing lost, balanced | spans expected | delivered | without parent "
    "| healed | time | memory before / at the end of the load / after |"
)


class Ids:
    """An exporter that keeps span ids and parent ids, and nothing else."""

    def __init__(self) -> None:
        self.spans: set[int] = set()
        self.parents: set[int] = set()
        self.count = 0

    def export(self, batch: Batch) -> ExportResult:
        for record in batch.records:
            self.spans.add(record[SPAN_ID])
            self.parents.add(record[PARENT_ID])
        self.count += len(batch.records)
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:  # noqa: ARG002
        return True

    def shutdown(self, timeout: float) -> None:
        pass


def traced_leaf(number: int) -> int:
    return number + 1


def traced_thread(calls: int) -> None:
    for number in range(calls - 1):
        traced_leaf(number)


async def traced_task(number: int) -> int:
    await asyncio.sleep(0)
    return traced_leaf(number)


async def traced_main(tasks: int) -> None:
    await asyncio.gather(*[asyncio.create_task(traced_task(n)) for n in range(tasks)])


class Large:
    """An argument of some size that can be referred to weakly."""

    def __init__(self, number: int) -> None:
        self.items = [number] * 2_000
        self.text = "x" * 10_000


def traced_taker(large: Large, items: list[int], text: str) -> Large:
    return large if items and text else Large(0)


class Mallinfo(ctypes.Structure):
    """What glibc's ``mallinfo2`` tells of all arenas."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds: pages, of these what malloc handed out, and Python's small blocks.

    Pages also hold what is free: the buffer fills while the worker waits for a processor, and
    malloc keeps the pages of the fullest moment.
    """

    resident_mib: float
    malloc_mib: float
    blocks: int

    @classmethod
    def now(cls) -> Memory:
        gc.collect()
        mallinfo = ctypes.CDLL(None).mallinfo2
        mallinfo.restype = Mallinfo
        seen = mallinfo()
        in_use = (seen.uordblks + seen.hblkhd) / 2**20
        return cls(memory_mib(), in_use, sys.getallocatedblocks())

    def grown_mib(self, since: Memory) -> float:
        """Return MiB in use more than then, at most: a block may be smaller than counted here."""
        return (
            self.malloc_mib - since.malloc_mib + (self.blocks - since.blocks) * BLOCK_BYTES / 2**20
        )


def memory_after(calls: int, session: ct.Session) -> Memory:
    """Return what is held when so many calls with large arguments were made and delivered."""
    for number in range(calls):
        large = Large(number)
        traced_taker(large, large.items, large.text)
        if number % FLUSH_CALLS == 0:
            session.flush(600)
    session.flush(600)
    return Memory.now()


def outlived(calls: int) -> int:
    """Return how many arguments of so many calls were alive after their call."""
    references = (weakref.ref(traced_taker(Large(n), [n], "x")) for n in range(calls))
    return sum(reference() is not None for reference in references)


def measure_leak(calls: int) -> tuple[list[str], bool]:
    """Call with large arguments; memory must stay, and each argument die when it would have."""
    with ct.configure(
        ct.filter_from_text(FILTER), "none", policy={"on_recorder_error": "abort"}
    ) as session:
        held = {
            count: memory_after(count - done, session)
            for done, count in pairwise((0, calls // 10, calls // 3, calls))
        }
        alive = outlived(1_000)
        dropped = sum(session.stats()["dropped"].values())
    first, *_, last = held.values()
    grown = last.grown_mib(first)
    good = grown < MAX_GROWN_MIB and not alive and not dropped
    rows = [
        f"| {count:,} | {memory.malloc_mib:.2f} MiB | {memory.blocks:,} "
        f"| {memory.resident_mib:.1f} MiB |"
        for count, memory in held.items()
    ]
    return [
        "| calls with arguments of 30 KB each | malloc, in use | small blocks in use | resident |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Grown since the first row: {grown:.2f} MiB in use at most; {alive} of 1,000 arguments "
        f"outlived their call, {dropped:,} spans were dropped ({'good' if good else 'NOT GOOD'}).",
        "",
    ], good


def run_threads(threads: int, calls: int) -> int:
    started = [threading.Thread(target=traced_thread, args=(calls,)) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return threads * calls


def run_tasks(tasks: int) -> int:
    asyncio.run(traced_main(tasks))
    return 2 * tasks + 1


def memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(name: str, run: Callable[[], int]) -> tuple[str, bool]:
    ids = Ids()
    before = memory_mib()
    session = ct.configure(
        ct.filter_from_text(FILTER),
        ids,
        policy={"on_recorder_error": "abort"},
        buffer=ct.Buffer(records=4_000_000, bytes=1 << 32),
    )
    began = time.perf_counter()
    expected = run()
    seconds = time.perf_counter() - began
    while_running = memory_mib()
    session.flush(600)
    stats = session.stats()
    session.shutdown(60)
    orphans = len(ids.parents - ids.spans - {0})
    healed = stats["recorder"]["healed_stack_entries"]
    good = ids.count == expected == len(ids.spans) and not orphans and not healed
    cells = (
        name,
        "yes" if good else "NO",
        f"{expected:,}",
        f"{ids.count:,}",
        f"{orphans}",
        f"{healed}",
        f"{seconds:.1f} s",
        f"{before:.0f} / {while_running:.0f} / {memory_mib():.0f} MiB",
    )
    return f"| {' | '.join(cells)} |", good and not stats["dropped"]


def measure_loads(options: argparse.Namespace) -> list[tuple[str, bool]]:
    """Return the rows of the threads and of the tasks, and whether they are good."""
    threads, calls, tasks = options.threads, options.calls, options.tasks
    return [
        measure(f"{threads} threads x {calls:,} calls", lambda: run_threads(threads, calls)),
        measure(f"{tasks:,} concurrent tasks", lambda: run_tasks(tasks)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=whole_from(1), default=200)
    parser.add_argument("--calls", type=whole_from(1), default=10_000)
    parser.add_argument("--tasks", type=whole_from(1), default=10_000)
    parser.add_argument("--large-calls", type=whole_from(1), default=1_000_000)
    parser.add_argument("--only-large", action="store_true")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    rows = [] if options.only_large else measure_loads(options)
    leak, leaks_nothing = measure_leak(options.large_calls)
    table = [HEADER, "|---|---|---|---|---|---|---|---|", *(line for line, _ in rows), ""]
    core = core_in_use(sys.executable)
    lines = [
        f"### CPython {platform.python_version()}, recorder in {core}",
        "",
        *(table if rows else ()),
        *leak,
    ]
    print("\n".join(lines))
    if options.write:
        with options.write.open("a") as file:
            file.write("\n".join(lines) + "\n")
    return 0 if all(good for _, good in rows) and leaks_nothing else 1


if __name__ == "__main__":
    raise SystemExit(main())
