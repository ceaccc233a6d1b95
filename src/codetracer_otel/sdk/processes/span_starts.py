"""Tells spans that a forked child began from those that its parent had open."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_MOST_OPEN: Final = 100_000  # the oldest are taken for the parent's


class SpanStarts:
    """Knows which spans began in this process, once it is a forked child.

    Their times do not tell: a library says that a message waited since before the fork, and clocks
    are set back.

    Attributes:
        is_in_child: the two methods have to be called.
    """

    def __init__(self) -> None:
        self.is_in_child = False
        self._open: OrderedDict[int, bool] = OrderedDict()

    def begin_in_child(self) -> None:
        """Take whatever is open now for the parent's."""
        self._open = OrderedDict()
        self.is_in_child = True

    def note(self, span_id: int) -> None:
        """Take note of a span that begins; on any thread."""
        spans = self._open
        spans[span_id] = True
        if len(spans) > _MOST_OPEN:
            spans.popitem(last=False)

    def takes(self, span: ReadableSpan) -> bool:
        """Return whether a span that ends belongs to this process, once for each."""
        context = span.context
        return context is not None and self._open.pop(context.span_id, False)
