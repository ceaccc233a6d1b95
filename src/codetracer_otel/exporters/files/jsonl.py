"""Writes spans as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Time
from codetracer_otel.exporters.files.line_writer import (
    BEGINNING,
    MAX_LINE_BYTES,
    FileOutput,
    LineWriter,
    rfc3339,
)
from codetracer_otel.exporters.files.rotation import RotatedFile, read_target
from codetracer_otel.exporters.files.templates import (
    Field,
    Templates,
    mark,
    thread_attributes,
)
from codetracer_otel.exporters.otlp.health import Health
from codetracer_otel.exporters.standard_error import StandardError, standard_error
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record_block import RecordBlock
from codetracer_otel.model.span_view import span_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from codetracer_otel.exporters import ExporterContext
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.model.record import Event, Link, Plan, Record
    from codetracer_otel.model.span_view import Batch, SpanView

SCHEMA: Final = "span/1"
RUN_SCHEMA: Final = "run/1"
LOSS_SCHEMA: Final = "loss/1"


def span_line(view: SpanView) -> dict[str, Any]:
    """Return the fields of a span's line, in their order."""
    return {
        "timestamp": rfc3339(view.start_ns),
        "name": view.name,
        "trace_id": view.trace_id,
        "span_id": view.span_id,
        "parent_span_id": view.parent_span_id,
        "duration_ms": (view.end_ns - view.start_ns) / 1e6,
        "status": {"code": view.status.name, "message": view.status_message},
        "attributes": view.attributes,
        "events": [_event(event) for event in view.events],
        "links": [_link(link) for link in view.links],
        "schema": SCHEMA,
    }


def _marked_line(view: SpanView, _plan: Plan) -> Mapping[str, Any]:
    """Return the fields of a line as a template has them."""
    times = {"timestamp": mark(Field.TIMESTAMP), "duration_ms": mark(Field.MILLISECONDS)}
    return span_line(view) | times


def _event(event: Event) -> dict[str, Any]:
    return {
        "name": event.name,
        "timestamp": rfc3339(event.time_ns),
        "attributes": event.attributes,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "trace_id": f"{link.trace_id:032x}",
        "span_id": f"{link.span_id:016x}",
        "attributes": link.attributes,
    }


def _own_line(schema: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of this process about a whole run."""
    now = rfc3339(Time.time_ns())
    return {"timestamp": now, "process_id": Os.getpid(), **facts, "schema": schema}


def _emit_nothing(event: str, /, level: str = "info", **facts: object) -> None:
    """Take the place of the listener if there is none."""


class JsonLinesExporter:
    """Writes each span as one JSON object on a line of its own.

    Args:
        writer: where lines go; standard error when None.
        is_printed: says whether a line about this hand-written span already stands on the same
            output; such a span is left out.
        notify: told once that lines cannot be written, and once that they can again.
        run: returns the facts of the line before the first span of this process, for which
            `note_losses` writes one behind the last; None for spans alone.
    """

    def __init__(
        self,
        writer: LineWriter | None = None,
        *,
        is_printed: Callable[[SpanView], bool] | None = None,
        notify: Notify = _emit_nothing,
        run: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._writer = writer or LineWriter(standard_error())
        self._health = Health(notify, exporter="jsonl")
        self._lost = 0
        self._is_printed = is_printed
        self._run = run
        self._has_head = run is None
        self._is_ended = False
        self._templates = Templates(_marked_line, "\n")

    @classmethod
    def to_file(
        cls,
        path: str | PathLike[str],
        *,
        notify: Notify = _emit_nothing,
        run: Callable[[], Mapping[str, Any]] | None = None,
    ) -> JsonLinesExporter:
        """Return an exporter that appends to ``path``, created with mode 0600.

        Raises:
            EnvironmentFailure: the file cannot be opened for writing.
        """
        return cls(LineWriter(FileOutput(path, BEGINNING)), notify=notify, run=run)

    @property
    def writes_to_stderr(self) -> bool:
        """Whether lines go to the standard error."""
        return self._writer.goes_to(StandardError)

    def export(self, batch: Batch) -> ExportResult:
        """Write a line for each span; a line that cannot be written makes it a failure."""
        lost = self._lost
        self._put_head()
        views = batch.views(none=None)
        block = RecordBlock.of(batch.records).native
        if block is not None and self._is_printed is None and not self._is_ended:
            lines = self._templates.render(block, thread_attributes, MAX_LINE_BYTES, self._line_of)
            self._lost += self._writer.write_lines(lines)
            views = iter(batch.spans)
        for view in views:
            if self._is_printed is None or not self._is_printed(view):
                self._lost += self._is_ended or not self._writer.write(span_line(view))
        if self._lost > lost:
            self._health.failed(self._writer.reason)
            return ExportResult.FAILURE
        self._health.succeeded()
        return ExportResult.SUCCESS

    def _line_of(self, record: Record) -> bytes | None:
        line = self._writer.encoded(span_line(span_view(record, none=None)))
        self._lost += line is None
        return line

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is buffered here
        """Flush the stream behind the lines; return whether that worked."""
        return self._writer.flush()

    def shutdown(self, timeout: float) -> None:  # noqa: ARG002 - closing does not wait
        """Flush, and close what is ours, unless `note_losses` is to come."""
        self._is_ended = True
        self._writer.flush()
        if self._run is None:
            self._writer.close()

    def note_losses(self, losses: Mapping[str, Any]) -> None:
        """Write the last line: what was recorded, and what did not arrive; then close."""
        if self._run is not None:
            self._put_head()
            self._writer.write(_own_line(LOSS_SCHEMA, losses))
            self._writer.close()

    def _put_head(self) -> None:
        if not self._has_head and self._run is not None:
            self._has_head = self._writer.write(_own_line(RUN_SCHEMA, self._run()))

    def reopen_after_fork(self, path: str | None = None) -> None:
        """Become usable in a forked child, a file as ``path`` or ``path.<pid>``."""
        self._lost = 0
        self._has_head = self._run is None
        self._writer.reopen_after_fork(path)

    def stats(self) -> dict[str, int]:
        """Return how many lines were written, and how many could not be."""
        counts = {"lines": self._writer.lines, "failures": self._writer.failures}
        return {**counts, "spans_failed": self._lost}


def build(target: str | None, context: ExporterContext) -> JsonLinesExporter:
    """Return the exporter ``jsonl``, ``jsonl=FILE`` or ``jsonl=FILE,max=100MB,keep=5,gzip``."""
    if target is None:
        return JsonLinesExporter(notify=context.notify)
    path, rotation = read_target(target)
    if rotation is None:
        return JsonLinesExporter.to_file(path, notify=context.notify, run=context.run)
    writer = LineWriter(RotatedFile(path, rotation))
    return JsonLinesExporter(writer, notify=context.notify, run=context.run)
