"""Defines what the step recorder hands to a native trace: entries of a thread, in program order.

An *entry* is one of

* an ``int``: a step on that line, no visible variable differs from the step before in its frame;
* a ``list`` ``[line, index, value, index, value, ...]``: a step with the variables that differ, by
  their index in `StepPlan.variables`; a value is a captured value or `UNSET`;
* a ``tuple`` that begins with one of the operations below.

A call's arguments count as shown at its first step; the first step after a resumption names every
variable that has a value. So entries need no frame identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codetracer_otel.model.record import Plan
    from codetracer_otel.model.value import Captured

CALL: Final = 0  # (CALL, StepPlan, argument values or None for a resumption, Failure or None)
RETURN: Final = 1  # (RETURN, captured value)
RAISE: Final = 2  # (RAISE, Failure): the frame is left by an exception
OUTPUT: Final = 3  # (OUTPUT, stream name, text, file, line)
CLOSE: Final = 4  # (CLOSE,): every open frame of the thread ends here, unfinished
LAST: Final = 6  # (LAST, step): as the frame is left; no step if nothing differs in the trace
END: Final = 5  # (END,): the innermost open frame ends here, unfinished: its end was not seen

Entry = int | list[Any] | tuple[Any, ...]


class _Unset:
    """The type of `UNSET`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()
"""Stands in a step for a variable that has no value any more."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception as it leaves or enters a frame.

    Attributes:
        type_name: ``module.QualName``, without ``builtins.``.
        message: captured text that needed no user code.
        is_error: False for the ends of generators, cancellation and ``SystemExit(0)``.
    """

    type_name: str
    message: Captured
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class StepVariable:
    """One variable that the steps of a code object show.

    Attributes:
        name: as in the source.
        kind: ``argument``, ``local`` or ``global``.
        redacted: its value is not shown.
        place: as ``place`` of `records.Variable`.
    """

    name: str
    kind: str
    redacted: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StepPlan:
    """What a native trace needs to know about one code object.

    Attributes:
        plan: the decision about the code object.
        name: of the function: its qualified name, ``<pkg.mod>`` for a module body.
        variables: what its steps show; entries refer to them by index. Those whose values are read
            come first, of these the arguments, in the order of ``plan.argument_names``.
    """

    plan: Plan
    name: str
    variables: tuple[StepVariable, ...] = ()


class StepSink(Protocol):
    """Where the entries of a session go; called from one thread at a time."""

    def write(self, thread: int, entries: list[Entry]) -> None:
        """Take the next entries of a thread; 1 is the thread that began the session."""

    def end_thread(self, thread: int) -> None:
        """Take note that no entry of this thread follows."""

    def finish(self) -> None:
        """End every open call, and the trace."""


def count_calls(entries: Iterable[Entry]) -> int:
    """Return how many calls begin in these entries; a resumption is none."""
    return sum(
        type(entry) is tuple and entry[0] == CALL and entry[2] is not None for entry in entries
    )
