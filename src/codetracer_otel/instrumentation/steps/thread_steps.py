"""Holds what the step recorder keeps for each thread of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Threads
from codetracer_otel.model.step_entries import OUTPUT

if TYPE_CHECKING:
    import weakref

    from codetracer_otel.model.step_entries import Entry

_MAX_PIECES: Final = 64  # no line of output is written in more


class ThreadSteps:
    """What the step recorder knows about one thread.

    Attributes:
        number: 1 for the thread that began the session.
        entries: in program order, not yet delivered.
        stack: frames of open calls, see `SteppedCode`; ``stack[0]`` is never popped.
        is_muted: nothing on this thread is recorded (it is one of ours).
        guard: dies with the thread.
        held_output: entries at the end that the last delivery left, as more of a line may follow.
    """

    __slots__ = ("entries", "guard", "held_output", "is_muted", "number", "stack")

    def __init__(self, number: int, *, is_muted: bool = False) -> None:
        self.number = number
        self.entries: list[Entry] = []
        self.stack: list[Any] = [[None, None, []]]
        self.is_muted = is_muted
        self.guard: weakref.ref[Any] | None = None
        self.held_output = 0

    @property
    def is_alive(self) -> bool:
        """Whether the thread still runs."""
        return self.guard is None or self.guard() is not None


class Guard:
    """Lives as long as its thread."""

    __slots__ = ("__weakref__",)


class LocalSteps(Threads.Local):
    """``steps`` of the calling thread; absent until its first traced call."""

    steps: ThreadSteps
    guard: Guard


def unfinished_output(steps: ThreadSteps) -> int:
    """Return how many entries at the end are output to which more may come, once."""
    entries, count = steps.entries, 0
    while count < len(entries):
        entry = entries[-1 - count]
        if type(entry) is not tuple or entry[0] != OUTPUT:
            break
        count += 1
    if count == steps.held_output or count > _MAX_PIECES:
        count = 0
    steps.held_output = count
    return count
