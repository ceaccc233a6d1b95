"""Builds the page of some traces: read, connect, fold, lay out, write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.report.call_tree import Tree
from codetracer_otel.report.documents import Contents, Layout
from codetracer_otel.report.folding import fold
from codetracer_otel.report.function_table import measure
from codetracer_otel.report.layout import TOLERANCE_NS
from codetracer_otel.report.page import write_page
from codetracer_otel.report.sources.jsonl_source import JsonLinesSource, SpanIds
from codetracer_otel.report.sources.native_source import NativeSource
from codetracer_otel.report.span_columns import NONE, Spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codetracer_otel.report.documents import Rules
    from codetracer_otel.report.span_columns import Source

DEFAULT_LIMIT: Final = 100_000
MAX_SPANS: Final = 4_000_000  # 300 bytes each in memory
_MAIN_THREAD: Final = "MainThread"


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
        paths: JSON-lines files or directories of native recordings, all of one kind.
        output: path of the page; one that is there is replaced.
        limit: most slices on the timeline; beyond it siblings are folded.
        rules: knows which rules chose functions and values.

    Raises:
        UsageError: an input cannot be shown, or all together are too much.
        EnvironmentFailure: the page cannot be written.
    """
    _check_output(paths, output)
    ids = SpanIds()
    sources: list[Source] = []
    try:
        for path in paths:
            sources += [_opened(path, ids)]  # one by one: those before a bad one are closed
        return _build(paths, sources, ids, output, limit, rules)
    finally:
        for source in sources:
            source.close()


def _build(
    paths: Sequence[str],
    sources: Sequence[Source],
    ids: SpanIds,
    output: str,
    limit: int,
    rules: Rules | None,
) -> Report:
    is_timed = _is_timed(paths)
    spans, notes = _read(sources, ids)
    tree = Tree(spans)
    if tree.circles:
        notes.append(f"{tree.circles:,} spans stand above themselves; they are shown as roots")
    _settle_threads(spans, tree)
    times = measure(spans, tree)
    folded = fold(spans, tree, limit)
    layout = Layout(spans, tree, folded, TOLERANCE_NS if is_timed else 0)
    contents = Contents(layout, times, sources, [_label(path) for path in paths], notes, rules)
    size = write_page(output, contents.documents(is_timed=is_timed))
    shown = len(folded.kept)
    return Report(os.path.abspath(output), size, len(spans), shown, tuple(contents.notes))


def _read(sources: Sequence[Source], ids: SpanIds) -> tuple[Spans, list[str]]:
    spans = Spans(MAX_SPANS)
    notes: list[str] = []
    for number, source in enumerate(sources):
        source.read(spans, number)
        notes += source.notes
    missing = ids.connect(spans)
    if missing:
        notes.append(
            f"{missing:,} spans have a parent that is in none of the inputs; they are shown as "
            "roots (a parent in another process or service, filtered out, or not ended)"
        )
    return spans, notes


def _settle_threads(spans: Spans, tree: Tree) -> None:
    """Let spans that do not say their thread be on the one of their parent."""
    for index in tree.order:
        thread = spans.thread_table[spans.threads[index]]
        if thread.name:
            continue
        parent = spans.parents[index]
        if parent != NONE:
            spans.threads[index] = spans.threads[parent]
        else:
            spans.threads[index] = spans.thread(thread.source, _MAIN_THREAD)


def _opened(path: str, ids: SpanIds) -> Source:
    return NativeSource(path) if _is_native(path) else JsonLinesSource(path, ids)


def _is_native(path: str) -> bool:
    return os.path.isdir(path) or os.path.basename(path) == "trace.json"


def _is_timed(paths: Sequence[str]) -> bool:
    kinds = {_is_native(path) for path in paths}
    if len(kinds) > 1:
        raise UsageError(
            "report: native recordings hold order and JSON lines hold time, which one timeline "
            "cannot show together; give inputs of one kind",
            ErrorCode.UNSUPPORTED_FORMAT,
        )
    return kinds == {False}


def _label(path: str) -> str:
    return os.path.basename(os.path.abspath(path))


def _check_output(paths: Sequence[str], output: str) -> None:
    for path in paths:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise UsageError(
                f"report: {output} is an input, which the page would replace; give another -o FILE",
                ErrorCode.IO,
            )
