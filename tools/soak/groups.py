"""A program and all processes that it starts: signals for them, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cores import VARIABLE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

GRACE_S = 3  # for children of a program that has ended
PATIENCE_S = 300  # twenty processes, one after the other, each given five seconds to end
_LOOK_S = 0.02


def environment() -> dict[str, str]:
    """Return this process' environment without what would configure a tracer, but the recorder."""
    ours = ("CODETRACER_", "OTEL_")
    inherited = os.environ.items()  # noqa: TID251 - handed on to a program
    return {k: v for k, v in inherited if k == VARIABLE or not k.startswith(ours)}


class Group:
    """A program with a process group of its own.

    Args:
        arguments: for this interpreter.
        folder: takes ``stdout`` and ``stderr``, which every process appends to.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        with (folder / "stdout").open("a") as output, (folder / "stderr").open("a") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=Path(__file__).parents[2],
                env=environment(),
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    def members(self) -> list[int]:
        """Return the processes of the group that have not ended."""
        return [number for number, group in _processes() if group == self._process.pid]

    def wait(self, disturb: Callable[[list[int]], float | None]) -> int | None:
        """Return the program's status, or None if it had to be killed.

        Args:
            disturb: is given the members; returns the s until it wants to be called again, or
                None if never.
        """
        deadline = time.monotonic() + PATIENCE_S
        pause: float | None = _LOOK_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1 if pause is None else pause)
                break
            if pause is not None:
                pause = disturb(self.members())
        return self._process.poll()

    def end(self) -> list[int]:
        """End what the program has left behind; return what did not answer SIGTERM."""
        if self._is_empty_in(GRACE_S):
            return []
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        left = [] if self._is_empty_in(3 * GRACE_S) else self.members()
        self.send(signal.SIGKILL)
        self._process.wait()
        return left

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _is_empty_in(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while members := self.members():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_S)
        return not members


def _processes() -> list[tuple[int, int]]:
    """Return each process that has not ended, with its group."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = place.read_text().rpartition(")")[2].split()[:3]
            if state not in "ZX":
                found.append((int(place.parent.name), int(group)))
    return found


class Signals:
    """Signals at random moments, to random processes of a program.

    Args:
        count: how many.
        numbers: which ones.
        done: returns how many calls have come back.
        first_only: whether the program's first process alone gets them; a pool whose worker is
            killed waits for ever, traced or not.

    Attributes:
        sent: process and number of each.
        done: what had come back when the first one was sent.
    """

    def __init__(
        self,
        chance: random.Random,
        count: int,
        numbers: Sequence[int],
        done: Callable[[], int],
        *,
        first_only: bool,
    ) -> None:
        self._chance = chance
        self._left = count
        self._numbers = numbers
        self._done = done
        self._first_only = first_only
        self.sent: list[tuple[int, int]] = []
        self.done: int | None = None
        # one in eight comes at any moment of the start
        self._waits_for_calls = chance.random() < 7 / 8
        self._is_begun = False

    def __call__(self, members: list[int]) -> float | None:
        """Send the next one; return the s until then."""
        if self._left == 0:
            return None
        if self._waits_for_calls:
            self._waits_for_calls = not self._done()
            return _LOOK_S
        if self._is_begun and members:
            self._left -= 1
            self._send(min(members) if self._first_only else self._chance.choice(members))
        self._is_begun = True
        return self._chance.uniform(0, 1.5)

    def _send(self, process: int) -> None:
        number = self._chance.choice(self._numbers)
        self.done = self._done() if self.done is None else self.done
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
            self.sent.append((process, number))
