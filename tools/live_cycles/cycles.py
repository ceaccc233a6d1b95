"""Starts the program, gives it commands in cycles, and takes stock of what it holds."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.live_cycles.program import WIDTH, WORKERS, total
from tools.live_cycles.spans import Period, by_worker, losses_in, problems_of, spans_of

from codetracer_otel.cli import main as command

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("program.py")
WAYS = ("attach", "pause")
RECORDED_S = 0.15
STOCK_EVERY = 10
DELIVERED_S = 1.5  # calls that wait to be delivered are held
SAME = ("descriptors", "threads", "known_threads", "tools", "events", "path", "garbage")
# In the second half; allocators settle in the first, and what threads hold differs between looks.
MAX_GROWN = {"objects": 300, "blocks": 3_000}
MAX_GROWN_KB = 4_096
MAX_GROWN_BYTES = 500_000
PATIENCE_S = 30.0
ENVIRONMENT = os.environ  # noqa: TID251 - of a tool, and of the program that it starts
FILTER = """
[meta]
name = "cycles"
version = 2
[scope]
default_exec = "skip"
default_value_action = "allow"
[[scope.rules]]
selector = "obj:__main__.{outer,inner,step}"
exec = "trace"
"""


@dataclass
class Outcome:
    """What came of the cycles.

    Attributes:
        way: what was done.
        cycles: how often.
        spans: how many were delivered.
        expected: calls that began and ended while recording was on, by the program's count.
        stock: what the program held after every tenth cycle; first, before any.
        problems: what must not be.
    """

    way: str
    cycles: int
    spans: int = 0
    expected: int = 0
    stock: list[dict] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        core = ENVIRONMENT.get("CODETRACER_OTEL_CORE", "auto")
        head = (
            f"{platform.python_version()} core={core}: {self.cycles} cycles of {self.way}, "
            f"{self.spans} spans, {self.expected} calls counted in between, "
            f"{len(self.problems)} problems"
        )
        memory = [
            f"  {name}: {', '.join(str(each[name]) for each in self.stock)}"
            for name in ("rss_kb", "traced_bytes", "objects", "blocks", "modules", "threads")
        ]
        return "\n".join([head, *memory, *(f"  PROBLEM {each}" for each in self.problems)])


class Target:
    """The busy program, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], counts: Path, folder: Path) -> None:
        self._process = process
        self._counts = counts
        self._folder = folder
        self.pid = process.pid

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def facts(self) -> dict:
        return json.loads(self.ask("facts"))

    def calls(self) -> tuple[int, ...]:
        """Return the number of the call that each worker is at."""
        data = memoryview(self._counts.read_bytes())
        return tuple(data.cast("Q")[:WORKERS])

    def command(self, *words: str) -> dict:
        """Give it a command, and return what ``--json`` says."""
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            status = command([words[0], str(self.pid), "--json", *words[1:]])
        if status:
            raise AssertionError(f"{words[0]}: status {status}")
        return json.loads(told.getvalue())

    def attach(self, spans: Path) -> None:
        self.command(
            "attach",
            *("--trace-filter", str(self._folder / "cycles.toml")),
            *("--exporter", f"jsonl={spans}"),
        )

    def wait_for_calls(self) -> None:
        """Wait until every worker has begun a call that was not begun before."""
        before, deadline = self.calls(), time.monotonic() + PATIENCE_S
        while not all(now > then + 1 for now, then in zip(self.calls(), before, strict=True)):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self) -> dict[int, list[int]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        printed = json.loads(self._process.stdout.read())
        self._process.wait(PATIENCE_S)
        return {int(who): found for who, found in printed.items()}


def is_prepared() -> bool:
    """Return whether the program has to offer a socket: this interpreter cannot be entered."""
    return not hasattr(sys, "remote_exec")


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Target]:
    """Run the busy program, with its sockets in ``folder``."""
    counts = folder / "counts"
    counts.write_bytes(bytes(WORKERS * WIDTH))
    (folder / "cycles.toml").write_text(FILTER)
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    ENVIRONMENT["XDG_RUNTIME_DIR"] = str(runtime)
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(counts), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        target = Target(process, counts, folder)
        try:
            target.wait_for_calls()
            yield target
        finally:
            process.kill()
            with process:  # which closes its pipes
                pass


def run_cycles(way: str, cycles: int, folder: Path, counts_bytes: bool = False) -> Outcome:  # noqa: FBT001, FBT002
    """Run so many cycles, and return what came of them."""
    outcome = Outcome(way, cycles)
    options = ["control"] * is_prepared() + ["tracemalloc"] * counts_bytes
    with running(folder, *options) as target:
        outcome.stock.append(target.facts())
        (_attach_and_detach if way == "attach" else _resume_and_pause)(target, outcome, folder)
        _compare_stock(outcome)
        _compare_output(outcome, target.end())
    if printed := (folder / "stderr").read_text():
        outcome.problems.append(f"on standard error: {printed[:1000]}")
    return outcome


def _attach_and_detach(target: Target, outcome: Outcome, folder: Path) -> None:
    for cycle in range(1, outcome.cycles + 1):
        spans = folder / f"{cycle}.jsonl"
        target.attach(spans)
        period = _record(target)
        _note_losses(outcome, target.command("detach"))
        _take_spans(outcome, spans, [period])
        spans.unlink()
        if cycle % STOCK_EVERY == 0 or cycle == outcome.cycles:
            outcome.stock.append(_stock(target, outcome))


def _resume_and_pause(target: Target, outcome: Outcome, folder: Path) -> None:
    spans = folder / "all.jsonl"
    target.attach(spans)
    periods, stocks = [_record(target)], []
    target.command("pause")
    for cycle in range(1, outcome.cycles + 1):
        target.command("resume")
        periods.append(_record(target))
        target.command("pause")
        if cycle % STOCK_EVERY == 0 or cycle == outcome.cycles:
            time.sleep(DELIVERED_S)
            stocks.append(target.facts())
    _note_losses(outcome, target.command("detach"))
    outcome.stock += stocks
    outcome.stock.append(_stock(target, outcome))
    _take_spans(outcome, spans, periods)


def _record(target: Target) -> Period:
    first = target.calls()
    time.sleep(RECORDED_S)
    target.wait_for_calls()
    return Period(first, target.calls())


def _note_losses(outcome: Outcome, facts: dict) -> None:
    if facts["losses"] or facts["state"] == "failed":
        outcome.problems.append(f"{facts['state']}, losses: {facts['losses']}")


def _take_spans(outcome: Outcome, file: Path, periods: list[Period]) -> None:
    workers = by_worker(spans_of(file))
    found, expected = problems_of(workers, periods)
    outcome.problems += found
    if found:
        kept = Path(tempfile.mkdtemp(prefix="live-cycles-")) / file.name
        shutil.copy(file, kept)
        outcome.problems.append(f"the spans are in {kept}")
    outcome.expected += expected
    outcome.spans += sum(
        len(spans)
        for calls in workers.values()
        for kind in (calls.outer, calls.inner)
        for spans in kind.values()
    )
    if losses := losses_in(file):
        outcome.problems.append(f"the file tells of losses: {losses}")


def _stock(target: Target, outcome: Outcome) -> dict:
    """Return what the program holds, once it holds no more of what was there before any cycle."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        now = target.facts()
        same = all(now[name] == outcome.stock[0][name] for name in SAME)
        if same or time.monotonic() > deadline:
            return now


def _compare_stock(outcome: Outcome) -> None:
    before, *after = outcome.stock
    left = after[-1]
    outcome.problems += (
        f"{name}: {before[name]} became {left[name]}" for name in SAME if left[name] != before[name]
    )
    # while it is paused a session is held, so what is held is compared before the last stock
    compared = after if outcome.way == "attach" else after[:-1]
    settled, last = compared[len(compared) // 2], compared[-1]
    is_counted = left["traced_bytes"] > 0
    memory = {"traced_bytes": MAX_GROWN_BYTES} if is_counted else {"rss_kb": MAX_GROWN_KB}
    outcome.problems += (
        f"{name} grew by {last[name] - settled[name]}"
        for name, most in {**MAX_GROWN, **memory}.items()
        if last[name] - settled[name] > most
    )


def _compare_output(outcome: Outcome, printed: dict[int, list[int]]) -> None:
    if sorted(printed) != list(range(WORKERS)):
        outcome.problems.append(f"it printed {printed}")
    outcome.problems += (
        f"worker {who} printed {found} after {calls} calls"
        for who, (calls, found) in printed.items()
        if total(who, calls) != found
    )
