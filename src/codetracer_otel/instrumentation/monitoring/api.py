"""Lists the sys.monitoring events of the running interpreter, and which recorder handles each."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Final

from codetracer_otel.data_classes import dataclass

DISABLE: Final = sys.monitoring.DISABLE

# 0, 1, 2 and 5 belong to debuggers, coverage, profilers and optimisers (PEP 669).
FREE_TOOL_IDS: Final = (3, 4)
TOOL_NAME: Final = "codetracer-otel"


class Part(Enum):
    """Which of our recorders subscribes an event."""

    SPANS = "spans"
    STEPS = "steps"
    CONTEXT_COPIES = "context copies"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class EventInfo:
    """One event.

    Attributes:
        name: as in ``sys.monitoring.events``.
        mask: its bit.
        part: who of us subscribes it.
    """

    name: str
    mask: int
    part: Part


_PARTS: Final = {
    "PY_START": Part.SPANS,
    "PY_RESUME": Part.SPANS,
    "PY_RETURN": Part.SPANS,
    "PY_YIELD": Part.SPANS,
    "PY_UNWIND": Part.SPANS,
    "PY_THROW": Part.SPANS,
    "LINE": Part.STEPS,
    "RAISE": Part.STEPS,
    "EXCEPTION_HANDLED": Part.STEPS,
    "CALL": Part.CONTEXT_COPIES,
    "C_RETURN": Part.CONTEXT_COPIES,
    "C_RAISE": Part.CONTEXT_COPIES,
    "INSTRUCTION": Part.CONTEXT_COPIES,
}


def build_event_table() -> dict[str, EventInfo]:
    """Return every event of this interpreter by name, unused ones included."""
    events = vars(sys.monitoring.events).items()
    return {
        name: EventInfo(
            name,
            mask,
            _PARTS.get(name, Part.UNUSED),
        )
        for name, mask in events
        if name.isupper() and name != "NO_EVENTS"
    }


def mask_of(names: frozenset[str] | set[str] | tuple[str, ...]) -> int:
    """Return the union of the named events' bits."""
    mask = 0
    for name in names:
        mask |= getattr(sys.monitoring.events, name)
    return mask


def local_mask(tool: int) -> int:
    """Return the bits of the events that can be switched on per code object.

    The others are on for the whole interpreter or not at all, and a callback of theirs that returns
    DISABLE raises into the program. CPython 3.15 made events of exceptions local, so it is asked.

    Args:
        tool: an acquired tool id.
    """

    def probe() -> None: ...

    found = 0
    for info in build_event_table().values():
        try:
            sys.monitoring.set_local_events(tool, probe.__code__, info.mask)
        except ValueError:  # also C_RETURN and C_RAISE alone: they come with CALL
            continue
        found |= info.mask
    sys.monitoring.set_local_events(tool, probe.__code__, 0)
    return found
