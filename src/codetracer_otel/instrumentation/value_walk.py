"""Walks values: containers, fields and texts, within limits and by ``attr``, ``type`` patterns."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.captured import DROPPED_NODE, REDACTED_NODE, Captured, Node, NodeKind
from codetracer_otel.filters.model import Action
from codetracer_otel.instrumentation.introspection import (
    MISSING,
    exact_text,
    first_members,
    first_pairs,
    first_queued,
    instance_attributes,
    read_member,
)
from codetracer_otel.instrumentation.value_classes import ClassBook, Form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetracer_otel.filters.model import WalkRules
    from codetracer_otel.instrumentation.value_classes import ClassFacts

    Reader = Callable[[Any, ClassFacts, "_Progress"], Captured]

_BITS_PER_DIGIT: Final = 3  # rounded down: an integer within bounds has few enough digits
_PAIR: Final = 2
_MAX_NAME: Final = 1024  # characters of a key that are judged
_read_arguments = BaseException.__dict__["args"].__get__


@dataclass(frozen=True, slots=True)
class ValueLimits:
    """How much of one value is kept.

    Attributes:
        max_depth: levels of containers.
        max_items: items of each container.
        max_string: code points of each text, bytes of each bytes object, digits of integers.
        max_nodes: items of all containers together.
    """

    max_depth: int = 4
    max_items: int = 32
    max_string: int = 1024
    max_nodes: int = 1000

    @property
    def integer_bound(self) -> int:
        """The absolute value from which on only the size of an integer is kept."""
        return 1 << max(64, _BITS_PER_DIGIT * self.max_string)


class _Progress:
    """What one capture has left, and which containers stand above the value it is at."""

    __slots__ = ("above", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.above: list[int] = []


class _Busy(threading.local):
    """Whether this thread is running a ``__repr__`` for us."""

    active = False


class Walker:
    """Captures values for one configuration, one at a time on any thread."""

    __slots__ = (
        "_allow_repr",
        "_bound",
        "_busy",
        "_classes",
        "_judges_types",
        "_longest",
        "_max_depth",
        "_max_items",
        "_max_nodes",
        "_readers",
        "_walk",
    )

    def __init__(
        self,
        limits: ValueLimits,
        walk: WalkRules | None,
        modules: Mapping[str, Any],
        *,
        allow_repr: bool,
    ) -> None:
        self._max_depth = limits.max_depth
        self._max_items = limits.max_items
        self._max_nodes = limits.max_nodes
        self._longest = limits.max_string
        self._bound = limits.integer_bound
        self._walk = walk
        self._judges_types = walk is not None and walk.has_type_patterns
        self._allow_repr = allow_repr
        self._classes = ClassBook(modules)
        self._busy = _Busy()
        self._readers: dict[Form, Reader] = {
            Form.TEXT: self._short_form,
            Form.STRING: self._string,
            Form.INTEGER: self._integer,
            Form.FLOAT: _float,
            Form.NUMBER: self._number,
            Form.BYTES: self._bytes,
            Form.BYTEARRAY: self._bytes,
            Form.LIST: self._list,
            Form.TUPLE: self._tuple,
            Form.SET: self._set,
            Form.FROZENSET: self._set,
            Form.QUEUE: self._queue,
            Form.MAPPING: self._mapping,
            Form.NAMED_TUPLE: self._named_tuple,
            Form.STRUCT: self._struct,
            Form.EXCEPTION: self._exception,
            Form.OBJECT: _object,
        }

    def capture(self, value: object) -> Captured:
        """Return what is kept of a value."""
        try:
            return self._value(value, _Progress(self._max_nodes))
        except Exception:  # noqa: BLE001 - whatever a value is, the program must not notice
            return self._unreadable("?")

    def _unreadable(self, name: str) -> Node:
        # A value that could not be judged is one that a pattern might have redacted.
        return Node(NodeKind.OBJECT, name) if self._walk is None else REDACTED_NODE

    def _value(self, value: Any, progress: _Progress) -> Captured:
        kind = type(value)
        if self._judges_types:
            verdict = self._judge_type(kind)
            if verdict is not None:
                return verdict
        if kind is str:
            if len(value) <= self._longest:
                return value  # type: ignore[no-any-return]
        elif kind is int:
            if -self._bound < value < self._bound:
                return value  # type: ignore[no-any-return]
        elif value is None or kind is bool or kind is float or kind is Node:
            return value  # type: ignore[no-any-return]
        return self._structured(value, self._classes.facts(kind), progress)

    def _judge_type(self, kind: type) -> Node | None:
        action = self._walk.type_action(self._classes.facts(kind).full_name)  # type: ignore[union-attr]
        if action is Action.ALLOW:
            return None
        return DROPPED_NODE if action is Action.DROP else REDACTED_NODE

    def _structured(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        depth = len(progress.above)
        try:
            if facts.may_repr and self._may_repr(facts):
                return self._repr(value, facts)
            return self._readers[facts.form](value, facts, progress)
        except Exception:  # noqa: BLE001 - one item that cannot be read leaves the others
            del progress.above[depth:]
            return self._unreadable(facts.name)

    def _string(self, value: str, facts: ClassFacts, _progress: _Progress) -> Captured:
        length = str.__len__(value)
        kept = str.__getitem__(value, slice(0, self._longest))
        return (
            kept if length <= self._longest else Node(NodeKind.CUT_TEXT, facts.name, kept, length)
        )

    def _integer(self, value: int, facts: ClassFacts, _progress: _Progress) -> Captured:
        number = int.__int__(value)
        if -self._bound < number < self._bound:
            return number
        return Node(NodeKind.TEXT, facts.name, f"<integer of {number.bit_length()} bits>")

    def _number(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        number: Any = facts.write(value) if facts.write is not None else None
        kind: Any = type(number)
        if kind is bool or kind is int or kind is float or kind is str or kind is bytes:
            return self._value(number, progress)
        return _object(value, facts, progress)

    def _bytes(self, value: Any, facts: ClassFacts, _progress: _Progress) -> Captured:
        base: Any = bytes if facts.form is Form.BYTES else bytearray
        kept = bytes(base.__getitem__(value, slice(0, self._longest)))
        return Node(NodeKind.BYTES, facts.name, kept, base.__len__(value))

    def _short_form(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        text = facts.write(value) if facts.write is not None else None
        return _object(value, facts, progress) if text is None else self._text(text, facts)

    def _text(self, text: str, facts: ClassFacts) -> Node:
        if len(text) <= self._longest:
            return Node(NodeKind.TEXT, facts.name, text)
        return Node(NodeKind.CUT_TEXT, facts.name, text[: self._longest], len(text))

    def _may_repr(self, facts: ClassFacts) -> bool:
        is_asked = self._allow_repr and facts.form is Form.OBJECT
        if not is_asked and self._walk is not None:
            is_asked = self._walk.allows_repr(facts.full_name)
        return is_asked and not self._busy.active

    def _repr(self, value: Any, facts: ClassFacts) -> Captured:
        self._busy.active = True
        try:
            text = exact_text(repr(value))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the program did not ask for this call
            text = None
        finally:
            self._busy.active = False
        return Node(NodeKind.OBJECT, facts.name) if text is None else self._text(text, facts)

    def _list(self, value: list[Any], facts: ClassFacts, progress: _Progress) -> Captured:
        items = list.__getitem__(value, slice(0, self._max_items))
        total = list.__len__(value)
        return self._sequence(NodeKind.LIST, facts, value, items, total, progress)

    def _tuple(self, value: tuple[Any, ...], facts: ClassFacts, progress: _Progress) -> Captured:
        items = tuple.__getitem__(value, slice(0, self._max_items))
        total = tuple.__len__(value)
        if total == _PAIR and self._walk is not None and self._is_secret_name(items[0]):
            items = (items[0], REDACTED_NODE)
        return self._sequence(NodeKind.TUPLE, facts, value, items, total, progress)

    def _set(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        base: Any = set if facts.form is Form.SET else frozenset
        items = first_members(value, base, self._max_items)
        return self._sequence(NodeKind.SET, facts, value, items, base.__len__(value), progress)

    def _queue(self, value: deque[Any], facts: ClassFacts, progress: _Progress) -> Captured:
        items = first_queued(value, self._max_items)
        return self._sequence(NodeKind.LIST, facts, value, items, deque.__len__(value), progress)

    def _sequence(
        self,
        kind: NodeKind,
        facts: ClassFacts,
        value: Any,
        items: Sequence[Any],
        total: int,
        progress: _Progress,
    ) -> Captured:
        closed = self._closed(value, facts, progress)
        if closed is not None:
            return closed
        # The siblings' share is taken before their own items: what is near the top is kept.
        items = items[: progress.left]
        progress.left -= len(items)
        progress.above.append(id(value))
        kept = self._items(items, progress)
        progress.above.pop()
        return Node(kind, facts.name, tuple(kept), max(0, total - len(items)))

    def _items(self, items: Sequence[Any], progress: _Progress) -> list[Captured]:
        if self._judges_types:
            captured = [self._value(item, progress) for item in items]
            return [item for item in captured if item is not DROPPED_NODE]
        longest, bound = self._longest, self._bound
        kept: list[Captured] = []
        for item in items:
            kind = type(item)  # scalars are the rule, and a call for each costs most of the time
            if (
                (kind is str and len(item) <= longest)
                or (kind is int and -bound < item < bound)
                or kind is float
                or kind is bool
                or item is None
            ):
                kept.append(item)
            else:
                kept.append(self._value(item, progress))
        return kept

    def _closed(self, value: Any, facts: ClassFacts, progress: _Progress) -> Node | None:
        if id(value) in progress.above:
            return Node(NodeKind.CYCLE, facts.name)
        if len(progress.above) >= self._max_depth:
            return Node(NodeKind.DEEPER, facts.name)
        return None

    def _mapping(self, value: dict[Any, Any], facts: ClassFacts, progress: _Progress) -> Captured:
        pairs = first_pairs(value, self._max_items)
        total = dict.__len__(value)
        return self._entries(NodeKind.MAPPING, facts, value, pairs, total, progress)

    def _named_tuple(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        items = tuple.__getitem__(value, slice(0, self._max_items))
        names = [name for name, _ in facts.fields]
        pairs = tuple(zip(names, items, strict=False))
        total = tuple.__len__(value)
        return self._entries(NodeKind.STRUCT, facts, value, pairs, total, progress)

    def _struct(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        held = instance_attributes(value) if facts.has_dictionary else {}
        pairs = [
            (name, read_member(value, slot) if slot is not None else held.get(name, MISSING))
            for name, slot in facts.fields[: self._max_items]
        ]
        present = [pair for pair in pairs if pair[1] is not MISSING]
        total = len(facts.fields) + facts.hidden
        return self._entries(NodeKind.STRUCT, facts, value, present, total, progress)

    def _exception(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        pairs = (("args", _read_arguments(value)),)
        return self._entries(NodeKind.STRUCT, facts, value, pairs, 1, progress)

    def _entries(
        self,
        kind: NodeKind,
        facts: ClassFacts,
        value: Any,
        pairs: Sequence[tuple[Any, Any]],
        total: int,
        progress: _Progress,
    ) -> Captured:
        closed = self._closed(value, facts, progress)
        if closed is not None:
            return closed
        pairs = pairs[: progress.left]
        progress.left -= len(pairs)
        progress.above.append(id(value))
        names = self._names(pairs, progress)
        if self._walk is None:
            values = self._items([item for _, item in pairs], progress)
            kept = list(zip(names, values, strict=True))
        else:
            kept = self._judged(names, pairs, progress)
        progress.above.pop()
        return Node(kind, facts.name, tuple(kept), max(0, total - len(pairs)))

    def _names(self, pairs: Sequence[tuple[Any, Any]], progress: _Progress) -> list[Captured]:
        longest = self._longest
        plain = not self._judges_types
        return [
            key
            if plain and type(key) is str and len(key) <= longest
            else self._value(key, progress)
            for key, _ in pairs
        ]

    def _judged(
        self, names: list[Captured], pairs: Sequence[tuple[Any, Any]], progress: _Progress
    ) -> list[tuple[Captured, Captured]]:
        """Capture what stands under names, which decide first: a secret is never touched."""
        kept: list[tuple[Captured, Captured]] = []
        for name, (_, item) in zip(names, pairs, strict=True):
            action = Action.DROP if name is DROPPED_NODE else self._name_action(name)
            if action is Action.ALLOW:
                captured = self._value(item, progress)
                if captured is not DROPPED_NODE:
                    kept.append((name, captured))
            elif action is Action.REDACT:
                kept.append((name, REDACTED_NODE))
        return kept

    def _name_action(self, name: Captured | bytes) -> Action:
        if self._walk is None:
            return Action.ALLOW
        text = name.items if type(name) is Node else name
        if type(text) is bytes:
            text = text.decode("latin-1")
        if type(text) is not str:
            return Action.ALLOW
        return self._walk.attribute_action(text[:_MAX_NAME])

    def _is_secret_name(self, first: Any) -> bool:
        """Return whether a pair is one of a list of headers or items, under a secret name."""
        kind = type(first)
        return (kind is str or kind is bytes) and self._name_action(first) is not Action.ALLOW


def _float(value: float, _facts: ClassFacts, _progress: _Progress) -> Captured:
    return float.__float__(value)


def _object(_value: Any, facts: ClassFacts, _progress: _Progress) -> Captured:
    return Node(NodeKind.OBJECT, facts.name)
