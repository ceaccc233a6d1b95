"""The bounds of a session: how much of a value is kept, and how much may wait for delivery."""

from __future__ import annotations

from typing import Literal

from codetracer_otel.data_classes import NamedTuple, dataclass
from codetracer_otel.model.bounds import SpanBounds

WhenFull = Literal["auto", "drop_newest", "block"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each span is kept.

    For a field that has its default, ``OTEL_SPAN_*_LIMIT`` and ``OTEL_ATTRIBUTE_*_LIMIT`` apply.

    Attributes:
        max_depth: levels of nested containers in a value.
        max_items: items per container.
        max_string: code points per text; if it is stated, also per container written as text.
        max_attributes: attributes per span.
        max_events: events per span.
        max_links: links per span.
        max_spans_per_second: spans per second of the whole session, or None for no bound.
        max_event_attributes: attributes per event.
        max_link_attributes: attributes per link.
    """

    max_depth: int = 4
    max_items: int = 32
    max_string: int = 1024
    max_attributes: int = 128
    max_events: int = 128
    max_links: int = 128
    max_spans_per_second: float | None = None
    max_event_attributes: int = 128
    max_link_attributes: int = 128


@dataclass(frozen=True, slots=True)
class Buffer:
    """How much may wait for delivery, and what happens beyond.

    For a field that has its default, ``OTEL_BSP_*`` apply.

    Attributes:
        records: finished records that may wait, of all threads together.
        bytes: bytes that may wait, of all threads together.
        when_full: ``drop_newest`` leaves new records out; ``block`` lets the program wait as long
            as the exporter delivers. After 5 s without a delivery the program no longer waits:
            until the exporter delivers again, what does not fit into its queue is left out.
            ``auto`` waits only for exporters that write files (``jsonl``, ``chrome``).
        max_wait_ms: ms that one call waits at most, or None for no bound. The program always waits
            for a native trace.
        interval_ms: ms between two deliveries.
        batch_records: records per batch at most.
        export_timeout_ms: ms that an exporter has for one batch.
        max_open_s: s after which a trace that is not decided is delivered in parts.
    """

    records: int = 65_536
    bytes: int = 64 * 1024 * 1024
    when_full: WhenFull = "auto"
    max_wait_ms: float | None = None
    interval_ms: float = 500
    batch_records: int = 2048
    export_timeout_ms: float = 30_000
    max_open_s: float = 60


class TextLengths(NamedTuple):
    """How long an environment lets the texts of attributes be, in code points; None for any.

    Attributes:
        of_spans: in attributes of spans.
        of_parts: in attributes of events and links.
    """

    of_spans: int | None = None
    of_parts: int | None = None


def bounds_of(limits: Limits, lengths: TextLengths) -> SpanBounds:
    """Return what each span is held to.

    The length of texts that is no more than our default bounds what is captured, and nothing else:
    OpenTelemetry's default is no bound.
    """
    default = Limits().max_string if lengths.of_spans is None else lengths.of_spans
    stated = None if limits.max_string == default else limits.max_string
    return SpanBounds(
        limits.max_attributes,
        limits.max_events,
        limits.max_links,
        limits.max_event_attributes,
        limits.max_link_attributes,
        lengths.of_spans if stated is None else stated,
        lengths.of_parts if stated is None else stated,
    )
