"""Keeps ended spans, bounded in bytes: the oldest are dropped, and nothing is judged or encoded."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import StatusCode as OtelStatusCode

from codetracer_otel.bindings import Event
from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.instrumentation.spans.record_buffer import RECORD_BYTES
from codetracer_otel.model.record import EXTRAS, PARENT_ID, SEGMENT
from codetracer_otel.model.record_block import RecordBlock
from codetracer_otel.sdk.delivery.batch_weight import held_bytes
from codetracer_otel.sdk.delivery.tails import has_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from codetracer_otel.model.record import Record

_SECOND_NS: Final = 1_000_000_000


class Dump(Event):
    """A wish for a dump; set once all of it was handed to the exporters.

    Args:
        seconds: what ended in them; None for everything that is kept.

    Attributes:
        count: spans of the dump, once it is taken out.
    """

    __slots__ = ("count", "seconds")

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__()
        self.seconds = seconds
        self.count = 0


class Part(NamedTuple):
    """What has ended between two looks of the worker.

    Attributes:
        records: of calls.
        spans: of others, and written by hand.
        size: about how many bytes they take.
        ended_ns: monotonic time by which all of it had ended.
    """

    records: RecordBlock
    spans: list[ReadableSpan]
    size: int
    ended_ns: int

    def __len__(self) -> int:
        return len(self.records) + len(self.spans)


class Ring:
    """Parts in the order in which they ended; beyond so many bytes the oldest are overwritten.

    The worker alone changes it. What a dump has taken out counts as bytes until it is delivered.

    Args:
        most_bytes: of all parts.
        monotonic_ns: time, of the records as well.
        dumps_on_error: an error that leaves the first span of a trace here asks for a dump.

    Attributes:
        is_asked: a dump is wanted at the next opportunity.
        is_asked_at_end: and one as the session ends.
        overwritten: records and spans that were dropped to make room.
        dumped: those that were taken out, and in how many ``dumps``.
    """

    def __init__(
        self, most_bytes: int, monotonic_ns: Callable[[], int], *, dumps_on_error: bool = False
    ) -> None:
        self._most_bytes = most_bytes
        self._now = monotonic_ns
        self._dumps_on_error = dumps_on_error
        self._begin()

    def _begin(self) -> None:
        self._parts: deque[Part] = deque()
        self._leaving: deque[Part] = deque()
        self._bytes = self._discarded = 0
        self.is_asked = self.is_asked_at_end = False
        self.overwritten = self.dumped = self.dumps = 0

    def forget(self) -> None:
        """Begin anew in a forked child: what is here is the parent's."""
        self._begin()

    def add(self, records: Sequence[Record], spans: Sequence[ReadableSpan]) -> None:
        """Take what has ended last, and make room for it."""
        block = RecordBlock.of(records)
        if self._dumps_on_error and not self.is_asked:
            self.is_asked = _ends_in_error(block, spans)
        size = held_bytes(block) + RECORD_BYTES * len(spans)
        self._parts.append(Part(block, list(spans), size, self._now()))
        self._bytes += size
        while self._bytes > self._most_bytes and self._parts:
            self.overwritten += self._give_up(self._parts.popleft())

    def _give_up(self, part: Part) -> int:
        self._bytes -= part.size
        return len(part)

    def begin_dump(self, seconds: float | None = None) -> int:
        """Take out what ended in the last ``seconds``, or everything; return how many spans."""
        self.is_asked = False
        oldest_ns = -1 if seconds is None else self._now() - int(seconds * _SECOND_NS)
        taken: deque[Part] = deque()
        while self._parts and self._parts[-1].ended_ns >= oldest_ns:
            taken.appendleft(self._parts.pop())
        count = sum(map(len, taken))
        self._leaving += taken
        self.dumped += count
        self.dumps += 1
        return count

    def holds_from_before(self, time_ns: int) -> bool:
        """Return whether there is something from before that no exporter has seen."""
        is_kept = bool(self._parts) and self._parts[0].ended_ns <= time_ns
        return is_kept or bool(self._leaving)

    @property
    def leaving(self) -> int:
        """How many spans of dumps wait to be delivered."""
        return sum(map(len, list(self._leaving)))

    def next_part(self) -> Part | None:
        """Return what is to be delivered next of dumps, without taking it."""
        return self._leaving[0] if self._leaving else None

    def take_part(self) -> Part:
        """Take what `next_part` returned."""
        part = self._leaving.popleft()
        self._give_up(part)
        return part

    def discard(self) -> None:
        """Drop everything that no dump has asked for: the session is over."""
        while self._parts:
            self._discarded += self._give_up(self._parts.popleft())

    def stats(self) -> dict[str, Any]:
        """Return how many spans are kept, and what became of the others."""
        parts = list(self._parts)
        return {
            "kept": sum(map(len, parts)),
            "kept_bytes": self._bytes,
            "overwritten": self.overwritten,
            "dumped": self.dumped,
            "dumps": self.dumps,
            "discarded": self._discarded,
        }


def _ends_in_error(block: RecordBlock, spans: Sequence[ReadableSpan]) -> bool:
    """Return whether the first span of a trace in this process ended in an error."""
    return any(map(_is_failed_root, block.made())) or any(
        span.status.status_code is OtelStatusCode.ERROR
        and (span.parent is None or span.parent.is_remote)
        for span in spans
    )


def _is_failed_root(record: Record) -> bool:
    is_root = record[PARENT_ID] in (0, record[SEGMENT].remote_parent_id)
    return is_root and record[EXTRAS] is not None and has_failed(record[EXTRAS])
