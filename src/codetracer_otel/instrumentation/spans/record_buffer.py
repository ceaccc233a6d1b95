"""The bounded buffer between the program's threads and the delivery worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.instrumentation.spans.room import Room
from codetracer_otel.model.record import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetracer_otel.model.record import Record

RECORD_BYTES: Final = 400  # a finished record without long texts: measured 330-420


class RecordList(list["Record"]):
    """Records in the order in which they came."""

    def take(self, limit: int) -> list[Record]:
        """Remove and return up to ``limit`` records, oldest first."""
        taken = self[:limit]
        del self[: len(taken)]
        return taken


class RecordBuffer:
    """Finished records in order of their ends, bounded in number and in bytes.

    The recorder appends to ``records`` itself while ``len(records) < watermark`` and calls
    `overflow` otherwise, so that a call costs one comparison. ``list.append`` is atomic under the
    GIL; one buffer for all threads makes the bound exact without dividing it among them.

    A signal's handler may raise wherever the recorder calls Python. A record whose context is not
    None was not appended by then, and is still the recorder's to deliver.

    Args:
        max_records: bound on the number of records.
        max_bytes: bound on the bytes of texts and containers, as `charge` is told.
        wake: asks the worker to drain; called when half of a bound is reached.
        max_wait_s: how long the program waits for room before a record is dropped; 0 for never,
            None for as long as there is room now and then.
        records: what holds the records; a list without.
    """

    def __init__(
        self,
        max_records: int,
        max_bytes: int,
        wake: Callable[[], None],
        max_wait_s: float | None = 0.0,
        *,
        records: RecordList | None = None,
    ) -> None:
        self.records = RecordList() if records is None else records
        self.dropped_full = 0
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._half = max(max_records // 2, 1)
        self._wake = wake
        self._room = Room(max_wait_s)
        self._bytes = 0
        self.high_watermark = self._half

    @property
    def size(self) -> int:
        """About how many bytes wait."""
        return self._bytes + RECORD_BYTES * len(self.records)

    def charge(self, size: int) -> None:
        """Count ``size`` bytes of captured values that are about to enter the buffer."""
        self._bytes += size
        if self._bytes > self._max_bytes // 2:
            self.high_watermark = 0

    def overflow(self, record: Record) -> None:
        """Append past the watermark, or drop: the newest record goes when the buffer is full."""
        self._wake()
        has_room = not self._is_full()
        if has_room and self._bytes <= self._max_bytes // 2:
            is_low = len(self.records) + 1 < self._half
            self.high_watermark = self._half if is_low else self._max_records
        has_room = has_room or self._room.is_found(self._is_full, self._wake)
        record[CONTEXT] = None  # no signal is handled between this and the next step
        if has_room:
            self.records.append(record)
        else:
            self.dropped_full += 1

    def wake_with_next(self) -> None:
        """Let the next record wake the worker, however few there are."""
        self.high_watermark = 0

    def waive_waits(self, *, is_waived: bool = True) -> bool:
        """Let the calling thread append however much there is, or wait again; see `Room.waive`."""
        return self._room.waive(is_waived=is_waived)

    def take(self, limit: int) -> Sequence[Record]:
        """Remove and return up to ``limit`` records, oldest first."""
        taken = self.records.take(limit)
        if not self.records:
            self._bytes = 0
        elif taken:
            self._bytes -= self._bytes * len(taken) // (len(taken) + len(self.records))
        self.high_watermark = self._half if self._bytes <= self._max_bytes // 2 else 0
        self._room.made()
        return taken

    def clear(self) -> None:
        """Forget everything: in a forked child the parent delivers it, and no worker runs yet."""
        self.records.clear()
        self._bytes = 0
        self.wake_with_next()
        self._room.begin()

    def _is_full(self) -> bool:
        return len(self.records) >= self._max_records or self._bytes > self._max_bytes
