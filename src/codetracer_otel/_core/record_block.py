"""A block of records that stay bytes until they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from codetracer_otel.model.record import END, PARENT_ID, PLAN, SEGMENT, START
from codetracer_otel.model.record_block import RecordBlock, Tally, outline_of, tallies_of
from codetracer_otel.model.value_texts import texts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from codetracer_otel.model.record import Plan, Record, TraceOnThread
    from codetracer_otel.model.record_block import Judging, Outline, Windows
    from codetracer_otel.model.value import Captured


class CompiledBlock(RecordBlock):
    """Records of the compiled core.

    Args:
        native: its block.
        scanner: returns what tells clean texts from others; made when it is first needed.
    """

    __slots__ = ("_native", "_scanner")

    def __init__(self, native: Any, scanner: Callable[[], Any]) -> None:
        super().__init__()
        self._native = native
        self._scanner = scanner

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        if isinstance(index, slice):
            return [self._native[i] for i in range(*index.indices(len(self)))]
        record: Record = self._native[index]
        return record

    def __iter__(self) -> Iterator[Record]:
        return iter(self._native)

    def __len__(self) -> int:
        return len(self._native)

    @property
    def size(self) -> int:
        """Bytes of the records that are no lists."""
        size: int = self._native.size
        return size

    @property
    def native(self) -> Any:
        """The compiled block."""
        return self._native

    def objects(self) -> Sequence[Captured]:
        """Return the captured values that are no plain bytes, each once."""
        found: list[Captured] = self._native.objects
        return found

    def owned(self) -> Sequence[Record]:
        """Return the records that Python made or took over."""
        records: list[Record] = self._native.owned()
        return records

    def take_over(self, index: int) -> Record:
        """Return a record that may be changed in place from now on."""
        record: Record = self._native.take_over(index)
        return record

    def made(self) -> Sequence[Record]:
        """Return the records that were lists from the beginning, as are all with details."""
        records: list[Record] = self._native.made()
        return records

    def local_roots(self) -> Sequence[tuple[int, TraceOnThread, int]]:
        """Return index, segment and duration (ns) of each record whose parent is not in it."""
        remote = [segment.remote_parent_id for segment in self._native.segments]
        found: list[tuple[int, TraceOnThread, int]] = self._native.roots(remote)
        made = [
            (index, record[SEGMENT], record[END] - record[START])
            for index, record in self._native.placed()
            if record[PARENT_ID] in (0, record[SEGMENT].remote_parent_id)
        ]
        return [*found, *made]

    def sizes(self) -> Sequence[tuple[TraceOnThread, int]]:
        """Return segments, each with a number of records that have it."""
        made = ((record[SEGMENT], 1) for record in self._native.made())
        return [*zip(self._native.segments, self._native.sizes(), strict=True), *made]

    def split(self, fates: Mapping[TraceOnThread, bool]) -> tuple[RecordBlock, RecordBlock]:
        """Return the records that are kept, and those that wait; this block is empty then."""
        kept, waiting = self._native.split(fates)
        return CompiledBlock(kept, self._scanner), CompiledBlock(waiting, self._scanner)

    def outlines(self) -> Sequence[Outline]:
        """Return what identifies records of one function below one parent; see `Outline`."""
        rows = self._native.outlines()
        return [outline_of(row) if type(row) is list else row for row in rows]

    def discard(self, indices: Iterable[int]) -> None:
        """Take records out."""
        mask = bytearray(len(self))
        for index in indices:
            mask[index] = 1
        self._native.discard(bytes(mask))

    def extend(self, records: Sequence[Record]) -> None:
        """Put records behind the others that may be changed in place."""
        self._native.extend(list(records))

    def plans(self) -> Sequence[tuple[Plan, int]]:
        """Return plans, each with a number of records that have it."""
        return [*self._native.plans, *((record[PLAN], 1) for record in self._native.made())]

    def tallies(self) -> Sequence[Tally]:
        """Return what the calls of each plan come to; a plan may have several tallies."""
        remote = [segment.remote_parent_id for segment in self._native.segments]
        return [*map(Tally._make, self._native.tally(remote)), *tallies_of(self._native.made())]

    def plan_of(self, index: int) -> Plan:
        """Return the plan of a record."""
        plan: Plan = self._native.plan_of(index)
        return plan

    def segments(self) -> Sequence[TraceOnThread]:
        """Return the segments of all records, each once or more often."""
        return [*self._native.segments, *(record[SEGMENT] for record in self._native.made())]

    def suspicious(
        self, judging: Judging, windows: Windows = ()
    ) -> Sequence[tuple[int, str | None]]:
        """Return what has to be judged of the records that are not `owned`; see there."""
        modes = bytes([judging(plan) for plan, _ in self._native.plans])
        if not any(modes):
            return ()
        has_texts = bytes([bool(texts_in(value)) for value in self._native.objects])
        scan = self._native.scan
        found: list[tuple[int, str | None]] = scan(self._scanner(), modes, has_texts, windows)
        return found
