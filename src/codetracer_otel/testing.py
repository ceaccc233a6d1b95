"""Public test doubles: an exporter that keeps what it gets, numbered ids, a fixed clock."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from codetracer_otel.data_classes import replace
from codetracer_otel.model.protocols import ExportResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.model.span_view import Batch, SpanView
    from codetracer_otel.model.value import AttributeValue

_SECOND_NS = 1_000_000_000


class InMemoryExporter:
    """Keeps every delivered span.

    Attributes:
        spans: what was delivered, in that order: `spans.SpanView` with ``name``, ``trace_id``,
            ``span_id``, ``parent_span_id`` (hexadecimal text or None), ``attributes``, ``events``,
            ``links``, ``status``, ``start_ns`` and ``end_ns`` (Unix time in ns).
        resource: the resource attributes of the last batch.
        is_shut_down: whether `shutdown` was called.
    """

    def __init__(self) -> None:
        self.spans: list[SpanView] = []
        self.resource: dict[str, AttributeValue] = {}
        self.is_shut_down = False

    def export(self, batch: Batch) -> ExportResult:
        """Keep a copy of each span; after `shutdown` keep nothing and fail."""
        if self.is_shut_down:
            return ExportResult.FAILURE
        self.resource = dict(batch.resource)
        self.spans.extend(_copy(view) for view in batch.views())
        return ExportResult.SUCCESS

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is buffered here
        """Return True: nothing is buffered."""
        return True

    def shutdown(self, timeout: float) -> None:  # noqa: ARG002 - nothing to wait for
        """Keep nothing from now on; ``spans`` stays readable."""
        self.is_shut_down = True

    def clear(self) -> None:
        """Forget the spans."""
        self.spans.clear()

    def named(self, name: str) -> list[SpanView]:
        """Return the spans of that name, in the order of delivery."""
        return [span for span in self.spans if span.name == name]


def _copy(view: SpanView) -> SpanView:
    return replace(
        view,
        attributes=dict(view.attributes),
        events=list(view.events),
        links=list(view.links),
    )


class SequentialIds:
    """Ids that count up from 1, so that a test can name them; implements `ports.Ids`."""

    def __init__(self) -> None:
        self._span = 0
        self._trace = 0

    def generate_span_id(self) -> int:
        """Return the next span id."""
        self._span += 1
        return self._span

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        self._trace += 1
        return self._trace


class FixedClock:
    """A clock that moves only by `advance`; implements `ports.Clock`.

    Args:
        wall_ns: Unix time to start from, in ns.
        monotonic_ns: monotonic time to start from, in ns.
    """

    def __init__(
        self, wall_ns: int = 1_700_000_000 * _SECOND_NS, monotonic_ns: int = 1_000 * _SECOND_NS
    ) -> None:
        self._wall = wall_ns
        self._monotonic = monotonic_ns

    def monotonic_ns(self) -> int:
        """Return the monotonic time in ns."""
        return self._monotonic

    def wall_ns(self) -> int:
        """Return Unix time in ns."""
        return self._wall

    def advance(self, ns: int) -> None:
        """Let ``ns`` nanoseconds pass on both."""
        self._monotonic += ns
        self._wall += ns


@contextmanager
def capture_spans(trace_filter: Any = None, **options: Any) -> Iterator[list[SpanView]]:
    """Record a block of code and yield the list that holds its spans after the block.

    Args:
        trace_filter: as for `codetracer_otel.configure`.
        options: further options of `codetracer_otel.configure`.
    """
    from codetracer_otel.sdk.session.configure import configure  # noqa: PLC0415 - a double needs no session

    exporter = InMemoryExporter()
    with configure(trace_filter, exporter, **options):
        yield exporter.spans
