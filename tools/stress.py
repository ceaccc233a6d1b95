"""Many threads and many tasks: nothing is lost, everything is balanced; memory is reported.

usage: stress.py [--threads N] [--calls N] [--tasks N] [--write docs/stress.md]
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import resource
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import codetracer_otel as ct
from codetracer_otel.ports import ExportResult
from codetracer_otel.records import PARENT_ID, SPAN_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.records import Batch

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
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    rows = [
        measure(
            f"{options.threads} threads x {options.calls:,} calls",
            lambda: run_threads(options.threads, options.calls),
        ),
        measure(f"{options.tasks:,} concurrent tasks", lambda: run_tasks(options.tasks)),
    ]
    lines = [
        f"### CPython {platform.python_version()}",
        "",
        HEADER,
        "|---|---|---|---|---|---|---|---|",
        *(line for line, _ in rows),
        "",
    ]
    print("\n".join(lines))
    if options.write:
        with options.write.open("a") as file:
            file.write("\n".join(lines) + "\n")
    return 0 if all(good for _, good in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
