"""Finds out from bytecode which variables a line can rebind, so that a step reads no others.

Whatever is not understood is answered with "any": a step then reads everything.
"""

from __future__ import annotations

import dis
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_EXTENDED: Final = dis.opmap["EXTENDED_ARG"]
_NIBBLE: Final = 15

# Instructions whose argument is the number of the local variable that they bind or unbind.
_ONE_LOCAL: Final = frozenset(
    {"STORE_FAST", "DELETE_FAST", "LOAD_FAST_AND_CLEAR", "STORE_FAST_MAYBE_NULL"}
)
# 3.13: two variables in one argument, the first in the higher four bits.
_TWO_LOCALS: Final = frozenset({"STORE_FAST_STORE_FAST"})
_FIRST_LOCAL: Final = frozenset({"STORE_FAST_LOAD_FAST"})
_READS_ONLY: Final = frozenset(
    {
        "LOAD_FAST",
        "LOAD_FAST_CHECK",
        "LOAD_FAST_LOAD_FAST",
        "LOAD_FAST_BORROW",
        "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
    }
)
_GLOBALS: Final = frozenset({"LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME"})


def _numbers(names: frozenset[str]) -> frozenset[int]:
    return frozenset(dis.opmap[name] for name in names if name in dis.opmap)


_ONE: Final = _numbers(_ONE_LOCAL)
_TWO: Final = _numbers(_TWO_LOCALS)
_FIRST: Final = _numbers(_FIRST_LOCAL)
_GLOBAL: Final = _numbers(_GLOBALS)
_LOAD_GLOBAL: Final = dis.opmap.get("LOAD_GLOBAL", -1)
_UNKNOWN: Final = frozenset(
    number
    for name, number in dis.opmap.items()
    if "_FAST" in name
    and number not in _ONE | _TWO | _FIRST
    and name not in _READS_ONLY
    and not name.startswith("INSTRUMENTED")
)


@dataclass(frozen=True, slots=True)
class Rebindings:
    """What the lines of a code object do to its variables.

    Attributes:
        lines: line -> names of the local variables that it can rebind.
        always: names that can change at any time: other functions share them.
        global_names: the names that it looks up as globals.
    """

    lines: dict[int, frozenset[str]]
    always: frozenset[str]
    global_names: frozenset[str]


def find_rebindings(code: CodeType) -> Rebindings | None:
    """Return what the lines of a function rebind, or None where that is not known."""
    shared = frozenset(code.co_cellvars) | frozenset(code.co_freevars)
    bound: dict[int | None, set[str]] = {}
    global_names: set[str] = set()
    lines = {
        offset: line for start, end, line in code.co_lines() for offset in range(start, end, 2)
    }
    for offset, number, argument in _instructions(code):
        if number in _UNKNOWN:
            return None
        if number in _GLOBAL:
            shift = number == _LOAD_GLOBAL
            global_names.add(code.co_names[argument >> shift])
        indices = _bound_locals(number, argument)
        if indices:
            # what lies behind them is shared, and changes at any time
            names = {code.co_varnames[index] for index in indices if index < code.co_nlocals}
            bound.setdefault(lines.get(offset), set()).update(names)
    always = shared | bound.pop(None, set())
    rebound = {line: frozenset(names) for line, names in bound.items() if line is not None}
    return Rebindings(rebound, frozenset(always), frozenset(global_names))


def _bound_locals(number: int, argument: int) -> tuple[int, ...]:
    if number in _ONE:
        return (argument,)
    if number in _TWO:
        return argument >> 4, argument & _NIBBLE
    return (argument >> 4,) if number in _FIRST else ()


def _instructions(code: CodeType) -> Iterator[tuple[int, int, int]]:
    """Yield (offset, number, argument) of each instruction, inline caches left in."""
    text = code.co_code
    extended = 0
    for offset in range(0, len(text), 2):
        number, argument = text[offset], text[offset + 1] | extended
        if number == _EXTENDED:
            extended = argument << 8
        else:
            extended = 0
            yield offset, number, argument
