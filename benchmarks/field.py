"""We and the field on two workloads: recursive ``fib(20)``, and ``handle`` calling ``validate``.

usage: python -m benchmarks.field [--rounds N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
from functools import partial
from pathlib import Path

from tools.numeric_arguments import whole_from

from benchmarks.measuring import Series, interleave
from benchmarks.peers import PEERS, run

WORKLOADS = ("fib", "handle")


def measure(rounds: int, names: frozenset[str] | None = None) -> dict[str, dict[str, Series]]:
    """Return workload -> peer -> ns per call."""
    peers = [peer for peer in PEERS if peer.is_here and (names is None or peer.name in names)]
    return {
        workload: interleave({peer.name: partial(run, peer, workload) for peer in peers}, rounds)
        for workload in WORKLOADS
    }


def table(figures: dict[str, dict[str, Series]]) -> list[str]:
    does = {peer.name: peer.does for peer in PEERS}
    version = platform.python_version()
    lines = [
        f"CPython {version}: CPU ns of the program's thread per call, median (lowest-highest)",
        "",
        "| tool | fib | handle | fib, added | handle, added | records |",
        "|---|---|---|---|---|---|",
    ]
    for name in figures["fib"]:
        series = [figures[workload][name] for workload in WORKLOADS]
        added = [
            figures[workload][name].minus(figures[workload]["untraced"]) for workload in WORKLOADS
        ]
        cells = [*(one.text() for one in series), *(f"{one.median:.0f}" for one in added)]
        lines.append(f"| {name} | {' | '.join(cells)} | {does[name]} |")
    absent = sorted({peer.package for peer in PEERS if not peer.is_here})
    return [*lines, "", f"Not on this interpreter: {', '.join(absent)}."] if absent else lines


def as_json(figures: dict[str, dict[str, Series]]) -> dict[str, dict[str, list[float]]]:
    return {
        workload: {name: list(series.values) for name, series in by_name.items()}
        for workload, by_name in figures.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="+", metavar="TOOL")
    arguments = parser.parse_args()
    figures = measure(arguments.rounds, frozenset(arguments.only) if arguments.only else None)
    print("\n".join(table(figures)))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(figures), indent=1))


if __name__ == "__main__":
    main()
