"""Builds the page of some traces: read, connect, fold, lay out, write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.function_table import measure
from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.report.documents import Contents, Layout
from codetracer_otel.report.folding import fold
from codetracer_otel.report.layout import TOLERANCE_NS
from codetracer_otel.report.page import write_page
from codetracer_otel.traces import open_traces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.analysis.rules import Rules
    from codetracer_otel.traces import Traces

DEFAULT_LIMIT: Final = 100_000


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
        output: path of the page; one that is there is replaced.
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


def _write(traces: Traces, output: str, limit: int, rules: Rules | None) -> Report:
    spans, tree = traces.spans, traces.tree
    times = measure(spans, tree)
    folded = fold(spans, tree, limit)
    layout = Layout(spans, tree, folded, TOLERANCE_NS if traces.is_timed else 0)
    contents = Contents(traces, layout, times, rules)
    size = write_page(output, contents.documents())
    shown = len(folded.kept)
    return Report(os.path.abspath(output), size, len(spans), shown, tuple(contents.notes))


def _check_output(paths: Sequence[str], output: str) -> None:
    for path in paths:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise UsageError(
                f"report: {output} is an input, which the page would replace; give another -o FILE",
                ErrorCode.IO,
            )
