"""Reads traces: the one way from paths to spans, whatever kind the inputs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import ErrorCode, UsageError, counted
from codetracer_otel.traces.call_tree import Tree
from codetracer_otel.traces.inputs import Kind, find_inputs
from codetracer_otel.traces.sources.line_source import LineSource
from codetracer_otel.traces.sources.native_source import NativeSource
from codetracer_otel.traces.sources.span_ids import SpanIds
from codetracer_otel.traces.span_columns import NONE, Spans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from codetracer_otel.traces.inputs import Input
    from codetracer_otel.traces.span_columns import Details, Source

MAX_SPANS: Final = 4_000_000  # 300 bytes each in memory
MAIN_THREAD: Final = "MainThread"


@dataclass(slots=True)
class Traces:
    """What some inputs hold; use it as a context, which closes them.

    Attributes:
        spans: all of them, with their runs.
        tree: of these.
        ids: finds one by its id.
        is_timed: starts and ends are Unix time in ns; otherwise steps.
        notes: what a reader must know.
        sources: the inputs, which still know the details.
    """

    spans: Spans
    tree: Tree
    ids: SpanIds
    is_timed: bool
    notes: list[str]
    sources: list[Source]

    def details(self, index: int) -> Details:
        """Return what is shown of a span."""
        return self.sources[self.spans.sources[index]].details(self.spans.places[index])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        close_all(self.sources)


def open_traces(paths: Sequence[str]) -> Traces:
    """Read the spans of some inputs and connect them.

    Args:
        paths: files, directories and folders, or ``-``.

    Raises:
        UsageError: an input cannot be shown, or all together are too much.
    """
    inputs = find_inputs(paths)
    is_timed = _is_timed(inputs)
    ids = SpanIds()
    sources: list[Source] = []
    try:
        for item in inputs:
            sources += [_opened(item, ids)]  # one by one: those before a bad one are closed
        spans, notes = _read(sources, ids)
        tree = Tree(spans)
        if tree.circles:
            notes.append(
                f"{tree.circles:,} spans are their own ancestors, which no real call can be; they "
                "are shown as roots"
            )
        _settle_threads(spans, tree)
        return Traces(spans, tree, ids, is_timed, notes, sources)
    except BaseException:
        close_all(sources)
        raise


def close_all(sources: Sequence[Source]) -> None:
    """Close inputs."""
    for source in sources:
        source.close()


def _opened(item: Input, ids: SpanIds) -> Source:
    return NativeSource(item.path) if item.kind is Kind.NATIVE else LineSource(item, ids)


def _read(sources: Sequence[Source], ids: SpanIds) -> tuple[Spans, list[str]]:
    spans = Spans(MAX_SPANS)
    notes: list[str] = []
    for number, source in enumerate(sources):
        source.read(spans, number)
        notes += source.notes
    missing = ids.connect(spans)
    if missing:
        notes.append(
            f"shown as roots: {counted(missing, 'span', ',')} whose parent is in none of the "
            "inputs (in another process or service, filtered out, or not ended)"
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
            spans.threads[index] = spans.thread(thread.run, MAIN_THREAD)


def _is_timed(inputs: Sequence[Input]) -> bool:
    kinds = {item.kind for item in inputs}
    if len(kinds) > 1:
        raise UsageError(
            "traces: native recordings hold order and JSON lines hold time, which one timeline "
            "cannot show together; give inputs of one kind",
            ErrorCode.UNSUPPORTED_FORMAT,
        )
    return kinds != {Kind.NATIVE}
