"""An OTLP request made of encoded spans, which can be divided until it is small enough."""

from __future__ import annotations

from itertools import accumulate, chain
from typing import TYPE_CHECKING

from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.otlp.wire import varint

if TYPE_CHECKING:
    from collections.abc import Buffer, Iterator, Sequence

    from codetracer_otel.model.record_block import Ends


class Spans:
    """Encoded span fields, one behind the other.

    Args:
        data: the bytes.
        ends: where in them each span ends.
    """

    __slots__ = ("_data", "_ends", "_first", "_last")

    def __init__(self, data: Buffer, ends: Ends) -> None:
        self._data = memoryview(data)
        self._ends = ends
        self._first, self._last = 0, len(ends)

    @classmethod
    def of(cls, fields: Sequence[bytes]) -> Spans:
        """Return spans that were encoded one by one."""
        return cls(b"".join(fields), list(accumulate(map(len, fields))))

    def __len__(self) -> int:
        return self._last - self._first

    @property
    def data(self) -> memoryview:
        """The bytes."""
        return self._data[self._begin(self._first) : self._begin(self._last)]

    def sizes(self) -> Iterator[int]:
        """Yield the number of bytes of each span."""
        for index in range(self._first, self._last):
            yield self._ends[index] - self._begin(index)

    def part(self, first: int, end: int) -> Spans:
        """Return some of the spans, by their place among these."""
        made = Spans(self._data, self._ends)
        made._first = min(self._first + max(first, 0), self._last)
        made._last = max(min(self._first + end, self._last), made._first)
        return made

    def _begin(self, index: int) -> int:
        return self._ends[index - 1] if index else 0


@dataclass(frozen=True, slots=True)
class Request:
    """An ``ExportTraceServiceRequest`` that can still be divided.

    Attributes:
        resource: the encoded resource field.
        groups: (encoded scope field, encoded schema field, encoded span fields) per scope.
    """

    resource: bytes
    groups: tuple[tuple[bytes, bytes, Spans], ...]

    def __len__(self) -> int:
        return sum(len(spans) for _, _, spans in self.groups)

    def body(self) -> bytes:
        """Return the bytes of the request."""
        parts: list[bytes | memoryview] = [self.resource]
        for scope, schema, spans in self.groups:
            data = spans.data
            parts += [b"\x12", varint(len(scope) + len(data) + len(schema)), scope, data, schema]
        size = sum(map(len, parts))
        return b"".join([b"\x0a", varint(size), *parts])

    def halves(self) -> tuple[Request, Request]:
        """Return two requests with half of the spans each."""
        return self._part(0, len(self) // 2), self._part(len(self) // 2, len(self))

    def within(self, max_bytes: int) -> Iterator[Request]:
        """Yield requests of at most ``max_bytes``; a larger span has a request of its own."""
        # lengths of messages take up to five bytes each
        overhead = len(self.resource) + 6 + sum(len(s) + len(u) + 6 for s, u, _ in self.groups)
        if overhead + sum(len(spans.data) for _, _, spans in self.groups) <= max_bytes:
            if len(self):
                yield self
            return
        first = position = size = 0
        for length in chain.from_iterable(spans.sizes() for _, _, spans in self.groups):
            if size and overhead + size + length > max_bytes:
                yield self._part(first, position)
                first, size = position, 0
            size += length
            position += 1
        if size:
            yield self if first == 0 else self._part(first, position)

    def _part(self, first: int, end: int) -> Request:
        groups, base = [], 0
        for scope, schema, spans in self.groups:
            part = spans.part(first - base, end - base)
            if len(part):
                groups.append((scope, schema, part))
            base += len(spans)
        return Request(self.resource, tuple(groups))
