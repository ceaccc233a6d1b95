"""Spans as columns of numbers, so that a million of them stay small."""

from __future__ import annotations

from array import array
from dataclasses import field
from enum import IntFlag
from typing import Any, Final, Protocol

from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.traces.runs import Run

NONE: Final = -1


class Mark(IntFlag):
    """Properties of a span, as bits."""

    ERROR = 1
    SUSPENDED = 2
    GENERATOR = 4
    UNFINISHED = 8
    FOLDED = 16  # no span: stands for a run of siblings


@dataclass(frozen=True, slots=True)
class Function:
    """What a span is a call of; a hand-written span has only a name."""

    name: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a span ran: the number of its run, and the thread's name in it."""

    run: int
    name: str


@dataclass(frozen=True, slots=True)
class FoldedCalls:
    """Calls that the recorder made one span of, in the same place of the tree.

    Attributes:
        count: how many.
        errors: of these failed.
        total: their length together, in ns; ``longest``: of one.
    """

    count: int
    errors: int
    total: int
    longest: int


@dataclass(slots=True)
class Details:
    """What is shown of a span when it is selected.

    Attributes:
        values: (attribute key, value) in order.
        events: (name, ns since the report's beginning or None, [(key, value)]).
        links: (trace id, span id).
        message: of the status.
        ids: (trace id, span id), or None.
    """

    values: list[tuple[str, Any]] = field(default_factory=list)
    events: list[tuple[str, int | None, list[tuple[str, Any]]]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    message: str = ""
    ids: tuple[str, str] | None = None


class Source(Protocol):
    """One input."""

    notes: list[str]

    def read(self, spans: Spans, number: int) -> None:
        """Add every span of the input, which is the ``number``-th source."""

    def details(self, place: int) -> Details:
        """Return what is known about the span that was added with this place."""

    def close(self) -> None:
        """Release what is held."""


class Spans:
    """All spans, in the order in which they were read.

    Args:
        most: how many there may be.

    Attributes:
        starts: ns of Unix time or, of native recordings, steps; so are ``ends``.
        functions: index in ``function_table``.
        threads: index in ``thread_table``.
        parents: index of the parent; `NONE` for a root.
        marks: bits of `Mark`.
        busy: ns that a suspended body ran, or `NONE`.
        places: what `Source.details` takes; ``sources`` says which one.
        folded: index -> the calls that one stands for, where it stands for several.
        runs: of the inputs, in the order in which they were read.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.starts = array("q")
        self.ends = array("q")
        self.functions = array("i")
        self.threads = array("i")
        self.parents = array("i")
        self.marks = array("B")
        self.busy = array("q")
        self.places = array("q")
        self.sources = array("i")
        self.function_table: list[Function] = []
        self.thread_table: list[Thread] = []
        self.folded: dict[int, FoldedCalls] = {}
        self.runs: list[Run] = []
        self._function_numbers: dict[tuple[str, str, int], int] = {}
        self._thread_numbers: dict[tuple[int, str], int] = {}

    def __len__(self) -> int:
        return len(self.starts)

    def function(self, name: str, file: str, line: int) -> int:
        """Return the number of a function."""
        key = (name, file, line)
        number = self._function_numbers.get(key)
        if number is None:
            number = self._function_numbers[key] = len(self.function_table)
            self.function_table.append(Function(name, file, line))
        return number

    def begin_run(self, label: str, number: int = 1) -> int:
        """Begin the run ``number`` of an input; return its number among all."""
        self.runs.append(Run(label, number))
        return len(self.runs) - 1

    def run_of(self, index: int) -> int:
        """Return the number of the run of a span."""
        return self.thread_table[self.threads[index]].run

    def thread(self, run: int, name: str) -> int:
        """Return the number of a thread."""
        key = (run, name)
        number = self._thread_numbers.get(key)
        if number is None:
            number = self._thread_numbers[key] = len(self.thread_table)
            self.thread_table.append(Thread(run, name))
        return number

    def add(
        self,
        start: int,
        end: int,
        function: int,
        thread: int,
        parent: int,
        marks: int,
        busy: int,
        place: int,
        source: int,
    ) -> int:
        """Add a span; return its index.

        Raises:
            UsageError: there are too many.
        """
        if len(self.starts) >= self._most:
            raise UsageError(
                f"traces: more than {self._most:,} spans; expected fewer: give "
                "fewer inputs, or record with a filter that skips or samples what is called most "
                "(`codetracer-otel show TRACE --summary` counts the calls of each function)",
                ErrorCode.UNSUPPORTED_FORMAT,
            )
        self.starts.append(start)
        self.ends.append(end)
        self.functions.append(function)
        self.threads.append(thread)
        self.parents.append(parent)
        self.marks.append(marks)
        self.busy.append(busy)
        self.places.append(place)
        self.sources.append(source)
        return len(self.starts) - 1

    def complete(
        self, index: int, end: int, marks: int, busy: int, place: int, source: int
    ) -> bool:
        """Add the end of a span that began earlier; return False if it had already ended."""
        is_later = end > self.ends[index] or not marks & Mark.UNFINISHED
        if not self.marks[index] & Mark.UNFINISHED or not is_later:
            return False
        self.ends[index], self.marks[index], self.busy[index] = end, marks, busy
        self.places[index], self.sources[index] = place, source
        return True
