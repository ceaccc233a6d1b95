"""Builds the page of some traces: read, connect, fold, lay out, write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.differences.change_texts import change_lines
from codetracer_otel.analysis.differences.comparison import compare
from codetracer_otel.analysis.function_table import measure
from codetracer_otel.data_classes import dataclass
from codetracer_otel.descriptors import check_beginning
from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.report.documents import Compared, Contents, Layout
from codetracer_otel.report.folding import fold
from codetracer_otel.report.layout import TOLERANCE_NS
from codetracer_otel.report.page import write_page
from codetracer_otel.traces import open_traces
from codetracer_otel.traces.span_columns import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.analysis.rules import Rules
    from codetracer_otel.traces import Traces

DEFAULT_LIMIT: Final = 100_000
_BEGINNING: Final = b"<!doctype html>\n<!-- a report by codetracer-otel -->"


@dataclass(frozen=True, slots=True)
class Report:
    """What was written.

    Attributes:
        path: of the page.
        size: in bytes.
        spans: that were read.
        shown: of these, one by one.
        notes: what a reader must know about what is shown.
    """

    path: str
    size: int
    spans: int
    shown: int
    notes: tuple[str, ...]


def build_report(
    paths: Sequence[str],
    output: str,
    *,
    limit: int = DEFAULT_LIMIT,
    rules: Rules | None = None,
) -> Report:
    """Write the page of some traces.

    Args:
        paths: what `traces.open_traces` takes.
        output: path of the page; another page that is there is replaced.
        limit: most slices on the timeline; beyond it siblings are folded.
        rules: knows which rules chose functions and values.

    Raises:
        UsageError: an input cannot be shown, or all together are too much.
        EnvironmentFailure: the page cannot be written.
    """
    _check_output(paths, output)
    with open_traces(paths) as traces:
        traces.ids.forget()
        return _write(traces, output, limit, rules)


def build_comparison(
    old: Sequence[str],
    new: Sequence[str],
    output: str,
    *,
    limit: int = DEFAULT_LIMIT,
    rules: Rules | None = None,
) -> Report:
    """Write the page of two sides: both on one timeline from one beginning, and what differs.

    Args:
        old: what `traces.open_traces` takes; so is ``new``.
        new: the side that is judged.
        output: as for `build_report`; so are ``limit`` and ``rules``.
        limit: most slices on the timeline.
        rules: knows which rules chose functions and values.

    Raises:
        UsageError: an input cannot be shown, or all together are too much.
        EnvironmentFailure: the page cannot be written.
    """
    _check_output([*old, *new], output)
    with open_traces(old) as before, open_traces(new) as after:
        found = compare([before], [after])
    with open_traces([*old, *new]) as traces:
        traces.ids.forget()
        compared = _aligned(traces, len(before.sources))
        numbers = {function.name: n for n, function in enumerate(traces.spans.function_table)}
        compared.changes = [
            (
                change.kind.value,
                " ".join(" ".join(change_lines(change, is_exact=found.noise.is_exact)).split()),
                change.is_worse,
                numbers.get(change.name, NONE),
            )
            for change in found.changes
        ]
        traces.notes += found.notes
        return _write(traces, output, limit, rules, compared)


def _aligned(traces: Traces, old: int) -> Compared:
    """Move the new side so that both begin together; the first ``old`` sources are the old one."""
    spans = traces.spans
    is_new = [number >= old for number in range(len(traces.sources))]
    begins: tuple[list[int], list[int]] = ([], [])
    for start, source in zip(spans.starts, spans.sources, strict=True):
        begins[is_new[source]].append(start)
    first = [min(starts, default=0) for starts in begins]
    shift = first[1] - first[0]
    sides: tuple[set[int], set[int]] = (set(), set())
    for index, source in enumerate(spans.sources):
        sides[is_new[source]].add(spans.run_of(index))
        if is_new[source]:
            spans.starts[index] -= shift
            spans.ends[index] -= shift
    shifts = {number: shift for number, new in enumerate(is_new) if new}
    return Compared((tuple(sides[0]), tuple(sides[1])), shifts)


def _write(
    traces: Traces,
    output: str,
    limit: int,
    rules: Rules | None,
    compared: Compared | None = None,
) -> Report:
    spans, tree = traces.spans, traces.tree
    times = measure(spans, tree)
    folded = fold(spans, tree, limit)
    layout = Layout(spans, tree, folded, TOLERANCE_NS if traces.is_timed else 0)
    contents = Contents(traces, layout, times, rules, compared)
    size = write_page(output, contents.documents())
    shown = len(folded.kept)
    return Report(os.path.abspath(output), size, len(spans), shown, tuple(contents.notes))


def _check_output(paths: Sequence[str], output: str) -> None:
    for path in paths:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise UsageError(
                f"{output}: an input, which the page would replace; give another -o FILE",
                ErrorCode.IO,
            )
    try:
        check_beginning(output, _BEGINNING)
    except OSError as error:
        message = f"report: {output} holds something other than a page; give another -o FILE"
        raise UsageError(message, ErrorCode.IO) from error
