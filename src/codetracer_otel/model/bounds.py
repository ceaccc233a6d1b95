"""Defines how much of itself a span delivers: OpenTelemetry's span and attribute limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SpanBounds:
    """OpenTelemetry's limits; what comes last is left out, and counted.

    Attributes:
        attributes: of a span.
        events: of a span.
        links: of a span.
        event_attributes: of an event.
        link_attributes: of a link.
        text: code points of a text in an attribute of a span, or None for no bound.
        part_text: code points of a text in an attribute of an event or a link, or None.
    """

    attributes: int = 128
    events: int = 128
    links: int = 128
    event_attributes: int = 128
    link_attributes: int = 128
    text: int | None = None
    part_text: int | None = None

    @property
    def cut_texts(self) -> bool:
        """Whether any text has a bound."""
        return self.text is not None or self.part_text is not None


DEFAULT_BOUNDS: Final = SpanBounds()


def first_of[Value](mapping: Mapping[str, Value], count: int) -> tuple[dict[str, Value], int]:
    """Return the first ``count`` items of a mapping, and how many it has beyond."""
    items = list(mapping.items())[:count]
    return dict(items), len(mapping) - len(items)


def plain_cut(text: Any, length: int | None) -> Any:
    """Return the beginning of a text, as OpenTelemetry's SDK cuts it."""
    return text if length is None else text[:length]
