"""Every sys.monitoring event of the running interpreter: its scope, and who of us handles it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from typing import Final

DISABLE: Final = sys.monitoring.DISABLE

# 0, 1, 2 and 5 belong to debuggers, coverage, profilers and optimisers (PEP 669).
FREE_TOOL_IDS: Final = (3, 4)
TOOL_NAME: Final = "codetracer-otel"


class Scope(Enum):
    """Where an event can be switched on."""

    LOCAL = "local"  # per code object; its callback may return DISABLE
    GLOBAL = "global"  # for the whole interpreter only; returning DISABLE raises into the program


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
        scope: where it can be switched on.
        part: who of us subscribes it.
    """

    name: str
    mask: int
    scope: Scope
    part: Part


_GLOBAL_ONLY: Final = frozenset({"PY_UNWIND", "PY_THROW", "RAISE", "EXCEPTION_HANDLED", "RERAISE"})
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
}


def build_event_table() -> dict[str, EventInfo]:
    """Return every event of this interpreter by name, unused ones included."""
    events = vars(sys.monitoring.events).items()
    return {
        name: EventInfo(
            name,
            mask,
            Scope.GLOBAL if name in _GLOBAL_ONLY else Scope.LOCAL,
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
