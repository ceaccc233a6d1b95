"""Says what two sides differ in: lines for people, objects for programs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.analysis.differences.changes import Change, ChangeKind
from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codetracer_otel.analysis.differences.comparison import Comparison
    from codetracer_otel.analysis.differences.repetitions import Repetition

_OF_TIME: Final = (ChangeKind.SELF, ChangeKind.TOTAL)
_UNITS: Final = ((1e9, "s"), (1e6, "ms"), (1e3, "us"))
_WAY: Final = 8


def comparison_lines(found: Comparison, *, is_complete: bool = False) -> Iterator[str]:
    """Yield what differs, heaviest first.

    Args:
        found: what was compared.
        is_complete: whether changes that others explain are shown one by one.
    """
    yield f"old: {_side_text(found, found.old)}"
    yield f"new: {_side_text(found, found.new)}"
    yield from (f"note: {note}" for note in found.notes)
    causes = [change for change in found.changes if change.cause is None]
    rest = [change for change in found.changes if change.cause is not None]
    if not found.changes:
        yield "no difference"
    for change in causes:
        yield from change_lines(change, is_exact=found.noise.is_exact)
    if rest and not is_complete:
        yield f"{len(rest)} more follow from these (--all shows them)"
    if is_complete:
        for change in rest:
            yield from change_lines(change, is_exact=found.noise.is_exact)


def change_lines(change: Change, *, is_exact: bool = False) -> Iterator[str]:
    """Yield the lines of one change."""
    better = "" if change.is_worse else " (better)"
    yield f"{change.kind.value:<9} {change.name}: {_figures(change, is_exact=is_exact)}{better}"
    if len(change.way) > 1:
        yield f"{'':<9} in {way_text(change.way[:-1])}"
    for text in change.details:
        yield f"{'':<9} {text}"


def way_text(way: Sequence[str]) -> str:
    """Return a call path in one line."""
    shown = way if len(way) <= _WAY else ["...", *way[-_WAY:]]
    return " > ".join(shown)


def length_text(length: float, *, is_exact: bool = False) -> str:
    """Return ns, or steps, for people."""
    if is_exact:
        return f"{length:,.0f} steps"
    for size, unit in _UNITS:
        if length >= size:
            return f"{length / size:.3g} {unit}"
    return f"{length:.0f} ns"


def _figures(change: Change, *, is_exact: bool) -> str:
    kind = change.kind
    if kind is ChangeKind.RESULTS:
        return f"other results {change.note}"
    if kind in (ChangeKind.NEW, ChangeKind.VANISHED):
        calls = max(change.old, change.new)
        return f"{change.note}, {calls:,.0f} {'call' if calls == 1 else 'calls'}"
    if kind in _OF_TIME:
        old, new = (length_text(side, is_exact=is_exact) for side in (change.old, change.new))
        return f"{old} -> {new} a call ({_ratio(change)}), {change.note}"
    unit = "calls" if kind is ChangeKind.CALLS else f"failed with {change.note}"
    text = f"{change.old:,.0f} -> {change.new:,.0f} {unit}"
    if kind is ChangeKind.CALLS:
        text += f" ({_ratio(change)})" + (f", {change.note}" if change.note else "")
    return text


def _ratio(change: Change) -> str:
    return f"{change.ratio:+.0%}"


def _side_text(found: Comparison, side: Sequence[Repetition]) -> str:
    spans = median(run.spans for run in side)
    length = length_text(median(run.length for run in side), is_exact=found.noise.is_exact)
    runs = f"{len(side)} {'run' if len(side) == 1 else 'runs'}"
    labels = dict.fromkeys(
        run.traces.spans.runs[number].label for run in side for number in run.runs[:1]
    )
    return f"{', '.join(labels) or 'nothing'}, {runs}, {spans:,.0f} spans, {length}"


def comparison_object(found: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON's own types."""
    return {
        "unit": "steps" if found.noise.is_exact else "ns",
        "old": _side_object(found.old),
        "new": _side_object(found.new),
        "notes": found.notes,
        "changes": [_change_object(change, found) for change in found.changes],
    }


def _side_object(side: Sequence[Repetition]) -> dict[str, Any]:
    return {
        "runs": len(side),
        "spans": median(run.spans for run in side),
        "length": median(run.length for run in side),
        "lost": max(run.lost for run in side),
    }


def _change_object(change: Change, found: Comparison) -> dict[str, Any]:
    ratio = change.ratio
    return {
        "kind": change.kind.value,
        "name": change.name,
        "path": change.way,
        "old": change.old,
        "new": change.new,
        "ratio": None if ratio == float("inf") else ratio,
        "share": change.share,
        "worse": change.is_worse,
        "note": change.note,
        "details": change.details,
        "cause": None if change.cause is None else found.table.way(change.cause),
        "old_span": _span_id(found.old, change.old_example),
        "new_span": _span_id(found.new, change.new_example),
    }


def _span_id(side: Sequence[Repetition], index: int) -> str | None:
    traces = side[0].traces
    if index == NONE or not 0 <= index < len(traces.spans):
        return None
    ids = traces.details(index).ids
    return ids[1] if ids else None
