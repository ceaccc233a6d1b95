"""Begins and ends recording in a busy process, again and again: no call is lost, nothing stays.

usage: python -m tools.live_cycles [--cycles N] [--way attach|pause] [--tracemalloc]

``attach`` attaches to the process and detaches from it: with ``sys.remote_exec`` where there is
one, else over the control socket of a dormant process. ``pause`` attaches once, and resumes and
pauses. The program counts its calls itself, in a file that is read before and after each command:
every call that began in between must have its span, with the right parent, exactly once. After
every tenth cycle it says what it holds. The status is 1 if something was lost, doubled or kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tools.live_cycles.cycles import WAYS, run_cycles
from tools.numeric_arguments import whole_from


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=whole_from(1), default=100)
    parser.add_argument("--tracemalloc", action="store_true", help="count bytes instead of RSS")
    parser.add_argument("--way", choices=WAYS, action="append", help="default: all")
    arguments = parser.parse_args()
    problems = []
    for way in arguments.way or WAYS:
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_cycles(way, arguments.cycles, Path(folder), arguments.tracemalloc)
        print(outcome, flush=True)
        problems += outcome.problems
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
