"""Replaces texts inside captured values; makes texts that can be delivered, or shown to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.main_module import module_called
from codetracer_otel.model.value import Captured, Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# not by attribute access, which may run code of a metaclass
_read_module = type.__dict__["__module__"].__get__
_read_qualname = type.__dict__["__qualname__"].__get__
_TEXTS: Final = frozenset({NodeKind.CUT_TEXT, NodeKind.TEXT})


def texts_in(value: Captured) -> list[tuple[str, bool]]:
    """Return every text inside ``value``, keys of mappings included, and whether it was cut.

    Bytes are read as Latin-1, so that a secret in them has the shape it has in text.
    """
    found: list[tuple[str, bool]] = []  # a generator for each node took three times as long
    _add_texts((value,), found.append)
    return found


def _add_texts(values: Iterable[Any], add: Callable[[tuple[str, bool]], None]) -> None:
    for value in values:
        if type(value) is str:
            add((value, False))
        elif type(value) is tuple:  # of a key and what it holds
            _add_texts(value, add)
        elif type(value) is Node:
            _add_texts_of_node(value, add)


def _add_texts_of_node(node: Node, add: Callable[[tuple[str, bool]], None]) -> None:
    if node.kind in _TEXTS:
        add((node.items, node.kind is NodeKind.CUT_TEXT))
    elif node.kind is NodeKind.BYTES:
        add((node.items.decode("latin-1"), node.omitted > len(node.items)))
    else:
        _add_texts(node.items, add)


def map_texts(value: Captured, change: Callable[[str, bool], str]) -> Captured:
    """Return ``value`` with each text replaced by ``change(text, was_cut)``.

    Parts without a change are the same objects. A text that was cut loses its mark when it
    changes: what is left of it may be shorter than a mark would say.
    """
    if type(value) is str:
        return change(value, False)
    return _map_node(value, change) if type(value) is Node else value


def _map_node(node: Node, change: Callable[[str, bool], str]) -> Captured:
    if node.kind in _TEXTS:
        text = change(node.items, node.kind is NodeKind.CUT_TEXT)
        return node if text == node.items else text
    if node.kind is NodeKind.BYTES:
        text = node.items.decode("latin-1")
        changed = change(text, node.omitted > len(node.items))
        return node if changed == text else changed
    items = tuple([_map_item(item, change) for item in node.items])
    if all(new is old for new, old in zip(items, node.items, strict=True)):
        return node
    return Node(node.kind, node.type_name, items, node.omitted)


def _map_item(item: Any, change: Callable[[str, bool], str]) -> Any:
    if type(item) is not tuple:
        return map_texts(item, change)
    key, value = map_texts(item[0], change), map_texts(item[1], change)
    return item if key is item[0] and value is item[1] else (key, value)


def type_name(kind: type) -> str:
    """Return ``module.QualName`` of a class, without ``builtins.``; runs no metaclass code."""
    name, module = _read_qualname(kind), _read_module(kind)
    if type(name) is not str:
        name = str.__str__(name)
    if type(module) is not str or module == "builtins":
        return name
    return f"{module_called(module)}.{name}"


def text_of_name(name: object) -> str:
    """Return a name as an exact text, else ``<pkg.Class>``; no code of it runs."""
    kind = type(name)
    return str.__str__(name) if issubclass(kind, str) else f"<{type_name(kind)}>"


def encodable(text: str) -> str:
    """Return ``text`` with each lone surrogate as its visible escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


UNQUOTED: Final = ("<", "{", "[")
"""How sentinels, types and the JSON of containers begin, which people read better unquoted."""


def visible(text: str) -> str:
    """Return ``text`` with control characters, direction marks and lone surrogates as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
