"""Records calls into a flight recorder, watches the memory of the process, and dumps what is kept.

usage: python -m benchmarks.flight [CALLS] [MB]

What is dumped must be the last calls in the order of their ends, with none left out between the
oldest of them and the last call made.
"""

from __future__ import annotations

import argparse
import platform

from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from benchmarks.undecided import resident_mb
from codetracer_otel.filters import filter_from_text
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record import ARGUMENTS, PLAN
from codetracer_otel.sdk.session.configure import configure
from codetracer_otel.sdk.settings.limits import Buffer

CALLS = 1_000_000
RING_MB = 64
CALLS_PER_TURN = 1_000
FILTER = f"""{HEADER}
[[scope.rules]]
selector = "obj:**.{{turn,step}}"
exec = "trace"
"""


class Numbers:
    """Keeps the number of each call of `step` that it is given."""

    def __init__(self) -> None:
        self.found: list[int] = []

    def export(self, batch):
        steps = (record for record in batch.records if record[PLAN].name.endswith(".step"))
        self.found += [record[ARGUMENTS][0] for record in steps]
        return ExportResult.SUCCESS

    def flush(self, timeout):  # noqa: ARG002 - nothing waits here
        return True

    def shutdown(self, timeout):
        pass


def step(number: int, user: str) -> str:
    return user


def turn(first: int) -> None:
    for number in range(first, first + CALLS_PER_TURN):
        step(number, "ada")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", nargs="?", type=whole_from(1), default=CALLS)
    parser.add_argument("ring_mb", nargs="?", type=whole_from(1), default=RING_MB)
    arguments = parser.parse_args()
    calls, ring_mb = arguments.calls, arguments.ring_mb
    exporter, half = Numbers(), 0.0
    limits = Buffer(when_full="block")
    options = {"flight_recorder": f"{ring_mb}MB", "buffer": limits, "set_global": False}
    with configure(filter_from_text(FILTER), exporter, **options) as session:
        turn(0)
        assert session.flush()
        before = peak = resident_mb()
        for first in range(CALLS_PER_TURN, calls, CALLS_PER_TURN):
            turn(first)
            peak = max(peak, resident_mb())
            half = half or (peak if first >= calls // 2 else 0.0)
        assert session.dump(timeout=600)
        lost = session.dropped()
    oldest, last = exporter.found[0], exporter.found[-1]
    is_whole = exporter.found == list(range(oldest, calls)) and not lost
    print(f"CPython {platform.python_version()}: {calls:,} calls\n")
    print("| | MB |\n|---|--:|")
    print(f"| the ring may hold | {ring_mb} |")
    print(f"| more in memory than before the first call, at most | {peak - before:.0f} |")
    print(f"| of these grown in the second half of the calls | {peak - half:.0f} |\n")
    told = "each of them, in order" if is_whole else f"NOT WHOLE, {lost} lost, up to {last:,}"
    print(f"Dumped: the last {len(exporter.found):,} calls, {told}.")


if __name__ == "__main__":
    main()
