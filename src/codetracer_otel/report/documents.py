"""Builds the JSON documents that the script of a page reads."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.analysis.run_texts import loss_text, rules_text, run_labels
from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.files.line_writer import rfc3339
from codetracer_otel.report.flame import flame_columns
from codetracer_otel.report.layout import Slice, lay_out
from codetracer_otel.report.payload import CHUNK, DetailsEncoder, html_safe_json
from codetracer_otel.report.source_lines import SourceLines
from codetracer_otel.traces.span_columns import NONE, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codetracer_otel.analysis.function_table import FunctionTimes
    from codetracer_otel.analysis.rules import Rules
    from codetracer_otel.report.folding import Folded, Run
    from codetracer_otel.report.layout import Lane
    from codetracer_otel.traces import Traces
    from codetracer_otel.traces.call_tree import Tree
    from codetracer_otel.traces.span_columns import Spans

_MAIN_THREAD: Final = "MainThread"
_RUN: Final = -1  # function of a run


class Layout:
    """The slices of a timeline.

    Args:
        spans: all of them.
        tree: of them.
        folded: which are shown.
        tolerance: of times, see `lanes.lay_out`.

    Attributes:
        slices: each behind its parent.
        members: for each slice the span, and the run that stands in its place, or None.
        lanes: by the numbers in ``slices``.
        threads: the thread of each number in ``lanes``.
    """

    def __init__(self, spans: Spans, tree: Tree, folded: Folded, tolerance: int) -> None:
        self.spans = spans
        self.folded = folded
        self.threads = _ordered_threads(spans)
        self.members = _members(folded, tree)
        self.slices = self._slices()
        self.lanes: list[Lane] = lay_out(self.slices, tolerance)

    def _slices(self) -> list[Slice]:
        spans, found = self.spans, []
        numbers: dict[int, int] = {NONE: NONE}
        ranks = {thread: rank for rank, thread in enumerate(self.threads)}
        for number, (index, run) in enumerate(self.members):
            if run is None:
                numbers[index] = number
                start, end, marks = spans.starts[index], spans.ends[index], spans.marks[index]
            else:
                start, end = run.start, run.end
                marks = Mark.FOLDED | (Mark.ERROR if run.errors else 0)
            parent = numbers[spans.parents[index]]
            found.append(Slice(start, end, parent, ranks[spans.threads[index]], marks))
        return found


def _members(folded: Folded, tree: Tree) -> list[tuple[int, Run | None]]:
    runs = {run.first: run for run in folded.runs}
    if not runs:
        return [(index, None) for index in folded.kept]
    kept = set(folded.kept)
    return [(index, runs.get(index)) for index in tree.order if index in kept or index in runs]


def _ordered_threads(spans: Spans) -> list[int]:
    """Return the threads by input, the main thread first, then by their first span."""
    first: dict[int, int] = {}
    for thread, start in zip(spans.threads, spans.starts, strict=True):
        if start < first.get(thread, start + 1):
            first[thread] = start

    def place(thread: int) -> tuple[int, bool, int]:
        found = spans.thread_table[thread]
        return found.run, found.name != _MAIN_THREAD, first[thread]

    return sorted(first, key=place)


@dataclass(slots=True)
class Compared:
    """What a page compares.

    Attributes:
        sides: numbers of the runs of the old side and of the new one; empty for no comparison.
        shifts: number of a source -> by how many ns its spans were moved to begin with the others.
        changes: kind, text, whether it got worse, and number of the function, or -1.
    """

    sides: tuple[tuple[int, ...], ...] = ()
    shifts: dict[int, int] = field(default_factory=dict)
    changes: list[tuple[str, str, bool, int]] = field(default_factory=list)


class Contents:
    """The documents of a page.

    Args:
        traces: what was read.
        layout: what stands on the timeline.
        times: figures of each function.
        rules: knows which rules chose functions and values.
        compared: the two sides, where the page compares them.

    Attributes:
        notes: what a reader must know; complete when the documents were taken.
    """

    def __init__(
        self,
        traces: Traces,
        layout: Layout,
        times: Sequence[FunctionTimes],
        rules: Rules | None,
        compared: Compared | None = None,
    ) -> None:
        losses = [text for run in traces.spans.runs if (text := loss_text(run))]
        self.notes = [*losses, *traces.notes, *_folding_notes(layout)]
        self._traces = traces
        self._layout = layout
        self._times = times
        self._rules = rules
        self._compared = compared or Compared()
        self._source = SourceLines()
        self._details = DetailsEncoder()
        self._keys_of: dict[int, set[int]] = {}
        self._origin = min(layout.spans.starts, default=0)

    def documents(self) -> Iterator[tuple[str, str]]:
        """Yield element id and JSON text; the details come first, in chunks."""
        members = self._layout.members
        for chunk, begin in enumerate(range(0, len(members), CHUNK)):
            found = [self._details_of(*member) for member in members[begin : begin + CHUNK]]
            yield f"details-{chunk}", html_safe_json(found)
        if self._details.cut:
            self.notes.append(
                f"{self._details.cut:,} long values were cut, so that the page stays small enough "
                "to open; each says how long it is"
            )
        yield "trace", html_safe_json(self._trace())

    def _details_of(self, index: int, run: Run | None) -> list[Any]:
        if run is not None:
            return []
        spans = self._layout.spans
        found = self._traces.details(index)
        shift = self._compared.shifts.get(spans.sources[index], 0)
        encoded = self._details.encode(found, self._origin + shift)
        if encoded:
            self._keys_of.setdefault(spans.functions[index], set()).update(encoded[0][::2])
        return encoded

    def _trace(self) -> dict[str, Any]:
        spans, is_timed = self._layout.spans, self._traces.is_timed
        return {
            "unit": "ns" if is_timed else "steps",
            "origin": rfc3339(self._origin) if is_timed and len(spans) else None,
            "length": max(spans.ends, default=0) - self._origin,
            "spans": len(spans),
            "inputs": run_labels(spans.runs),
            "notes": self.notes,
            "facts": list(filter(None, map(rules_text, spans.runs))),
            "lanes": [self._lane(lane) for lane in self._layout.lanes],
            "slices": self._columns(),
            "runs": self._runs(),
            "folded": {
                number: spans.folded[index].count
                for number, (index, run) in enumerate(self._layout.members)
                if run is None and index in spans.folded
            },
            "functions": [self._function(number) for number in range(len(self._times))],
            "sources": self._sources_of_functions(),
            "flame": flame_columns(self._traces, self._compared.sides),
            "changes": self._compared.changes,
            "chunk": CHUNK,
            "keys": self._details.keys,
        }

    def _lane(self, lane: Lane) -> dict[str, Any]:
        thread = self._layout.spans.thread_table[self._layout.threads[lane.thread]]
        return {
            "input": thread.run,
            "thread": thread.name,
            "kind": lane.kind,
            "number": lane.number,
            "rows": lane.rows,
        }

    def _columns(self) -> dict[str, list[int]]:
        spans, slices, members = self._layout.spans, self._layout.slices, self._layout.members
        return {
            "start": [place.start - self._origin for place in slices],
            "length": [place.end - place.start for place in slices],
            "parent": [place.parent for place in slices],
            "lane": [place.lane for place in slices],
            "depth": [place.depth for place in slices],
            "marks": [int(place.marks) for place in slices],
            "function": [spans.functions[i] if run is None else _RUN for i, run in members],
        }

    def _runs(self) -> dict[int, list[Any]]:
        return {
            number: [
                run.spans,
                run.errors,
                [[f, calls, run.lengths[f]] for f, calls in run.calls.most_common()],
            ]
            for number, (_, run) in enumerate(self._layout.members)
            if run is not None
        }

    def _sources_of_functions(self) -> dict[int, str]:
        """Return the source lines of functions, the slowest first, as far as there is room."""
        if self._rules is None:
            return {}
        order = sorted(range(len(self._times)), key=lambda number: -self._times[number].own)
        found = {}
        for number in order:
            function = self._layout.spans.function_table[number]
            text = "\n".join(self._source.of(function))
            if text:
                found[number] = function, text
        return dict(zip(found, self._rules.hide(list(found.values())), strict=True))

    def _function(self, number: int) -> list[Any]:
        function, times = self._layout.spans.function_table[number], self._times[number]
        key = self._details.key
        figures = [times.calls, times.errors, times.total, times.own, times.p50, times.p95]
        found: list[Any] = [
            key(function.name),
            key(function.file),
            function.line,
            *figures,
            times.longest,
        ]
        if self._rules is not None:
            keys = {k: self._details.keys[k] for k in sorted(self._keys_of.get(number, ()))}
            texts = self._rules.of(function, keys.values())
            if texts is not None:
                values = [
                    [k, key(texts.values[name])] for k, name in keys.items() if name in texts.values
                ]
                found.append([key(texts.decision), values])
        return found


def _folding_notes(layout: Layout) -> list[str]:
    folded = layout.folded
    if not folded.hidden:
        return []
    rule = (
        f"where one call made many calls of the same function, the {folded.per_function:,} longest "
        "are drawn one by one, failed ones first"
        if folded.per_function
        else f"only the {len(folded.kept):,} longest are drawn one by one"
    )
    note = (
        f"{len(layout.spans):,} spans are too many to draw: {rule}; the other "
        f"{folded.hidden:,} are drawn together as {len(folded.runs):,} hatched slices. "
        "The table of functions counts every span. To draw each one, record fewer functions with "
        "a filter, or raise --limit"
    )
    return [note]
