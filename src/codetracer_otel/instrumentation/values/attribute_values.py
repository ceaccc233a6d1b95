"""Attribute values of OpenTelemetry at any depth: made exact, judged by name, their texts read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.filters.types import Action, learn_nothing
from codetracer_otel.instrumentation.values.adjacent_secrets import (
    MOST_FIELDS,
    without_adjacent_secrets,
    without_named_secret,
)
from codetracer_otel.instrumentation.values.safe_access import derives, exact_text
from codetracer_otel.model.value import REDACTED, REDACTED_NODE, Node
from codetracer_otel.model.value_texts import map_texts, texts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codetracer_otel.filters.types import Learn

    ActionFor = Callable[[str], Action]
    Change = Callable[[str, bool], str]  # what becomes of a text, which may have been cut off
    Form = Callable[[object], Any]

_WHOLE: Final[frozenset[int]] = frozenset()
MAX_DEPTH: Final = 16  # levels of an attribute's value; what lies deeper is left out
LEFT_OUT: Final = object()


def leave_out(_value: object) -> object:
    """Return that an object is no attribute."""
    return LEFT_OUT


def clean_attribute(value: object, form: Form = leave_out, depth: int = MAX_DEPTH) -> Any:
    """Return ``value`` as the SDK keeps it as an attribute, or `LEFT_OUT` where that is nothing.

    No code of the program runs: types are compared by identity, for a metaclass may say what its
    classes' equality is, and ``isinstance`` asks an object for its ``__class__``.

    Args:
        value: what was given as an attribute.
        form: returns what stands for an object that is no attribute, for which the SDK would have
            its ``__str__``.
        depth: levels of lists and maps.
    """
    kind = type(value)
    clean_all = next((clean for base, clean in _CONTAINERS if derives(kind, base)), None)
    if clean_all is None:
        return _scalar(value, form)
    return clean_all(value, form, depth - 1) if depth else LEFT_OUT


def _clean_items(items: Any, form: Form, depth: int) -> tuple[Any, ...]:
    plain = list.__iter__(items) if derives(type(items), list) else tuple.__iter__(items)
    cleaned = [clean_attribute(item, form, depth) for item in plain]
    return tuple([clean for clean in cleaned if clean is not LEFT_OUT])


def _clean_mapping(mapping: dict[Any, Any], form: Form, depth: int) -> dict[str, Any]:
    named = [(_key(key, form), item) for key, item in dict.items(mapping)]
    cleaned = [(key, clean_attribute(item, form, depth)) for key, item in named if key]
    return {key: clean for key, clean in cleaned if clean is not LEFT_OUT}


_CONTAINERS: Final[tuple[tuple[type, Callable[..., Any]], ...]] = (
    (list, _clean_items),
    (tuple, _clean_items),
    (dict, _clean_mapping),
)


def _key(key: object, form: Form) -> str:
    text = exact_text(key)
    if text is not None:
        return text
    clean = _scalar(key, form)
    return str(clean) if clean and clean is not LEFT_OUT else ""


def _scalar(value: object, form: Form) -> Any:
    kind = type(value)
    if kind is str or kind is int or kind is bool or kind is float or kind is bytes:
        return value
    if value is None:
        return None
    # The base class's slot, not the subclass's: an enum or a numpy float stays a number.
    if derives(kind, str):
        return str.__str__(value)
    if derives(kind, int):
        return int.__add__(value, 0)  # type: ignore[operator]
    if derives(kind, float):
        return float.__add__(value, 0.0)  # type: ignore[operator]
    return bytes.__getitem__(value, slice(None)) if derives(kind, bytes) else form(value)  # type: ignore[call-overload]


def without_named(value: Any, action_for: ActionFor, learn: Learn = learn_nothing) -> Any:
    """Return a clean value without what is under, or next to, names of secrets in it.

    The same object where it has none.

    Args:
        value: as `clean_attribute` makes it, or a list where that has tuples.
        action_for: what the filter says about a name.
        learn: takes what is hidden.
    """
    kind = type(value)
    if kind is dict:
        return _mapping_without_named(value, action_for, learn)
    if kind is tuple or kind is list:
        return _items_without_named(value, action_for, learn)
    return REDACTED if value is REDACTED_NODE else value


def _items_without_named(items: Any, action_for: ActionFor, learn: Learn) -> Any:
    kept = items
    if len(items) > 1:
        kept = without_adjacent_secrets(items, len(items), _secret_names(action_for), learn)
    shown = tuple([without_named(item, action_for, learn) for item in kept])
    return items if all(new is old for new, old in zip(shown, items, strict=True)) else shown


def _mapping_without_named(
    mapping: dict[str, Any], action_for: ActionFor, learn: Learn
) -> dict[str, Any]:
    pairs: Any = tuple(mapping.items())
    if len(pairs) <= MOST_FIELDS:
        pairs = without_named_secret(tuple(mapping), pairs, _secret_names(action_for), learn)
    shown = {}
    for key, item in pairs:
        action = action_for(key)
        if action is Action.ALLOW:
            shown[key] = without_named(item, action_for, learn)
        elif action is Action.REDACT:
            learn(item, ("key", key))
            shown[key] = REDACTED
    is_same = len(shown) == len(mapping) and all(shown[key] is mapping[key] for key in mapping)
    return mapping if is_same else shown


def _secret_names(action_for: ActionFor) -> Callable[[Any], bool]:
    def is_secret_name(name: Any) -> bool:
        text = name.decode("latin-1") if type(name) is bytes else name
        return type(text) is str and action_for(text) is not Action.ALLOW

    return is_secret_name


def attribute_texts(value: Any, cut: frozenset[int] = _WHOLE) -> Iterator[tuple[str, bool]]:
    """Yield every text in a value, keys of mappings included, and whether it was cut.

    Bytes are read as Latin-1, so that a secret in them has the shape it has in text.

    Args:
        value: of an attribute.
        cut: a text of exactly one of these lengths counts as one that was cut.
    """
    kind = type(value)
    if kind is str:
        yield value, len(value) in cut
    elif kind is tuple or kind is list:
        for item in value:
            yield from attribute_texts(item, cut)
    elif kind is dict:
        for key, item in value.items():
            yield key, False
            yield from attribute_texts(item, cut)
    elif kind is bytes:
        yield value.decode("latin-1"), False
    elif kind is Node:
        yield from texts_in(value)


def map_attribute(value: Any, change: Change, cut: frozenset[int] = _WHOLE) -> Any:
    """Return a value with each text replaced by ``change(text, was_cut)``; bytes stay bytes."""
    kind = type(value)
    if kind is str:
        return change(value, len(value) in cut)
    if kind is tuple or kind is list:
        return tuple([map_attribute(item, change, cut) for item in value])
    if kind is dict:
        return {change(key, False): map_attribute(item, change, cut) for key, item in value.items()}
    if kind is bytes:
        return change(value.decode("latin-1"), False).encode("latin-1")
    return map_texts(value, change) if kind is Node else value


def cut_texts(value: Any, length: int) -> Any:
    """Return a value with each text cut to ``length`` code points, and bytes to as many.

    Keys stay as they are.
    """
    kind = type(value)
    if kind is str or kind is bytes:
        return value[:length]
    if kind is tuple or kind is list:
        return tuple([cut_texts(item, length) for item in value])
    return {key: cut_texts(item, length) for key, item in value.items()} if kind is dict else value
