"""Reads the variables of a code object that live in a namespace: globals, names of a module."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.instrumentation.spans.traced_code import SHORT_TEXT
from codetracer_otel.instrumentation.steps.value_changes import CHANGING, SAME
from codetracer_otel.instrumentation.steps.variables import is_kept, is_module_level
from codetracer_otel.instrumentation.values.safe_access import derives
from codetracer_otel.model.step_entries import UNSET
from codetracer_otel.model.value import Node

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from codetracer_otel.instrumentation.steps.value_changes import StepValues

_Known = tuple["Callable[[], object]", "Node | None"]
_NOTHING: Final[_Known] = (lambda: SAME, None)


class NamedVariables:
    """The variables of one code object that are found by name.

    What their names stood for at the last step of a call is in its frame. Functions, classes and
    modules are captured once, not once a call; they are remembered by weak references.

    Args:
        names: of the variables, in the order of their indices.
        offset: index of the first of them.
        are_globals: they are looked up in the globals, not in the frame's own namespace.
        values: captures them.
        plain_type_ids: ids of the exact types whose values pass without a look.
    """

    __slots__ = ("_are_globals", "_known", "_offset", "_plain_type_ids", "_values", "names")

    def __init__(
        self,
        names: tuple[str, ...],
        offset: int,
        values: StepValues,
        plain_type_ids: frozenset[int],
        *,
        are_globals: bool,
    ) -> None:
        self.names = names
        self._offset = offset
        self._are_globals = are_globals
        self._values = values
        self._plain_type_ids = plain_type_ids
        self._known: list[_Known] = [_NOTHING] * len(names)

    def changes(
        self, python_frame: FrameType, frame: list[Any], line: int, change: list[Any] | None
    ) -> list[Any] | None:
        """Add to the entry of a step what differs of the names; see `SteppedCode`."""
        namespace: Any = python_frame.f_globals if self._are_globals else python_frame.f_locals
        if type(namespace) is dict:
            read = namespace.get
        elif derives(type(namespace), dict):  # isinstance() would ask it for its `__class__`
            read = partial(dict.get, namespace)
        else:
            return change  # made by the program: reading it would run its code
        unset = UNSET
        for name, before in zip(self.names, frame[5], strict=False):
            if read(name, unset) is not before:
                return self._add([read(name, unset) for name in self.names], frame, line, change)
        return change

    def _add(
        self, values: list[Any], frame: list[Any], line: int, change: list[Any] | None
    ) -> list[Any] | None:
        last, new_seen = frame[2], []
        for position, (value, before) in enumerate(zip(values, frame[5], strict=True)):
            if value is before:
                new_seen.append(value)
                continue
            index, kind = self._offset + position, type(value)
            if id(kind) in self._plain_type_ids or (kind is str and len(value) <= SHORT_TEXT):
                kept: Any = value
                last[index] = value
            else:
                kept = self._capture(position, value, last)
            new_seen.append(value if is_kept(kind, last[index], value) else CHANGING)
            if kept is not SAME:
                change = [line] if change is None else change
                change += (index, kept)
        frame[5] = tuple(new_seen)
        return change

    def _capture(self, position: int, value: Any, last: list[Any]) -> Any:
        index = self._offset + position
        reference, known = self._known[position]
        if reference() is value:
            if last[index] is known:
                return SAME
            last[index] = known
            return known
        kept = self._values.capture(index, value, last)
        if is_module_level(type(value)) and type(last[index]) is Node:
            self._known[position] = (weakref.ref(value), last[index])
        return kept
