"""Says in a line what a run is and what was lost of it."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final

from codetracer_otel.traces.runs import NATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.traces.runs import Run


_MOST_RULES: Final = 20


def run_labels(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run: its input's, with a number where that one holds several."""
    count = Counter(run.label for run in runs)
    return [
        run.label if count[run.label] == 1 or not run.facts else f"{run.label} run {run.number}"
        for run in runs
    ]


def loss_text(run: Run) -> str:
    """Return what was lost of a run and why: spans, lines of its log; empty where nothing was."""
    lost, elsewhere = run.lost(), run.lost_elsewhere()
    what = "calls" if run.exporter == NATIVE else "spans"
    parts = []
    if lost:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(lost.items()))
        parts.append(f"{sum(lost.values()):,} {what} were lost ({reasons}); counts are too low")
    if elsewhere:
        names = ", ".join(f"{count:,} by {name}" for name, count in sorted(elsewhere.items()))
        parts.append(f"{what} that are here were lost elsewhere: {names}")
    if lines := run.lost_lines():
        names = " and ".join(f"{count:,} of its {name}" for name, count in sorted(lines.items()))
        parts.append(f"lines could not be written: {names}")
    if parts:
        return f"{run.label}: {'; '.join(parts)}"
    if not run.is_whole:
        return (
            f"{run.label}: its last line is missing: the program was killed or still runs, and the "
            "latest spans may not be there"
        )
    return ""


def rules_text(run: Run) -> str:
    """Return how many functions each rule of the user matched; empty without such rules."""
    rules = list(run.rules().items())
    if not rules:
        return ""
    listed = ", ".join(f"{hits:,} by {place}" for place, hits in rules[:_MOST_RULES])
    more = f", and {len(rules) - _MOST_RULES} more rules" if len(rules) > _MOST_RULES else ""
    return f"{run.label}: functions that rules matched: {listed}{more}"


def run_text(run: Run) -> str:
    """Return a heading: the program, when it ran, and what recorded it."""
    facts = run.facts
    program = os.path.basename(str(facts.get("program") or "")) or run.label
    count, process = facts.get("arguments"), facts.get("process_id")
    parts = [
        f"{count} arguments" if isinstance(count, int) and count else "",
        str(facts.get("timestamp") or ""),
        f"pid={process}" if process else "",
    ]
    return ", ".join([f"run of {program}", *filter(None, parts)])
