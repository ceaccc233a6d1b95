"""Captures values without items: texts, bytes, numbers, well-known types, other objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codetracer_otel.bindings import Threads
from codetracer_otel.instrumentation.values.class_info import Form
from codetracer_otel.instrumentation.values.safe_access import exact_text
from codetracer_otel.model.value import Captured, Node, NodeKind, kept_length

if TYPE_CHECKING:
    from codetracer_otel.filters.types import WalkRules
    from codetracer_otel.instrumentation.values.class_info import ClassFacts
    from codetracer_otel.instrumentation.values.limits import ValueLimits


class ShortValues:
    """Captures what has no items, cut at the limits."""

    __slots__ = ("_bound", "_longest", "_readers")

    def __init__(self, limits: ValueLimits) -> None:
        self._longest = limits.max_string
        self._bound = limits.integer_bound
        self._readers = {
            Form.TEXT: self._short_form,
            Form.STRING: self._string,
            Form.INTEGER: self._integer,
            Form.FLOAT: lambda value, _facts: float.__float__(value),
            Form.NUMBER: self._number,
            Form.BYTES: self._bytes,
            Form.BYTEARRAY: self._bytes,
            Form.OBJECT: _object,
        }

    def capture(self, value: Any, facts: ClassFacts) -> Captured:
        """Return what is kept of a value whose class has one of the forms without items."""
        return self._readers[facts.form](value, facts)

    def text(self, text: str, facts: ClassFacts) -> Node:
        """Return the node for the short text of an instance of a class."""
        if len(text) <= self._longest:
            return Node(NodeKind.TEXT, facts.name, text)
        kept = text[: kept_length(len(text), self._longest)]
        return Node(NodeKind.CUT_TEXT, facts.name, kept, len(text))

    def _string(self, value: str, facts: ClassFacts) -> Captured:
        length = str.__len__(value)
        if length <= self._longest:
            return str.__getitem__(value, slice(0, length))
        kept = str.__getitem__(value, slice(0, kept_length(length, self._longest)))
        return Node(NodeKind.CUT_TEXT, facts.name, kept, length)

    def _integer(self, value: int, facts: ClassFacts) -> Captured:
        number = int.__int__(value)
        if -self._bound < number < self._bound:
            return number
        return Node(NodeKind.TEXT, facts.name, f"<integer of {number.bit_length()} bits>")

    def _number(self, value: Any, facts: ClassFacts) -> Captured:
        """Capture a NumPy scalar as the equal Python one."""
        number: Any = facts.write(value) if facts.write is not None else None
        kind = type(number)
        if kind is int:
            return self._integer(number, facts)
        if kind is str:
            return self._string(number, facts)
        scalar: Captured = number if kind is bool or kind is float else _object(value, facts)
        return scalar

    def _bytes(self, value: Any, facts: ClassFacts) -> Captured:
        base: Any = bytes if facts.form is Form.BYTES else bytearray
        kept = bytes(base.__getitem__(value, slice(0, self._longest)))
        return Node(NodeKind.BYTES, facts.name, kept, base.__len__(value))

    def _short_form(self, value: Any, facts: ClassFacts) -> Captured:
        text = facts.write(value) if facts.write is not None else None
        return _object(value, facts) if text is None else self.text(text, facts)


def _object(_value: Any, facts: ClassFacts) -> Captured:
    return Node(NodeKind.OBJECT, facts.name)


class _Busy(Threads.Local):
    """Whether this thread is running a ``__repr__`` for us."""

    active = False


class ProgramText:
    """The only place that runs code of the program."""

    __slots__ = ("_allow_repr", "_busy", "_short", "_walk")

    def __init__(
        self, attribute_rules: WalkRules | None, short: ShortValues, *, allow_repr: bool
    ) -> None:
        self._walk = attribute_rules
        self._short = short
        self._allow_repr = allow_repr
        self._busy = _Busy()

    def may_run(self, facts: ClassFacts) -> bool:
        """Return whether instances of a class may be asked, now and on this thread."""
        is_asked = self._allow_repr and facts.form in (Form.OBJECT, Form.FIELDS)
        if not is_asked and self._walk is not None:
            is_asked = self._walk.allows_repr(facts.full_name)
        return is_asked and not self._busy.active

    def capture(self, value: Any, facts: ClassFacts) -> Captured:
        """Return the text an object has for itself, or its class where it fails to give one."""
        self._busy.active = True
        try:
            text = exact_text(repr(value))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the program did not ask for this call
            text = None
        finally:
            self._busy.active = False
        return Node(NodeKind.OBJECT, facts.name) if text is None else self._short.text(text, facts)
