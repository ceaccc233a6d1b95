"""Finished records as they leave the recorder together, and what compiled ones are written into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, overload

from codetracer_otel.data_classes import NamedTuple
from codetracer_otel.model.record import (
    END,
    EXTRAS,
    PARENT_ID,
    PLAN,
    SEGMENT,
    SPAN_ID,
    START,
    Ending,
    Plan,
    Record,
    SpanDetails,
    StatusCode,
    TraceOnThread,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from codetracer_otel.model.value import Captured

    Judging = Callable[[Plan], int]
    Windows = tuple[()] | tuple[bytes, bytes]

# How the texts of a plan's records are judged.
NOT_AT_ALL = 0
SUSPECTS = 1  # those that may hold a secret
EVERY_TEXT = 2


type Outline = tuple[int, int, Plan, TraceOnThread, int, int, int]
"""What tells calls of one function below one parent span from others.

Span id and parent id (0 for none) in wire order, plan, segment, start and end (monotonic ns), and
whether it returned, with times and values all there is to say of it. Plain: one is made for a call.
"""


def outline_of(record: Record) -> Outline:
    """Return the outline of a record."""
    span_id, parent_id, segment = record[SPAN_ID], record[PARENT_ID], record[SEGMENT]
    is_plain = _is_plain(record[EXTRAS])
    return span_id, parent_id, record[PLAN], segment, record[START], record[END], is_plain


# What a call that returned may have beside its values, without saying more than its times do.
_OF_TIMES: Final = frozenset(
    {"busy_ns", "suspensions", "resumed_at", "frame_id", "is_hooked", "locals", "globals"}
)


def _is_plain(details: SpanDetails | None) -> bool:
    if details is None:
        return True
    return all(
        name in _OF_TIMES or value is getattr(SpanDetails, name)
        for name, value in vars(details).items()
    )


class Tally(NamedTuple):
    """What calls of one plan come to.

    Attributes:
        plan: of all of them.
        calls: how many there were.
        ns: how long they took together.
        parents: how many had a call of another plan below them, as far as their ends tell.
        roots: how many began a trace, or its part in this process.
        failed: how many did not return.
    """

    plan: Plan
    calls: int
    ns: int
    parents: int
    roots: int
    failed: int


def tallies_of(records: Iterable[Record]) -> list[Tally]:
    """Return a tally of each record, in the order of their ends."""
    # The parent of what ended last on a thread of a trace ends next, unless another child does.
    last: dict[TraceOnThread, tuple[int, Plan]] = {}
    tallies = []
    for record in records:
        segment, plan, parent_id = record[SEGMENT], record[PLAN], record[PARENT_ID]
        child_of, child = last.get(segment, (0, plan))
        last[segment] = parent_id, plan
        details = record[EXTRAS]
        is_parent = record[SPAN_ID] == child_of and child is not plan
        is_root = parent_id in (0, segment.remote_parent_id)
        has_failed = details is not None and (
            details.ending is not Ending.RETURNED or details.status is StatusCode.ERROR
        )
        ns = record[END] - record[START]
        tallies.append(Tally(plan, 1, ns, is_parent, is_root, has_failed))
    return tallies


class RecordBlock(Sequence[Record]):
    """Records in the order of their ends.

    Here they are a list. A compiled recorder gives a block whose records are bytes until they are
    looked at one by one, and says the rest of them all at once.
    """

    __slots__ = ("_records",)

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self._records = records

    @staticmethod
    def of(records: Sequence[Record]) -> RecordBlock:
        """Return records as a block."""
        return records if isinstance(records, RecordBlock) else RecordBlock(records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def size(self) -> int:
        """Bytes of the records that are no lists."""
        return 0

    @property
    def native(self) -> Any:
        """The compiled block, or None."""
        return None

    def objects(self) -> Sequence[Captured]:
        """Return the captured values that are no lists' and no bytes, each once."""
        return ()

    def owned(self) -> Sequence[Record]:
        """Return the records that are lists, and may be changed in place."""
        return self._records

    def take_over(self, index: int) -> Record:
        """Return a record that may be changed in place from now on."""
        return self[index]

    def take_over_all(self) -> Sequence[Record]:
        """Return all records, which may be changed in place from now on."""
        return [self.take_over(index) for index in range(len(self))]

    def made(self) -> Sequence[Record]:
        """Return the records that were lists from the beginning, as are all with details."""
        return self._records

    def local_roots(self) -> Sequence[tuple[int, TraceOnThread, int]]:
        """Return index, segment and duration (ns) of each record whose parent is not in it."""
        return [
            (index, record[SEGMENT], record[END] - record[START])
            for index, record in enumerate(self._records)
            if record[PARENT_ID] in (0, record[SEGMENT].remote_parent_id)
        ]

    def sizes(self) -> Sequence[tuple[TraceOnThread, int]]:
        """Return segments, each with a number of records that have it."""
        return list(Counter(record[SEGMENT] for record in self._records).items())

    def split(self, fates: Mapping[TraceOnThread, bool]) -> tuple[RecordBlock, RecordBlock]:
        """Return the records that are kept, and those that wait; this block is empty then.

        Args:
            fates: whether the records of a segment are kept; those of others wait.
        """
        kept: list[Record] = []
        waiting: list[Record] = []
        for record in self._records:
            fate = fates.get(record[SEGMENT])
            if fate is not False:
                (waiting if fate is None else kept).append(record)
        self._records = ()
        return RecordBlock(kept), RecordBlock(waiting)

    def outlines(self) -> Sequence[Outline]:
        """Return what identifies records of one function below one parent; see `Outline`."""
        return [outline_of(record) for record in self._records]

    def discard(self, indices: Iterable[int]) -> None:
        """Take records out."""
        gone = set(indices)
        self._records = [it for index, it in enumerate(self._records) if index not in gone]

    def extend(self, records: Sequence[Record]) -> None:
        """Put records behind the others that may be changed in place."""
        self._records = [*self._records, *records]

    def plans(self) -> Sequence[tuple[Plan, int]]:
        """Return plans, each with a number of records that have it."""
        return [(record[PLAN], 1) for record in self._records]

    def tallies(self) -> Sequence[Tally]:
        """Return what the calls of each plan come to; a plan may have several tallies."""
        return tallies_of(self._records)

    def plan_of(self, index: int) -> Plan:
        """Return the plan of a record."""
        plan: Plan = self[index][PLAN]
        return plan

    def segments(self) -> Sequence[TraceOnThread]:
        """Return the segments of all records, each once or more often."""
        return [record[SEGMENT] for record in self._records]

    def suspicious(
        self,
        judging: Judging,  # noqa: ARG002 - here everything is owned
        windows: Windows = (),  # noqa: ARG002
    ) -> Sequence[tuple[int, str | None]]:
        """Return what has to be judged of the records that are not `owned`.

        Args:
            judging: `NOT_AT_ALL`, `SUSPECTS` or `EVERY_TEXT` for a plan.
            windows: of known secrets; see `filters.types.SecretStore`.

        Returns:
            indices of records, each with a text of it, or with None for all texts of it.
        """
        return ()


class Ends(Protocol):
    """Where each span ends in the bytes of all."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...


class Texts(Ends, Protocol):
    """Written spans: their bytes as a buffer, and where in them each ends."""

    @property
    def is_shared(self) -> bool:
        """Whether the bytes are being read."""

    def __buffer__(self, flags: int, /) -> memoryview: ...

    def append(self, span: bytes, /) -> None:
        """Add a span."""

    def clear(self) -> None:
        """Forget the spans and keep their memory."""


def free_output(used: Texts | None, block: Any) -> Texts:
    """Return an empty output of a compiled block: the one ``used`` before, unless it is read."""
    if used is None or used.is_shared:
        made: Texts = block.new_output()
        return made
    used.clear()
    return used
