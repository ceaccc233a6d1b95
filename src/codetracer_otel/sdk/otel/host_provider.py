"""Works with a provider that the program has set: its ids, and our spans for its processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from codetracer_otel.exporters.otel_spans import ReadableSpans
from codetracer_otel.model.ids import ForeignIds, RandomIds
from codetracer_otel.model.protocols import ExportResult
from codetracer_otel.model.span_view import Batch
from codetracer_otel.sdk.otel.global_provider import SessionProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.model.value import AttributeValue


_MOST_AT_ONCE: Final = 512  # a quarter of what OpenTelemetry's processor holds by default


def host_provider(stated: Any) -> Any:
    """Return the host's SDK provider: the stated one, else a global one that is not ours."""
    present = stated if stated is not None else trace.get_tracer_provider()
    is_ours = isinstance(present, SessionProvider)
    return present if isinstance(present, TracerProvider) and not is_ours else None


def build_ids(stated: Any) -> RandomIds:
    """Return the source of ids: the host provider's, where that is one of its own making."""
    host = host_provider(stated)
    generator = None if host is None else host.id_generator
    if generator is None or type(generator) is RandomIdGenerator:
        return RandomIds()  # as random as theirs, and no seed of the program repeats it
    return ForeignIds(generator)


class ProviderExporter:
    """Hands our spans, once ended and redacted, to the processors of the host's provider.

    The spans carry the host's resource. The processors learn of a span when it has ended only, and
    the host goes on to own them.

    Args:
        provider: of the OpenTelemetry SDK.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._resource = cast("Mapping[str, AttributeValue]", provider.resource.attributes)
        self._spans = ReadableSpans()

    def export(self, batch: Batch) -> ExportResult:
        """Give each span to the processors; what becomes of it there is not known here."""
        processor = self._provider._active_span_processor  # noqa: SLF001 - no public access
        schema = self._provider.resource.schema_url
        spans = self._spans.of(Batch(batch.records, batch.spans, self._resource, schema))
        for number, span in enumerate(spans, 1):
            processor.on_end(span)
            if number % _MOST_AT_ONCE == 0:  # their queues drop what does not fit
                self._provider.force_flush()
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:
        """Let the processors deliver what they hold."""
        return self._provider.force_flush(int(timeout * 1000))

    def shutdown(self, timeout: float) -> None:
        """Let the processors deliver what they hold; they stay the host's."""
        self.flush(timeout)
