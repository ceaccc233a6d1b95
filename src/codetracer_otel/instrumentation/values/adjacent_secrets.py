"""Redacts values named by the item next to them: header pairs, flags, objects with a name."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.filters.decisions.adjacent_names import (
    holds_something,
    names_something,
)
from codetracer_otel.filters.secrets.command_lines import glued_secret, hides_next
from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.values.safe_access import MISSING, class_attribute
from codetracer_otel.model.value import REDACTED_NODE, Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetracer_otel.filters.types import Learn, WalkRules

    IsSecretName = Callable[[Any], bool]

_ALLOW: Final = Action.ALLOW
_MAX_NAME: Final = 1024  # characters of a name that are judged
MOST_FIELDS: Final = 8  # of an object that has a name and a value
_PAIR: Final = 2
_CAPTURED_TEXTS: Final = (NodeKind.BYTES, NodeKind.CUT_TEXT)


def without_adjacent_secrets(
    items: Sequence[Any], total: int, is_secret_name: IsSecretName, learn: Learn
) -> Sequence[Any]:
    """Hide the second of a header's pair, and what follows a flag of a command line.

    Args:
        items: the first items of a list or tuple; not looked into unless they are texts.
        total: how many there are.
        is_secret_name: whether a text or bytes object is a secret's name; False for all else.
        learn: takes what is hidden.
    """
    if type(items[0]) is not str and type(items[0]) is not bytes:
        return items
    if total == _PAIR and is_secret_name(items[0]):
        learn(items[1], _place("pair", items[0]))
        return items[0], REDACTED_NODE
    # Compared, what begins with a dash is found four times as fast as by `startswith`.
    if not [item for item in items if type(item) is str and "-" <= item < "."]:
        return items
    return _without_values_of_flags(items, is_secret_name, learn)


def _without_values_of_flags(
    items: Sequence[Any], is_secret_name: IsSecretName, learn: Learn
) -> Sequence[Any]:
    shown = list(items)
    for index, (flag, item) in enumerate(pairwise(items), 1):
        if type(flag) is str and hides_next(flag, item, is_secret_name):
            learn(item, _place("flag", flag))
            shown[index] = REDACTED_NODE
        elif glued_secret(items, item):
            learn(item[len("-p") :], _place("flag", "-p"))
            shown[index] = REDACTED_NODE
    return shown


def _place(kind: str, name: object) -> tuple[str, str]:
    return (kind, name if type(name) is str else "")


def without_named_secret(
    names: Sequence[Any],
    pairs: Sequence[tuple[Any, Any]],
    is_secret_name: IsSecretName,
    learn: Learn,
) -> Sequence[tuple[Any, Any]]:
    """Hide the value of a header, variable or field that is an object of name and value.

    Args:
        names: captured keys.
        pairs: the keys and values themselves.
        is_secret_name: as for `without_adjacent_secrets`.
        learn: takes what is hidden.
    """
    holding = [type(name) is str and holds_something(name) for name in names]
    if True not in holding:
        return pairs
    secret_names = [
        item
        for name, (_, item) in zip(names, pairs, strict=True)
        if type(name) is str and names_something(name) and is_secret_name(item)
    ]
    if not secret_names:
        return pairs
    for holds, (_, item) in zip(holding, pairs, strict=True):
        if holds:
            learn(item, _place("field", secret_names[0]))
    return [
        (key, REDACTED_NODE if holds else item)
        for holds, (key, item) in zip(holding, pairs, strict=True)
    ]


def is_secret_name(name: Any, attribute_rules: WalkRules | None) -> bool:
    """Return whether a value is the text or bytes of a name that the ``attr`` patterns hide.

    Captured texts and bytes as well: steps have no others.
    """
    if type(name) is Node and name.kind in _CAPTURED_TEXTS:
        name = name.items
    kind = type(name)
    if attribute_rules is None or (kind is not str and kind is not bytes):
        return False
    text = name[:_MAX_NAME]
    return (
        attribute_rules.attribute_action(text if kind is str else text.decode("latin-1"))
        is not _ALLOW
    )


def may_hold_text(value: object) -> bool:
    """Return whether a value may be what an argument names: a text, or what texts are in.

    Those have a length. A form's field or a table's column, which are made by their names as well,
    have none.
    """
    return class_attribute(type(value), "__len__") is not MISSING


def naming_variables(names: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of variables that may say what another value is."""
    return tuple([index for index, name in enumerate(names) if names_something(name)])


def paired_variables(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return (index of a variable that names something, index of one that may hold it).

    The last word of a variable's name tells: ``key``, ``header_name``; ``value``, ``new_value``.
    """
    naming = naming_variables(names)
    holding = [index for index, name in enumerate(names) if holds_something(name)]
    return tuple([(name, value) for name in naming for value in holding])


def told_variables(
    values: Sequence[Any],
    paired: tuple[tuple[int, int], ...],
    is_secret_name: IsSecretName,
) -> frozenset[int]:
    """Return the indices of variables that hold what another one names as a secret.

    Args:
        values: of the variables, any objects.
        paired: from `paired_variables`.
        is_secret_name: as for `without_adjacent_secrets`.
    """
    return frozenset([value for name, value in paired if is_secret_name(values[name])])
