"""Many threads and many tasks: nothing is lost, everything is balanced; memory is reported.

usage: stress.py [--threads N] [--calls N] [--tasks N] [--large-calls N] [--write docs/stress.md]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import resource
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import codetracer_otel as ct
from codetracer_otel.ports import ExportResult
from codetracer_otel.records import PARENT_ID, SPAN_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.spans import Batch

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


MAX_GROWN_MIB = 8

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


def memory_after(calls: int, session: ct.Session) -> float:
    """Return MiB in use when so many calls with large arguments were made and delivered."""
    for number in range(calls):
        large = Large(number)
        traced_taker(large, large.items, large.text)
    session.flush(600)
    gc.collect()
    return memory_mib()


def measure_leak(calls: int) -> tuple[list[str], bool]:
    """Call with large arguments; memory must stay, and each argument die when it would have."""
    with ct.configure(
        ct.filter_from_text(FILTER), "none", policy={"on_recorder_error": "abort"}
    ) as session:
        memory_after(calls // 10, session)
        before = memory_after(calls // 10, session)
        after = memory_after(calls, session)
        alive = 0
        for number in range(1_000):
            reference = weakref.ref(traced_taker(Large(number), [number], "x"))
            alive += reference() is not None
        session.flush(600)
        recorded = session.stats()["recorded"]
    good = after - before < MAX_GROWN_MIB and not alive
    return [
        f"{recorded:,} calls with arguments of 30 KB each: {before:.1f} MiB after the first sixth, "
        f"{after:.1f} MiB at the end; {alive} of 1,000 arguments outlived their call "
        f"({'good' if good else 'NOT GOOD'}).",
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=200)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--large-calls", type=int, default=1_000_000)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    rows = [
        measure(
            f"{options.threads} threads x {options.calls:,} calls",
            lambda: run_threads(options.threads, options.calls),
        ),
        measure(f"{options.tasks:,} concurrent tasks", lambda: run_tasks(options.tasks)),
    ]
    leak, leaks_nothing = measure_leak(options.large_calls)
    lines = [
        f"### CPython {platform.python_version()}",
        "",
        HEADER,
        "|---|---|---|---|---|---|---|---|",
        *(line for line, _ in rows),
        "",
        *leak,
    ]
    print("\n".join(lines))
    if options.write:
        with options.write.open("a") as file:
            file.write("\n".join(lines) + "\n")
    return 0 if all(good for _, good in rows) and leaks_nothing else 1


if __name__ == "__main__":
    raise SystemExit(main())
