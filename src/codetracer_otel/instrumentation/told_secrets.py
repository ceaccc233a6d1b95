"""Secrets that their neighbour tells: a header's pair, a flag's value, an object with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.captured import REDACTED_NODE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    IsSecretName = Callable[[Any], bool]

MOST_FIELDS: Final = 8  # of an object that has a name and a value
_PAIR: Final = 2
_NAME_FIELDS: Final = ("name", "key", "Name", "Key")


def without_told_secrets(
    items: Sequence[Any], total: int, is_secret_name: IsSecretName
) -> Sequence[Any]:
    """Hide the second of a header's pair, and what follows a flag of a command line.

    Args:
        items: the first items of a list or tuple; not looked into unless they are texts.
        total: how many there are.
        is_secret_name: whether a text or bytes object is a secret's name; False for all else.
    """
    if type(items[0]) is not str and type(items[0]) is not bytes:
        return items
    if total == _PAIR and is_secret_name(items[0]):
        return items[0], REDACTED_NODE
    # Compared, what begins with `--` is found four times as fast as by `startswith`.
    if not [item for item in items if type(item) is str and "--" <= item < "-."]:
        return items
    return _without_values_of_flags(items, is_secret_name)


def _without_values_of_flags(items: Sequence[Any], is_secret_name: IsSecretName) -> Sequence[Any]:
    flags = [type(item) is str and item.startswith("--") for item in items]
    return [
        REDACTED_NODE
        if index and flags[index - 1] and not flags[index] and is_secret_name(items[index - 1][2:])
        else item
        for index, item in enumerate(items)
    ]


def without_named_secret(
    names: Sequence[Any], pairs: Sequence[tuple[Any, Any]], is_secret_name: IsSecretName
) -> Sequence[tuple[Any, Any]]:
    """Hide the value of a header, variable or field that is an object of name and value.

    Args:
        names: captured keys.
        pairs: the keys and values themselves.
        is_secret_name: as for `without_told_secrets`.
    """
    value = "value" if "value" in names else "Value"
    if value not in names:
        return pairs
    stated = [item for name, (_, item) in zip(names, pairs, strict=True) if name in _NAME_FIELDS]
    if not any(map(is_secret_name, stated)):
        return pairs
    return [
        (key, REDACTED_NODE if name == value else item)
        for name, (key, item) in zip(names, pairs, strict=True)
    ]
