"""An hour of what programs, operators and networks do: no call is lost uncounted, nothing hangs.

usage: python -m tools.soak [--minutes N] [--seed N] [--only ROUND]

Each round is one program under `run`: a kind of work, a start method, an exporter, a collector's
mood and signals at random moments, all chosen by the seed and the number of the round; `--only`
repeats one. The program counts its calls itself. At the end every call that has come back must
have been delivered, or be counted as dropped, by whatever process; none may come that was not made.
The status is 1 if a round failed, and its folder stays.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tools.cores import core_in_use
from tools.numeric_arguments import number_from, whole_from
from tools.soak.collectors import MOODS
from tools.soak.groups import GRACE_S, Group, Signals
from tools.soak.targets import EXPORTERS, Target, target

PROGRAM = Path(__file__).with_name("storm.py")
METHODS = ("fork", "spawn", "forkserver")
KINDS = ("pool", "processes", "forks", "threads", "names", "descriptors")
WORK = "__main__.work"
SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT)
# gRPC's library does not survive its descriptors, and looks up names that are replaced here
LOSE = (("names", "otlp-grpc"), ("descriptors", "otlp-grpc"))
FILTER = """
[meta]
name = "soak"
version = 1
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "obj:glob:__main__.work*"
exec = "trace"
"""
# gRPC's library says so where a process forks while threads of the library's own are busy.
EXPECTED = ("codetracer-otel: ", "fork_posix.cc")
SUMMARY = re.compile(
    r"codetracer-otel: (\d+) (?:spans|calls) recorded(?:, (\d+) exported)?, (\d+) dropped"
)


@dataclass(frozen=True)
class Round:
    """What happens in one round, all of it by the seed and the number."""

    seed: int
    number: int
    kind: str
    method: str
    exporter: str
    mood: str
    signals: int

    def __str__(self) -> str:
        return (
            f"round {self.number}: {self.kind} {self.method} {self.exporter} {self.mood}"
            f"{f' {self.signals} signals' if self.signals else ''}"
        )

    @property
    def chance(self) -> random.Random:
        """A source of chance that is this round's."""
        return random.Random(f"{self.seed} {self.number}")

    @property
    def is_calm(self) -> bool:
        """Whether every call comes back and must arrive."""
        if (self.kind, self.exporter) in LOSE:
            return False
        return self.mood == "healthy" and not self.signals and self.kind != "processes"


def round_of(seed: int, number: int) -> Round:
    chance = random.Random(f"{seed} {number} choice")
    exporter = EXPORTERS[number % len(EXPORTERS)]
    return Round(
        seed,
        number,
        chance.choice(KINDS),
        chance.choice(METHODS),
        exporter,
        chance.choice(MOODS) if exporter.startswith("otlp") else "healthy",
        chance.choice((0, 0, 1, 1, 2, 4)),
    )


@dataclass
class Outcome:
    """What came of a round.

    Attributes:
        begun: calls that the program was about to make, by its own count.
        done: those that came back.
        arrived: calls that were delivered.
        dropped: calls that our log or summary counts as lost.
        processes: how many made calls.
        signals: how many were sent.
        problems: what must not be.
    """

    begun: int = 0
    done: int = 0
    arrived: int = 0
    dropped: int = 0
    processes: int = 0
    signals: int = 0
    problems: list[str] = field(default_factory=list)

    def count(self, other: Outcome) -> None:
        """Add the numbers of another one."""
        self.begun += other.begun
        self.done += other.done
        self.arrived += other.arrived
        self.dropped += other.dropped
        self.processes += other.processes
        self.signals += other.signals


def play(this: Round, folder: Path) -> Outcome:
    (folder / "counts").mkdir()
    (folder / "filter.toml").write_text(FILTER)
    with target(this.exporter, folder, this.mood, this.seed) as where:
        group = Group(_command(this, folder, where), folder)
        signals = Signals(
            *(this.chance, this.signals, SIGNALS),
            lambda: count_calls(folder / "counts", Outcome()).done,
            first_only=this.kind == "pool",
        )
        status = group.wait(signals)
        left = group.end() if status is not None or signals.sent else group.members()
        group.send(signal.SIGKILL)
        time.sleep(0.1)  # the collector reads what is on its way
        outcome = take_stock(this, folder, where, signals.done)
    outcome.signals = len(signals.sent)
    if status is None:
        outcome.problems.append("no end")
    if left:
        outcome.problems.append(f"{len(left)} processes did not end within {3 * GRACE_S} s")
    if status != 0 and not signals.sent:
        outcome.problems.append(f"status {status}")
    return outcome


def _command(this: Round, folder: Path, where: Target) -> list[str]:
    options = ["--trace-filter", str(folder / "filter.toml"), "--exporter", where.spec]
    program = [str(PROGRAM), this.kind, this.method, str(this.seed + this.number)]
    return ["-m", "codetracer_otel", "run", *options, *program, str(folder / "counts")]


def take_stock(this: Round, folder: Path, where: Target, done_before: int | None) -> Outcome:
    outcome = count_calls(folder / "counts", Outcome())
    due = outcome.done
    if this.kind == "threads" and done_before is not None:
        due = done_before  # threads go on with their work while SIGTERM is being answered
    errors = (folder / "stderr").read_text()
    outcome.dropped = count_dropped(errors, this, outcome)
    try:
        names = where.count()
    except (AssertionError, ValueError, KeyError, IndexError) as error:
        outcome.problems.append(f"unreadable: {error!r}")
        names = Counter()
    outcome.arrived = sum(count for name, count in names.items() if name.startswith(WORK))
    if strangers := [name for name in names if not name.startswith(WORK)]:
        outcome.problems.append(f"never called: {strangers[:3]}")
    if outcome.arrived > outcome.begun:
        outcome.problems.append("more calls arrived than were made")
    if outcome.arrived + outcome.dropped < due:
        outcome.problems.append(f"{due - outcome.arrived - outcome.dropped} lost uncounted")
    if this.is_calm and not outcome.begun == outcome.done == outcome.arrived:
        outcome.problems.append("not every call arrived")
    return outcome


def count_calls(folder: Path, outcome: Outcome) -> Outcome:
    files = [*folder.iterdir()]
    outcome.processes = len({file.name.split("-")[0] for file in files})
    for file in files:
        data = file.read_bytes()
        outcome.begun += int.from_bytes(data[:8], sys.byteorder)
        outcome.done += int.from_bytes(data[8:16], sys.byteorder)
    return outcome


def count_dropped(errors: str, this: Round, outcome: Outcome) -> int:
    """Return the losses that the log tells of, and judge the summary."""
    lines = errors.splitlines()
    dropped = 0
    for line in lines:
        if line.startswith('{"ts_micros"') and '"message": "spans dropped"' in line:
            dropped += sum(json.loads(line)["fields"].values())
    summaries = [*SUMMARY.finditer(errors)]
    if not summaries and not this.signals:
        outcome.problems.append("no summary")
    for summary in summaries:
        if summary[2] is not None and int(summary[1]) != int(summary[2]) + int(summary[3]):
            outcome.problems.append(f"sum of {summary[0]!r}")
    if outcome.begun and "codetracer_otel/" in errors:
        outcome.problems.append("a frame of ours on stderr")
    others = [line for line in lines if not any(known in line for known in EXPECTED)]
    if this.is_calm and this.exporter != "console" and others:
        outcome.problems.append(f"stderr: {others[:3]}")
    return dropped


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=number_from(0), default=60)
    parser.add_argument("--seed", type=whole_from(0), default=time.time_ns() % 1_000_000)
    parser.add_argument("--only", type=whole_from(0), help="repeat this round alone")
    options = parser.parse_args(arguments)
    version = ".".join(map(str, sys.version_info[:3]))
    core = core_in_use(sys.executable)
    print(f"CPython {version}, core {core}, seed {options.seed}", flush=True)
    deadline = time.monotonic() + 60 * options.minutes
    first = number = options.only or 0
    total, failed = Outcome(), 0
    while True:
        failed += not repeat(round_of(options.seed, number), total)
        number += 1
        if options.only is not None or time.monotonic() > deadline:
            break
    print(
        f"{number - first} rounds, {failed} failed; {total.begun:,} calls begun, "
        f"{total.done:,} done, {total.arrived:,} arrived, {total.dropped:,} dropped, "
        f"in {total.processes:,} processes with {total.signals:,} signals"
    )
    return 1 if failed else 0


def repeat(this: Round, total: Outcome) -> bool:
    """Play one round, print what came of it, and return whether it was good."""
    folder = Path(tempfile.mkdtemp(prefix=f"soak-{this.seed}-{this.number}-"))
    begin = time.monotonic()
    outcome = play(this, folder)
    total.count(outcome)
    print(
        f"{this}: {outcome.begun} begun, {outcome.done} done, {outcome.arrived} arrived, "
        f"{outcome.dropped} dropped, {outcome.processes} processes, {outcome.signals} signals, "
        f"{time.monotonic() - begin:.1f} s{' FAILED' if outcome.problems else ''}",
        flush=True,
    )
    for problem in outcome.problems:
        print(f"    {problem}; see {folder}", flush=True)
    if not outcome.problems:
        shutil.rmtree(folder)
    return not outcome.problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
