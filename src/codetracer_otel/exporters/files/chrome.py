"""Writes spans as Chrome Trace Event JSON, which Perfetto and VizTracer's vizviewer open."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Paths
from codetracer_otel.descriptors import path_in_child
from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.exporters.files.chrome_events import ChromeEvents, seen
from codetracer_otel.exporters.files.json_array_file import JsonArrayFile
from codetracer_otel.exporters.files.json_text import encode_line
from codetracer_otel.exporters.files.line_writer import MAX_LINE_BYTES
from codetracer_otel.exporters.otlp.health import Health
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.record_block import RecordBlock

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from codetracer_otel.exporters import ExporterContext
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.model.span_view import Batch

_HEAD: Final = '{"displayTimeUnit":"ns","traceEvents":['
_TAIL: Final = "\n]}\n"
_FACTS: Final = '\n],"otherData":'
_LOST: Final = "spans lost"
_NAME: Final = "chrome"


class ChromeExporter:
    """Writes each span as a complete event (``ph`` X) with its values as ``args``.

    A span that was suspended, or that lies across another one of its thread, becomes a pair of
    async events (``b`` and ``e``): readers would misplace it among the calls of the thread. Span
    events become instants. The file is valid JSON after each batch.

    Args:
        path: of the file; one that is there is replaced. Its mode is 0600.
        notify: told once that the file cannot be written, and once that it can again.
        run: returns what was run, which `note_losses` writes with what was lost; None for spans
            alone.

    Raises:
        EnvironmentFailure: the file cannot be created.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        notify: Notify | None = None,
        run: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._first_path = Paths.abspath(path)
        self._file = JsonArrayFile(self._first_path, _HEAD, _TAIL)
        self._events: ChromeEvents | None = None
        self._spans = 0
        self._failures = 0
        self._run = run
        self._health = None if notify is None else Health(notify, exporter=_NAME)

    def export(self, batch: Batch) -> ExportResult:
        """Write the events of a batch; what cannot be written makes it a failure."""
        block = RecordBlock.of(batch.records).native
        spans = [] if block is not None else [*map(seen, batch.records)]
        spans += [(view, "") for view in batch.spans]
        if not len(batch):
            return ExportResult.SUCCESS
        if self._events is None:
            self._events = _events_of(batch)
        try:
            self._file.append(self._events.events(spans, block))
        except OSError as error:
            self._failures += 1
            if self._health is not None:
                self._health.failed(error.strerror or str(error))
            return ExportResult.FAILURE
        if self._health is not None:
            self._health.succeeded()
        self._spans += len(batch)
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is buffered here
        """Return True: each batch is written as a whole."""
        return True

    def shutdown(self, timeout: float) -> None:  # noqa: ARG002 - closing does not wait
        """Close the file, unless `note_losses` is to come."""
        if self._run is None:
            self._file.close()

    def note_losses(self, losses: Mapping[str, Any]) -> None:
        """Say in the file what was run and what did not arrive; then close.

        Readers show ``otherData`` beside the trace; spans that are not in it are an instant, too.

        Raises:
            OSError: it could not be written.
        """
        if self._run is None:
            return
        try:
            lost = _lost(losses)
            if lost and self._events is not None:
                self._file.append([self._events.at_end(_LOST, lost)])
            facts = encode_line({"run": self._run(), "losses": losses}, MAX_LINE_BYTES)
            self._file.end(f"{_FACTS}{facts.rstrip()}}}\n")
        finally:
            self._file.close()

    def reopen_after_fork(self, path: str | None = None) -> None:
        """Go on in a forked child in the file ``path``, or in ``path.<pid>``.

        Raises:
            EnvironmentFailure: the file cannot be created.
        """
        self._events = None
        self._spans = self._failures = 0
        self._file.move(path or path_in_child(self._first_path))

    def stats(self) -> dict[str, int]:
        """Return how many spans were written, and how many batches could not be."""
        return {"spans": self._spans, "failures": self._failures}


def _lost(losses: Mapping[str, Any]) -> dict[str, int]:
    """Return by reason how many spans are not in the file."""
    own = [facts for name, facts in losses["exporters"].items() if name.startswith(_NAME)]
    counts = Counter(losses["dropped"])
    for facts in own[:1]:
        counts.update(facts["dropped"])
    return dict(counts)


def _events_of(batch: Batch) -> ChromeEvents:
    first_ns = min(view.start_ns for view in batch.views())
    pid = batch.resource.get("process.pid")
    name = batch.resource.get("service.name", "python")
    return ChromeEvents(pid if isinstance(pid, int) else Os.getpid(), first_ns, str(name))


def build(target: str | None, context: ExporterContext) -> ChromeExporter:
    """Return the exporter ``chrome=FILE``; a spawned child appends ``.<pid>`` to the name.

    Raises:
        UsageError: no file is given.
        EnvironmentFailure: it cannot be created.
    """
    if target is None:
        raise UsageError("chrome: needs a file; expected chrome=FILE", ErrorCode.UNSUPPORTED_FORMAT)
    # the file of the parent, which still writes into it, would be replaced
    path = path_in_child(target) if context.is_child else target
    return ChromeExporter(path, context.notify, context.run)
