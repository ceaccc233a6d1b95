"""Offers our exporters to OpenTelemetry's SDK as entry points, for any spans."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from codetracer_otel.bindings import Os, Threads
from codetracer_otel.descriptors import path_in_child
from codetracer_otel.errors import CodetracerError
from codetracer_otel.exporters.files.jsonl import JsonLinesExporter
from codetracer_otel.exporters.native.directory import TraceDirectory
from codetracer_otel.exporters.native.read.events import TraceError
from codetracer_otel.exporters.native.read.repair import end_trace
from codetracer_otel.exporters.native.write.span_trace import SpanTrace
from codetracer_otel.exporters.otel_spans import views_of
from codetracer_otel.filters import compile_chain
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.delivery.redaction import ContentRedaction
from codetracer_otel.sdk.otel.resource import judged_resource, program_of
from codetracer_otel.sdk.parts.known_secrets import build_known_secrets, learn_environment
from codetracer_otel.sdk.parts.native_traces import describe
from codetracer_otel.sdk.parts.output_paths import native_targets
from codetracer_otel.sdk.settings.filter_loading import load_filters
from codetracer_otel.sdk.settings.model import from_process_environment
from codetracer_otel.sdk.settings.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.model.span_view import SpanView
    from codetracer_otel.sdk.settings.model import Settings

DEFAULT_DIRECTORY: Final = "codetracer-trace"


def _silent(event: str, /, level: str = "info", **facts: object) -> None:
    """Report nothing: there is no session whose log could."""


class _Redaction:
    """Judges anybody's spans as a session would, and learns from those that it judged before."""

    def __init__(self, settings: Settings) -> None:
        chain = load_filters(settings)
        self._known = build_known_secrets(settings, chain)
        self.classifier = compile_chain(chain, _silent, self._known)
        self._program = program_of(settings)
        self._redaction = ContentRedaction(self.classifier, known=self._known)
        self._resource: Resource | None = None
        self._process = Os.getpid()
        if self._known is not None:
            learn_environment(self._known, settings, self.classifier)

    def redacted(self, spans: Sequence[ReadableSpan]) -> Sequence[SpanView]:
        """Return the spans without secrets."""
        if self._known is not None and Os.getpid() != self._process:
            self._process = Os.getpid()
            self._known.after_fork()
        for span in spans:
            if span.resource is not self._resource:  # its secrets are to be known
                self._resource = span.resource
                judged_resource(span.resource, self.classifier, self._program, self._known)
        return self._redaction.redact((), views_of(spans))

    def forget(self) -> None:
        """Know no secret any more."""
        if self._known is not None:
            self._known.wipe(is_off=True)


class JsonLinesSpanExporter(SpanExporter):
    """Writes spans as JSON lines, redacted by the filters that a session would use.

    Args:
        path: a file to append to; standard error when None.

    Raises:
        FilterError: a filter that the environment or the project names is invalid. Nothing is
            written then: a rule that silently does not apply is a leak.
        EnvironmentFailure: the file cannot be opened for writing.
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        self._redaction = _Redaction(resolve({}, from_process_environment()))
        self._lines = JsonLinesExporter() if path is None else JsonLinesExporter.to_file(path)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Redact the spans and write a line for each."""
        views = self._redaction.redacted(spans)
        result = self._lines.export(Batch((), views, {}))
        if result is ExportResult.SUCCESS:
            return SpanExportResult.SUCCESS
        return SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return whether everything that was written is out."""
        return self._lines.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Close the file, if there is one."""
        self._lines.shutdown(0.0)
        self._redaction.forget()


class NativeSpanExporter(SpanExporter):
    """Writes spans as a native trace, redacted by the filters that a session would use.

    Each tree of spans becomes a tree of calls as its root ends; a forked child writes a trace of
    its own. So does the instrumentor ``codetracer`` beside it: then the spans of functions are in
    ``codetracer-trace.<pid>``.

    Args:
        directory: where to; when None what ``CODETRACER_EXPORTER=native=DIR`` names, else
            ``codetracer-trace`` in the working directory. An earlier trace there is replaced.

    Raises:
        FilterError: a filter that the environment or the project names is invalid. Nothing is
            written then: a rule that silently does not apply is a leak.
        EnvironmentFailure: the directory cannot be used.
    """

    def __init__(self, directory: str | PathLike[str] | None = None) -> None:
        self._settings = resolve({}, from_process_environment())
        self._redaction = _Redaction(self._settings)
        named = [] if directory is not None else native_targets(self._settings)
        stated = os.fspath(directory) if directory is not None else DEFAULT_DIRECTORY
        self._path = os.path.abspath(named[0] if named else stated)
        self._waiting: list[ReadableSpan] = []
        self._is_writing = False
        self._renew()
        self._process = Os.getpid()
        self._trace: SpanTrace | None = self._open(self._path)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Redact the spans, and write the trees that are whole."""
        self._enter_process()
        with self._lock:
            self._waiting.extend(spans)
            if self._is_writing:  # this thread, which a finalizer interrupts that has ended a span
                return SpanExportResult.SUCCESS
            self._is_writing = True
            try:
                return self._write()
            finally:
                self._is_writing = False

    def _write(self) -> SpanExportResult:
        while self._waiting:
            spans, self._waiting = self._waiting, []
            views = self._redaction.redacted(spans)
            if self._trace is not None:
                try:
                    self._trace.add(views)
                except OSError:
                    self._give_up(self._trace)
        return SpanExportResult.FAILURE if self._trace is None else SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's method
        """Return True: what is whole is written, and the rest cannot be yet."""
        return True

    def shutdown(self) -> None:
        """End the trace."""
        if Os.getpid() != self._process:
            return  # nothing came from this process; its parent's files are the parent's
        with self._lock:
            trace, self._trace = self._trace, None
            if trace is not None:
                try:
                    trace.finish()
                except OSError:
                    self._give_up(trace)
            self._redaction.forget()

    def _open(self, path: str) -> SpanTrace:
        directory = TraceDirectory(path)
        self._written = directory.path
        return SpanTrace(directory, describe(self._settings, self._redaction.classifier))

    def _enter_process(self) -> None:
        """Begin a trace of its own in a forked child; what waited is the parent's to write."""
        if Os.getpid() == self._process:
            return
        self._process = Os.getpid()
        self._renew()  # a thread that is not here may have had the lock
        trace, self._trace = self._trace, None
        if trace is not None:
            trace.abandon()
            with contextlib.suppress(OSError, CodetracerError):  # each batch fails then
                self._trace = self._open(path_in_child(self._path))

    def _renew(self) -> None:
        self._lock = Threads.RLock()
        self._waiting = []
        self._is_writing = False

    def _give_up(self, trace: SpanTrace) -> None:
        """End a trace that cannot continue; its complete part stays readable."""
        self._trace = None
        with contextlib.suppress(OSError):
            trace.close()
        with contextlib.suppress(OSError, TraceError):
            end_trace(self._written)
