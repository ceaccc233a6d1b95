"""Random programs, sessions, events, texts and values against the compiled core.

usage: python -m tools.fuzz [--minutes N] [--seed N] [--only KIND:NUMBER] [--sanitize]
                            [--versions "3.12 3.14"]

Each round is one process on one interpreter, all of it chosen by the kind, the seed and the number
of the round. A round fails if it crashes, hangs, makes the program do something else, if the cores
tell different things, or if a sanitizer reports. Its folder stays in build/fuzz, with what it said
and the program that it played; `--only` plays a round again. The status is 1 if a round failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tools import sanitize
from tools.matrix import VERSIONS, environment
from tools.numeric_arguments import number_from, whole_from

PROJECT = Path(__file__).parent.parent.parent
KINDS = ("stormy", "stormy", "stormy", "stormy", "calm", "calm", "hand", "texts")
LIMIT_S = 1200  # a round has 120 s of processor time, on a machine that may be busy


@dataclass(frozen=True)
class Interpreter:
    """What plays rounds.

    Attributes:
        name: its version, and whether the core is the instrumented one.
        python: the program.
        variables: of its environment.
    """

    name: str
    python: Path
    variables: dict[str, str]


def main() -> int:
    asked = arguments()
    seed = asked.seed if asked.seed is not None else int(time.time())
    found = {version: environment(version) for version in asked.versions.split()}
    interpreters = [
        interpreter(version, place, is_sanitized=asked.sanitize)
        for version, place in found.items()
        if place is not None
    ]
    print(f"seed {seed}", flush=True)
    if asked.only:
        kind, number = asked.only.split(":")
        return sum(play(each, kind, seed, int(number)) for each in interpreters)
    rounds: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    end, number = time.monotonic() + 60 * asked.minutes, 0
    while time.monotonic() < end:
        for each in interpreters:
            begin = time.monotonic()
            rounds[each.name] += 1
            failed[each.name] += play(each, KINDS[number % len(KINDS)], seed, number)
            spent[each.name] += time.monotonic() - begin
        number += 1
    print("| CPython | rounds | minutes | failed |\n|---|---|---|---|")
    for name, count in rounds.items():
        print(f"| {name} | {count} | {spent[name] / 60:.1f} | {failed[name]} |")
    return int(failed.total() > 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("--minutes", type=number_from(0), default=60)
    parser.add_argument("--seed", type=whole_from(0))
    parser.add_argument("--only", metavar="KIND:NUMBER")
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--versions", default=" ".join(VERSIONS))
    return parser.parse_args()


def interpreter(version: str, place: Path, *, is_sanitized: bool) -> Interpreter:
    python = place / "bin" / "python"
    variables = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    if not is_sanitized:
        return Interpreter(version, python, variables)
    build = [python, "-m", "tools.sanitize", "--build"]
    told = subprocess.run(build, cwd=PROJECT, check=True, capture_output=True, text=True)
    variables |= {**sanitize.settings(), "PYTHONPATH": told.stdout.strip()}
    return Interpreter(f"{version} sanitized", python, variables)


def play(each: Interpreter, kind: str, seed: int, number: int) -> bool:
    """Play a round; return whether it failed."""
    name = f"{each.name.replace(' ', '-')}-{kind}-{seed}-{number}"
    folder = PROJECT / "build" / "fuzz" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [each.python, "-m", "tools.fuzz.rounds", kind, f"{seed} {number}", folder]
    with (folder / "output").open("wb") as output:
        begun = subprocess.Popen(
            command, cwd=PROJECT, env=each.variables, stdout=output, stderr=output
        )
        try:
            status = begun.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            begun.send_signal(signal.SIGABRT)  # and faulthandler says where it stands
            begun.wait()
            status = None
    if status == 0:
        shutil.rmtree(folder)
        return False
    last = (folder / "output").read_text(errors="replace").strip().rpartition("\n")[2]
    print(f"{each.name} {kind}:{number} of seed {seed}: status {status}: {last[:200]}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
