"""An OTLP request made of encoded spans, which can be divided until it is small enough."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.otlp.wire import framed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Request:
    """An ``ExportTraceServiceRequest`` that can still be divided.

    Attributes:
        resource: the encoded resource field.
        groups: (encoded scope field, encoded schema field, encoded span fields) per scope.
    """

    resource: bytes
    groups: tuple[tuple[bytes, bytes, Sequence[bytes]], ...]

    def __len__(self) -> int:
        return sum(len(spans) for _, _, spans in self.groups)

    def body(self) -> bytes:
        """Return the bytes of the request."""
        scoped = (
            framed(b"\x12", b"".join(chain((scope,), spans, (schema,))))
            for scope, schema, spans in self.groups
        )
        return framed(b"\x0a", b"".join(chain((self.resource,), scoped)))

    def halves(self) -> tuple[Request, Request]:
        """Return two requests with half of the spans each."""
        return self._part(0, len(self) // 2), self._part(len(self) // 2, len(self))

    def within(self, max_bytes: int) -> Iterator[Request]:
        """Yield requests of at most ``max_bytes``; a span that is larger alone stands alone."""
        # lengths of messages take up to five bytes each
        overhead = len(self.resource) + 6 + sum(len(s) + len(u) + 6 for s, u, _ in self.groups)
        first = position = size = 0
        for span in chain.from_iterable(spans for _, _, spans in self.groups):
            if size and overhead + size + len(span) > max_bytes:
                yield self._part(first, position)
                first, size = position, 0
            size += len(span)
            position += 1
        if size:
            yield self if first == 0 else self._part(first, position)

    def _part(self, first: int, end: int) -> Request:
        groups, base = [], 0
        for scope, schema, spans in self.groups:
            part = spans[max(first - base, 0) : max(end - base, 0)]
            if part:
                groups.append((scope, schema, part))
            base += len(spans)
        return Request(self.resource, tuple(groups))
