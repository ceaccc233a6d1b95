"""Programs under `codetracer-otel run`, step by step, with what is said about their spans."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.traced_run import TRACER, environment

PROGRAMS = Path(__file__).with_name("programs")
SUMMARY = re.compile(
    r"codetracer-otel: (?P<recorded>\d+) spans? recorded, "
    r"(?P<exported>\d+) exported(?: by \d+ exporters)?, "
    r"\d+ dropped(?: \((?P<dropped>[^)]*)\))?, .*\n"
)
PATIENCE_S = 30  # for what comes within milliseconds on an idle machine
SHUTDOWN_S = 5  # what `run` gives its exporters at the end


@dataclass
class Ended:
    """What is left of a program.

    Attributes:
        output: its own lines on stdout, its own on stderr, and its exit status.
        seconds: from the end of its input to its own end.
        recorded: spans, by the summary; None without one.
        exported: of them.
        dropped: of them, by cause.
        log: our log lines.
    """

    output: tuple[str, str, int]
    seconds: float
    recorded: int | None
    exported: int | None
    dropped: dict[str, int]
    log: list[dict]

    @property
    def events(self) -> list[str]:
        return [line["message"] for line in self.log]

    def told_of(self, beginning: str) -> list[str]:
        """Return the messages that begin like this."""
        return [message for message in self.events if message.startswith(beginning)]


def worked(calls: int) -> tuple[str, str, int]:
    """Return what ``worker.py`` leaves behind, traced or not."""
    return f"total {calls}\n", "goodbye\n", 7


class Program:
    """A running program; `do` waits for it to have done so."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path) -> None:
        self.process = process
        self._stderr = stderr

    def do(self, order: object, answer: str | None = None) -> None:
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"{answer or f'did {order}'}\n"

    def wait_for_log(self, message: str) -> None:
        wait_until(lambda: message in self._stderr.read_text(), f"{message!r} in the log")

    def end(self) -> Ended:
        """Close the program's input, wait for its end, and take stock: one that hangs fails."""
        began = time.monotonic()
        stdout, _ = self.process.communicate(timeout=PATIENCE_S * 2)
        seconds = time.monotonic() - began
        return take_stock(stdout, self._stderr.read_text(), self.process.returncode, seconds)


def wait_until(is_so, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


@contextmanager
def running(
    tmp_path: Path, exporters: list[str], program: str = "worker.py", *arguments: str, **env: str
):
    """Start a program with these exporters; it is killed if it outlives the block."""
    stderr = tmp_path / "stderr"
    options = [word for exporter in exporters for word in ("--exporter", exporter)]
    with (
        stderr.open("w") as sink,
        subprocess.Popen(
            [sys.executable, *TRACER, *options, program, *arguments],
            cwd=PROGRAMS,
            env=environment(PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(PROGRAMS), **env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        ) as process,
    ):
        try:
            yield Program(process, stderr)
        finally:
            process.kill()


def take_stock(stdout: str, stderr: str, status: int, seconds: float) -> Ended:
    summary = SUMMARY.search(stderr)
    log = [json.loads(line) for line in stderr.splitlines() if line.startswith('{"ts_micros"')]
    own = "".join(
        line
        for line in SUMMARY.sub("", stderr).splitlines(keepends=True)
        if not line.startswith('{"ts_micros"') and "; [scope.fold] in a filter" not in line
    )
    return Ended(
        output=(stdout, own, status),
        seconds=seconds,
        recorded=summary and int(summary["recorded"]),
        exported=summary and int(summary["exported"]),
        dropped=_dropped(summary["dropped"] if summary else None),
        log=log,
    )


def _dropped(text: str | None) -> dict[str, int]:
    parts = [part.split(" ", 1) for part in text.split(", ")] if text else []
    return {cause: int(count) for count, cause in parts}
