"""Reads native traces back: validated events."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from codetracer_otel.exporters.native.directory import EVENTS
from codetracer_otel.exporters.native.read.events import EventStream
from codetracer_otel.exporters.native.read.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Iterator


def iter_trace(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Yield the events of the native trace in a directory, validated, in bounded memory.

    Every rule that readers of the format rely on is checked: tables are positional and defined
    before their use, calls and returns are balanced, values have the types they say,
    ``<toplevel>`` frames the whole.

    Raises:
        TraceError: a rule is broken; ``event_index`` names the first event that does.
        OSError: the file cannot be read.
    """
    yield from checked_events(path, Validator())


def checked_events(path: str | os.PathLike[str], validator: Validator) -> Iterator[Any]:
    """Do what `iter_trace` does; afterwards ``validator`` has the tables."""
    with open(os.path.join(path, EVENTS), "rb") as file:
        for event in EventStream(file):
            validator.check(event)
            yield event
    validator.finish()
