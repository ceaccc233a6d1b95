"""Prints each trace as a compact tree for people when its root ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.exporters.console.text import Style
from codetracer_otel.exporters.console.tree import Tree, tree_lines
from codetracer_otel.exporters.files.line_writer import LineWriter, StreamOutput
from codetracer_otel.exporters.standard_error import standard_error
from codetracer_otel.model.protocols import ExportResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codetracer_otel.exporters import ExporterContext
    from codetracer_otel.exporters.console.tree import Entry, Node
    from codetracer_otel.exporters.files.line_writer import TextStream
    from codetracer_otel.model.span_view import Batch

MAX_TRACES: Final = 64
MAX_NODES: Final = 10_000


class ConsoleExporter:
    """Prints each trace as a tree when its root ends.

    Only so much is held: siblings beyond the twentieth are counted by name; when too many spans
    wait for their root, those of the oldest trace are printed without it; what is left is printed
    at shutdown.

    Args:
        stream: returns the stream to print to; the standard error by default.
        no_color: never use colours; else they are used on a terminal.
        max_traces: how many traces may wait for their root from one batch to the next.
        max_nodes: how many spans all of them together may hold.
    """

    def __init__(
        self,
        stream: Callable[[], TextStream | None] | None = None,
        *,
        no_color: bool = False,
        max_traces: int = MAX_TRACES,
        max_nodes: int = MAX_NODES,
    ) -> None:
        error = standard_error()
        self._stream: Callable[[], object] = stream or (lambda: error)
        self._writer = LineWriter(error if stream is None else StreamOutput(stream))
        self._no_color = no_color
        self._max_traces = max_traces
        self._max_nodes = max_nodes
        self._trees: dict[str, Tree] = {}

    def export(self, batch: Batch) -> ExportResult:
        """Take the spans in, and print the trees that are complete now."""
        failures = self._writer.failures
        for trace_id, root in self._take(batch):
            self._print(trace_id, [(0, root)])
        self._make_room()
        failed = self._writer.failures > failures
        return ExportResult.FAILURE if failed else ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - printing does not wait
        """Flush the stream; spans whose root has not ended keep waiting."""
        return self._writer.flush()

    def shutdown(self, timeout: float) -> None:  # noqa: ARG002 - printing does not wait
        """Print what still waits."""
        self._max_traces = 0
        self._make_room()
        self._writer.flush()

    def reopen_after_fork(self) -> None:
        """Forget what the parent process will print."""
        self._writer.reopen_after_fork()
        self._trees.clear()

    def stats(self) -> dict[str, int]:
        """Return how many trees were printed, and how many could not be."""
        return {"trees": self._writer.lines, "failures": self._writer.failures}

    def _take(self, batch: Batch) -> list[tuple[str, Node]]:
        """Add the spans; return those without a parent in this process."""
        roots: list[tuple[str, Node]] = []
        # a batch holds one thread after the other; nearly every span ends before its parent
        for view in sorted(batch.views(none=None), key=lambda ended: ended.end_ns):
            root = self._trees.setdefault(view.trace_id, Tree()).add(view)
            if root is not None:
                roots.append((view.trace_id, root))
        for tree in self._trees.values():
            tree.settle()
        return roots

    def _make_room(self) -> None:
        sizes = {trace_id: tree.size() for trace_id, tree in self._trees.items()}
        self._trees = {key: tree for key, tree in self._trees.items() if sizes[key]}
        nodes = sum(sizes.values())
        for trace_id in list(self._trees):
            if len(self._trees) <= self._max_traces and nodes <= self._max_nodes:
                return
            nodes -= sizes[trace_id]
            entries = self._trees.pop(trace_id).entries(self._style())
            self._print(trace_id, entries, " (spans whose parent has not ended)")

    def _print(self, trace_id: str, entries: Iterable[Entry], note: str = "") -> None:
        style = self._style()
        lines = tree_lines(style, entries)
        heading = style.heading(trace_id, note)
        self._writer.write_text("\n".join((heading, *lines)) + "\n")

    def _style(self) -> Style:
        return Style(is_colored=not self._no_color and _is_terminal(self._stream()))


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - a stream of the program may raise anything
        return False


def build(target: str | None, context: ExporterContext) -> ConsoleExporter:  # noqa: ARG001 - one signature for all
    """Return the exporter ``console``."""
    return ConsoleExporter(no_color=context.no_color)
