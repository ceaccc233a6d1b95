"""Redacts spans of other instrumentations before the exporters that a distribution has set up."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export import SpanExportResult

from codetracer_otel.exporters.otel_spans import is_redacted, redacted_span, views_of
from codetracer_otel.sdk.delivery.redaction import ContentRedaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

    from codetracer_otel.filters import Classifier
    from codetracer_otel.model.protocols import Notify
    from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets


def redact_exporters(
    provider: TracerProvider,
    classifier: Classifier,
    notify: Notify,
    known: KnownSecrets | None = None,
) -> None:
    """Let no exporter of a provider see a secret, until `stop_redacting`.

    Processors see spans as they are; what the exporters behind them get is judged. So are the
    exporters of processors that are added while this holds. It outlives a session, whose end comes
    before the last spans of its time are exported, and its filter goes on.

    Args:
        provider: of OpenTelemetry's SDK; not ours.
        classifier: the compiled filter, instead of that of the time before.
        notify: told of processors whose exporter cannot be found, and of spans that cannot be
            judged. These are not delivered.
        known: the known secrets of the session, which are kept for the last spans of its time.
    """
    if _Present.guard is not None:
        _Present.guard.close()
    _Present.guard = guard = _Guard(classifier, notify, known)
    guard.watch(provider._active_span_processor)  # noqa: SLF001 - no public access


def stop_redacting() -> None:
    """Let spans that end from now on go out as they are; those before may still wait for it."""
    guard, _Present.guard = _Present.guard, None
    if guard is not None:
        guard.stop(time.time_ns())


class _Present:
    """What is guarded in this process."""

    guard: _Guard | None = None


class _Guard:
    """What was replaced on the processors and exporters of one provider."""

    def __init__(self, classifier: Classifier, notify: Notify, known: KnownSecrets | None) -> None:
        self._undo = ExitStack()
        self._classifier = classifier
        self._notify = notify
        self._known = known
        self._exporters: list[tuple[object, Redacting]] = []

    def watch(self, processor: Any) -> None:
        """Guard a processor, or each in a group and those that are added to it later."""
        members = getattr(processor, "_span_processors", None)
        if members is None:
            self._guard(processor)
            return
        for member in members:
            self.watch(member)
        add = processor.add_span_processor

        def add_guarded(span_processor: Any) -> None:
            if _Present.guard is self:
                self.watch(span_processor)
            add(span_processor)

        self._replace(processor, "add_span_processor", add_guarded)

    def _guard(self, processor: Any) -> None:
        exporter = next(_exporters_of(processor), None)
        if exporter is None:
            name = type(processor).__qualname__
            self._notify("host_spans_unredacted", "info", processor=name)
        elif not any(exporter is known for known, _ in self._exporters):
            export = Redacting(exporter.export, self._classifier, self._notify, self._known)
            self._exporters.append((exporter, export))
            self._replace(exporter, "export", export)

    def stop(self, moment_ns: int) -> None:
        """Judge no span that ends after a moment, in Unix time; nothing that is added later."""
        for _, export in self._exporters:
            export.until_ns = moment_ns

    def close(self) -> None:
        """Give the exporters back as they were."""
        self._undo.close()
        for _, export in self._exporters:
            export.forget()

    def _replace(self, owner: Any, name: str, replacement: Callable[..., Any]) -> None:
        """Set a method on one object; its class, its identity and its state stay the host's."""
        try:
            setattr(owner, name, replacement)
        except AttributeError:
            self._notify("host_spans_unredacted", "warn", processor=type(owner).__qualname__)
            return
        self._undo.callback(_restore, owner, name, replacement)


def _exporters_of(processor: Any) -> Iterator[Any]:
    """Yield what a processor exports to, by the names that the SDK and processors like its use."""
    batch = getattr(processor, "_batch_processor", None)
    for owner, name in (
        (batch, "_exporter"),
        (processor, "span_exporter"),
        (processor, "_exporter"),
        (processor, "exporter"),
    ):
        exporter = getattr(owner, name, None)
        if callable(getattr(exporter, "export", None)):
            yield exporter


def _restore(owner: Any, name: str, replacement: Callable[..., Any]) -> None:
    if vars(owner).get(name) is replacement:
        delattr(owner, name)


class Redacting:
    """The method ``export`` of an exporter, behind the redaction of a session.

    Attributes:
        until_ns: spans that end later are not judged, Unix time; None for no end.

    Args:
        export: what it stands for.
        classifier: the compiled filter.
        notify: told of spans that cannot be judged.
        known: the known secrets of the session.
    """

    def __init__(
        self,
        export: Callable[..., SpanExportResult],
        classifier: Classifier,
        notify: Notify,
        known: KnownSecrets | None = None,
    ) -> None:
        self._export = export
        self._notify = notify
        self._known = known
        if known is not None:
            known.keep()
        self._redaction = ContentRedaction(classifier, known=known)
        self._lock = threading.RLock()  # a finalizer may end a span while its thread has it
        self.until_ns: int | None = None

    def __call__(self, spans: Sequence[ReadableSpan], *more: Any, **named: Any) -> SpanExportResult:
        """Export the spans, those with a secret as redacted copies."""
        try:
            judged = self._judged(spans)
        except Exception as error:  # noqa: BLE001 - what could not be judged must not leave
            kind = type(error).__qualname__
            self._notify("host_spans_dropped", "error", spans=len(spans), error=kind)
            return SpanExportResult.FAILURE
        return self._export(judged, *more, **named)

    def forget(self) -> None:
        """Need the known secrets no longer."""
        known, self._known = self._known, None
        if known is not None:
            known.release()

    def _judged(self, spans: Sequence[ReadableSpan]) -> Sequence[ReadableSpan]:
        others = [span for span in spans if self._is_judged(span)]
        if not others and self._is_past(spans):
            self.forget()  # an exporter gets spans as they ended
        with self._lock:  # one exporter may stand behind processors of several threads
            views = self._redaction.redact((), views_of(others))
        shown = {
            id(span): redacted_span(span, view)
            for span, view, original in zip(others, views, views_of(others), strict=True)
            if view != original
        }
        return [shown.get(id(span), span) for span in spans]

    def _is_past(self, spans: Sequence[ReadableSpan]) -> bool:
        until_ns = self.until_ns
        return until_ns is not None and any((span.end_time or 0) > until_ns for span in spans)

    def _is_judged(self, span: ReadableSpan) -> bool:
        if span.context is None or is_redacted(span):
            return False
        return self.until_ns is None or (span.end_time or 0) <= self.until_ns
