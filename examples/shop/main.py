"""Run a small shop for a day: customers sign in, order and pay, parcels leave, a report ends it.

An ordinary program: nothing in it knows that it can be traced.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from shop.day import run_day


def main(arguments: list[str] | None = None) -> int:
    """Run as many days as the command line says; return the exit status."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="shop-") as folder:
        for day in range(1, options.days + 1):
            run_day(Path(folder, f"day-{day}.sqlite"))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a small shop.")
    parser.add_argument("--days", type=int, default=1, help="how many days to run (default 1)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
