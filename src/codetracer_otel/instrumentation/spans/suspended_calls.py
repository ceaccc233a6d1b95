"""Generators and coroutines between their first step and their end, by the id of their frame."""

from __future__ import annotations

import weakref
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.model.record import CODE, EXTRAS, PLAN, SAMPLED_OUT_PLAN

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from codetracer_otel.model.record import Record

_PLAIN_GENERATOR: Final = "generator"


class _Watch(weakref.ref):  # type: ignore[type-arg]
    """A weak reference to a generator that knows its frame's id."""

    __slots__ = ("frame_id", "record")
    __hash__ = object.__hash__  # by identity: a dead referent has no hash
    frame_id: int
    record: Record


class SuspendedCalls:
    """The records of every started and unfinished generator and coroutine.

    The interpreter frame owns its frame object, so ``id(frame)`` is stable from the first step to
    the end, across suspensions and threads, and no reference to the program's objects is held.

    Args:
        monotonic_ns: the records' clock.
        watches: also hold a weak reference to each plain generator, because closing one while it
            is suspended outside a ``try`` goes unreported (CPython 3.13.0).

    Attributes:
        key_of: returns what stays the same while a generator lives.
        take_in_others: makes records of what compiled code knows of.
        records: by that key.
    """

    def __init__(self, monotonic_ns: Callable[[], int], *, watches: bool) -> None:
        self.key_of: Callable[[FrameType], int] = id
        self.take_in_others: Callable[[], None] = lambda: None
        self.records: dict[int, Record] = {}
        self._watches: dict[int, _Watch] = {}
        # When each was collected: a look-up calls the clock from C code, unseen by the program's
        # profilers.
        self._collected: defaultdict[_Watch, int] = defaultdict(monotonic_ns)
        self._aged: list[tuple[_Watch, int]] = []
        self._generator_of: Callable[[FrameType], Any] | None = (
            _load_generator_of() if watches else None
        )

    @property
    def watches_generators(self) -> bool:
        """Whether plain generators have weak references."""
        return self._generator_of is not None

    def __len__(self) -> int:
        return len(self.records)

    def add(self, frame: FrameType, record: Record) -> Record | None:
        """Keep the record of a generator that has just begun.

        Returns:
            The record of a generator that ended unreported and whose frame id is used again.
        """
        key = self.key_of(frame)
        replaced = self.records.get(key)
        self.records[key] = record
        record[EXTRAS].frame_id = key
        plan = record[PLAN] or record[SAMPLED_OUT_PLAN]
        is_own = frame.f_code is record[CODE]  # otherwise NULL, at which ctypes crashes
        if is_own and self._generator_of is not None and plan.kind == _PLAIN_GENERATOR:
            self._watch(key, self._generator_of(frame), record)
        return replaced

    def get(self, frame: FrameType, code: CodeType) -> Record | None:
        """Return the record of the generator that runs in ``frame``, or None if it is older."""
        record = self.records.get(self.key_of(frame))
        return record if record is not None and record[CODE] is code else None

    def remove(self, frame: FrameType, record: Record) -> None:
        """Forget a generator that has ended."""
        key = record[EXTRAS].frame_id or self.key_of(frame)
        if self.records.get(key) is record:
            del self.records[key]
            self._watches.pop(key, None)

    def forget(self, record: Record) -> None:
        """Forget a record that is finished from outside while its generator runs."""
        key = record[EXTRAS].frame_id if record[EXTRAS] is not None else 0
        if key and self.records.get(key) is record:
            del self.records[key]
            self._watches.pop(key, None)

    def take_abandoned(self) -> list[tuple[Record, int]]:
        """Return (record, collected at) of generators collected before the previous call.

        A collected generator's ``finally`` still runs after its weak references are told, and
        asyncio may bring an asynchronous one back; so an entry must age by one call and still be
        suspended then.
        """
        aged, self._aged = self._aged, []
        while self._collected:
            self._aged.append(self._collected.popitem())
        abandoned = []
        for watch, collected_ns in aged:
            if self.records.get(watch.frame_id) is watch.record:
                del self.records[watch.frame_id]
                self._watches.pop(watch.frame_id, None)
                abandoned.append((watch.record, collected_ns))
        return abandoned

    def all(self) -> list[Record]:
        """Return every record; they stay where they are."""
        self.take_in_others()
        return list(self.records.values())

    def take_all(self) -> list[Record]:
        """Remove and return every record."""
        self.take_in_others()
        records = list(self.records.values())
        self.records.clear()
        self._watches.clear()
        return records

    def _watch(self, key: int, generator: object, record: Record) -> None:
        watch = _Watch(generator, self._collected.__getitem__)
        watch.frame_id = key
        watch.record = record
        self._watches[key] = watch


def _load_generator_of() -> Callable[[FrameType], Any]:
    import ctypes  # noqa: PLC0415 - 2 ms, needed only where the self-test says so

    get_generator = ctypes.pythonapi.PyFrame_GetGenerator  # C API since 3.11
    get_generator.argtypes = [ctypes.py_object]
    get_generator.restype = ctypes.py_object

    def generator_of(frame: FrameType) -> Any:
        return get_generator(frame)

    return generator_of
