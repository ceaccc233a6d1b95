"""Compare identical runs again and again: ``python -m tools.diff_noise [PAIRS]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tools.numeric_arguments import whole_from

from codetracer_otel.analysis.differences.change_texts import change_lines
from codetracer_otel.analysis.differences.comparison import compare
from codetracer_otel.traces import open_traces

PROGRAM = Path(__file__).resolve().parent.parent / "tests/analysis/differences/programs/workers.py"
PAIRS = 100
PLANTS = {
    "no cache": ("calls", "__main__.compute"),
    "exception": ("errors", "__main__.process"),
    "slow leaf": ("self", "__main__.shape"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="?", type=whole_from(1), default=PAIRS)
    pairs = parser.parse_args().pairs
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    outcome: Counter[bool] = Counter()
    with tempfile.TemporaryDirectory(prefix="codetracer-diff-") as made:
        before = record(Path(made, "0.jsonl"))
        for number in range(1, pairs + 1):
            after = record(Path(made, f"{number}.jsonl"))
            outcome[is_empty(before, after)] += 1
            before = after
        named = sum(
            first(before, record(Path(made, "plant"), plant)) == expected
            for plant, expected in PLANTS.items()
        )
    print(f"{outcome[True]} of {pairs} comparisons of identical runs were empty")
    print(f"{named} of {len(PLANTS)} planted changes were named first")
    return int(outcome[False] > 0 or named < len(PLANTS))


def record(path: Path, *plant: str) -> str:
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "codetracer_otel", "run", "--quiet"]
    command += ["--exporter", f"jsonl={path}", str(PROGRAM), *plant]
    subprocess.run(command, check=True)
    return str(path)


def is_empty(old: str, new: str) -> bool:
    with open_traces([old]) as before, open_traces([new]) as after:
        changes = compare([before], [after]).changes
    for change in changes:
        print(*change_lines(change), sep="\n", flush=True)
    return not changes


def first(old: str, new: str) -> tuple[str, str]:
    with open_traces([old]) as before, open_traces([new]) as after:
        change = compare([before], [after]).changes[0]
    return change.kind.value, change.name


if __name__ == "__main__":
    sys.exit(main())
