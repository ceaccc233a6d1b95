"""Walks values: containers, fields and texts, within limits and by ``attr``, ``type`` patterns."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.filters.types import Action, learn_nothing
from codetracer_otel.instrumentation.values.adjacent_secrets import (
    MOST_FIELDS,
    is_secret_name,
    without_adjacent_secrets,
    without_named_secret,
)
from codetracer_otel.instrumentation.values.class_info import ClassFactsCache, Form
from codetracer_otel.instrumentation.values.objects.fields import is_part, wants_nothing
from codetracer_otel.instrumentation.values.safe_access import (
    MISSING,
    first_members,
    first_pairs,
    first_queued,
    instance_attributes,
    read_slot,
)
from codetracer_otel.instrumentation.values.scalars import ProgramText, ShortValues
from codetracer_otel.model.value import DROPPED_NODE, REDACTED_NODE, Captured, Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codetracer_otel.filters.types import Learn, WalkRules
    from codetracer_otel.instrumentation.values.class_info import ClassFacts
    from codetracer_otel.instrumentation.values.limits import ValueLimits
    from codetracer_otel.instrumentation.values.objects.fields import Wanted

    Reader = Callable[[Any, ClassFacts, "_Progress"], Captured]

_MAX_NAME: Final = 1024  # characters of a key that are judged
_read_arguments = BaseException.__dict__["args"].__get__


class _Progress:
    """What one capture may still keep, and the containers around the current value."""

    __slots__ = ("above", "fields", "is_inside", "left")

    def __init__(self, left: int, fields: int) -> None:
        self.left = left
        self.fields = fields  # of objects, over the whole value
        self.is_inside = False  # of an object with fields
        self.above: list[int] = []


class Walker:
    """Captures values for one configuration, one at a time on any thread."""

    __slots__ = (
        "_bound",
        "_classes",
        "_has_type_rules",
        "_learn",
        "_longest",
        "_max_depth",
        "_max_items",
        "_max_nodes",
        "_program_text",
        "_readers",
        "_short",
        "_walk",
    )

    def __init__(
        self,
        limits: ValueLimits,
        attribute_rules: WalkRules | None,
        modules: Mapping[str, Any],
        *,
        allow_repr: bool,
        learn: Learn = learn_nothing,
        wanted: Wanted = wants_nothing,
    ) -> None:
        self._learn = learn
        self._max_depth = limits.max_depth
        self._max_items = limits.max_items
        self._max_nodes = limits.max_nodes
        self._longest = limits.max_string
        self._bound = limits.integer_bound
        self._walk = attribute_rules
        self._has_type_rules = attribute_rules is not None and attribute_rules.has_type_patterns
        self._classes = ClassFactsCache(modules, wanted)
        self._short = ShortValues(limits)
        self._program_text = ProgramText(attribute_rules, self._short, allow_repr=allow_repr)
        self._readers: dict[Form, Reader] = {
            Form.LIST: self._list,
            Form.TUPLE: self._tuple,
            Form.SET: self._set,
            Form.FROZENSET: self._set,
            Form.QUEUE: self._queue,
            Form.MAPPING: self._mapping,
            Form.NAMED_TUPLE: self._named_tuple,
            Form.STRUCT: self._struct,
            Form.EXCEPTION: self._exception,
            Form.FIELDS: self._fields,
        }

    def capture(self, value: object, is_receiver: bool = False) -> Captured:  # noqa: FBT001, FBT002
        """Return what is kept of a value.

        Args:
            value: any.
            is_receiver: it is the object whose method is called: its fields are not read.
        """
        try:
            fields = 0 if is_receiver else self._max_items
            return self._value(value, _Progress(self._max_nodes, fields))
        except Exception:  # noqa: BLE001 - whatever a value is, the program must not notice
            return self._unreadable("?")

    def _unreadable(self, name: str) -> Node:
        # A value that could not be judged is one that a pattern might have redacted.
        return Node(NodeKind.OBJECT, name) if self._walk is None else REDACTED_NODE

    def _value(self, value: Any, progress: _Progress) -> Captured:
        kind = type(value)
        if self._has_type_rules:
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
            if facts.may_repr and self._program_text.may_run(facts):
                return self._program_text.capture(value, facts)
            reader = self._readers.get(facts.form)
            if reader is not None:
                return reader(value, facts, progress)
            return self._short.capture(value, facts)
        except Exception:  # noqa: BLE001 - one item that cannot be read leaves the others
            del progress.above[depth:]
            return self._unreadable(facts.name)

    def _list(self, value: list[Any], facts: ClassFacts, progress: _Progress) -> Captured:
        items: Sequence[Any] = list.__getitem__(value, slice(0, self._max_items))
        total = list.__len__(value)
        if self._walk is not None and total > 1:
            items = without_adjacent_secrets(items, total, self._is_secret_name, self._learn)
        return self._sequence(NodeKind.LIST, facts, value, items, total, progress)

    def _tuple(self, value: tuple[Any, ...], facts: ClassFacts, progress: _Progress) -> Captured:
        items: Sequence[Any] = tuple.__getitem__(value, slice(0, self._max_items))
        total = tuple.__len__(value)
        if self._walk is not None and total > 1:
            items = without_adjacent_secrets(items, total, self._is_secret_name, self._learn)
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
        if self._has_type_rules:
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
            (name, read_slot(value, name) if is_slot else held.get(name, MISSING))
            for name, is_slot in facts.fields[: self._max_items]
        ]
        present = [pair for pair in pairs if pair[1] is not MISSING]
        total = len(facts.fields) + facts.hidden
        return self._entries(NodeKind.STRUCT, facts, value, present, total, progress)

    def _fields(self, value: Any, facts: ClassFacts, progress: _Progress) -> Captured:
        if progress.fields <= 0:
            return Node(NodeKind.OBJECT, facts.name)
        assert facts.read is not None
        pairs, total = facts.read(value)
        was_inside = progress.is_inside
        if not pairs or (was_inside and not is_part(facts.read, total)):
            return Node(NodeKind.OBJECT, facts.name)
        pairs = pairs[: progress.fields]
        progress.fields -= len(pairs)
        # Objects lead to all others: a node of a document would take the whole document with it.
        progress.left = min(progress.left, self._max_items)
        progress.is_inside = True
        node = self._entries(NodeKind.STRUCT, facts, value, pairs, total, progress)
        progress.is_inside = was_inside
        return node

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
        if self._walk is not None and len(names) <= MOST_FIELDS:
            pairs = without_named_secret(names, pairs, self._is_secret_name, self._learn)
        if self._walk is None:
            values = self._items([item for _, item in pairs], progress)
            kept = list(zip(names, values, strict=True))
        else:
            kept = self._judged(names, pairs, progress)
        progress.above.pop()
        return Node(kind, facts.name, tuple(kept), max(0, total - len(pairs)))

    def _names(self, pairs: Sequence[tuple[Any, Any]], progress: _Progress) -> list[Captured]:
        longest = self._longest
        plain = not self._has_type_rules
        return [
            key
            if plain and type(key) is str and len(key) <= longest
            else self._value(key, progress)
            for key, _ in pairs
        ]

    def _judged(
        self, names: list[Captured], pairs: Sequence[tuple[Any, Any]], progress: _Progress
    ) -> list[tuple[Captured, Captured]]:
        """Capture named values; the names decide first, so a secret is never touched."""
        kept: list[tuple[Captured, Captured]] = []
        for name, (_, item) in zip(names, pairs, strict=True):
            action = Action.DROP if name is DROPPED_NODE else self._name_action(name)
            if action is Action.ALLOW:
                captured = self._value(item, progress)
                if captured is not DROPPED_NODE:
                    kept.append((name, captured))
            elif action is Action.REDACT:
                self._learn(item, ("key", name if type(name) is str else ""))
                kept.append((name, REDACTED_NODE))
        return kept

    def _name_action(self, name: Captured | bytes) -> Action:
        if self._walk is None:
            return Action.ALLOW
        text = _text_of_key(name)
        if type(text) is not str:
            return Action.ALLOW
        return self._walk.attribute_action(text[:_MAX_NAME])

    def _is_secret_name(self, first: Any) -> bool:
        """Return whether a pair is one of a list of headers or items, under a secret name."""
        return is_secret_name(first, self._walk)


def _text_of_key(key: Any) -> Any:
    """Return what a captured key is called: a tuple as its last text."""
    held = key.items if type(key) is Node else key
    if type(held) is tuple:
        texts = [_text_of_key(item) for item in held]
        return next((text for text in reversed(texts) if type(text) is str), None)
    return held.decode("latin-1") if type(held) is bytes else held
