"""Copies the open calls as the unfinished spans that they would be if the session ended now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.data_classes import replace
from codetracer_otel.model.record import (
    CONTEXT,
    END,
    EXTRAS,
    PLAN,
    SPAN_ID,
    START,
    Ending,
    Record,
    SpanDetails,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def unfinished_copies(entries: Iterable[Record], now: int) -> list[Record]:
    """Return a finished record for each open call, without a change to the calls.

    Calls of functions that are instrumented by hand are left out: their spans are not ours.

    Args:
        entries: of stacks, innermost first, and suspended; any of them may be there twice.
        now: monotonic ns.
    """
    copies: dict[int, Record] = {}
    for entry in entries:
        made = entry.copy()
        if made[PLAN] is None or not made[START] or made[SPAN_ID] in copies:
            continue
        extras: SpanDetails | None = made[EXTRAS]
        if extras is not None and extras.adopted_call is not None:
            continue
        made[END] = max(now, made[START])
        made[CONTEXT] = None
        made[EXTRAS] = _unfinished(extras)
        copies[made[SPAN_ID]] = made
    return list(copies.values())


def _unfinished(details: SpanDetails | None) -> SpanDetails:
    """Return details of one's own: the program adds to those of the call, and we judge these."""
    made = SpanDetails()
    if details is not None:
        vars(made).update(vars(details))
    made.ending = Ending.UNFINISHED
    made.span = made.as_context = made.token = made.context = None
    made.undecided_parent = made.failed_inside = made.closing = None
    if made.attributes is not None:
        made.attributes = dict(made.attributes)
    if made.events is not None:
        made.events = [replace(event) for event in made.events.copy()]
    if made.links is not None:
        made.links = [replace(link) for link in made.links.copy()]
    if made.exception is not None:
        made.exception = replace(made.exception)
    return made
