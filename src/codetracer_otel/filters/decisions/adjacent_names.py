"""Tells which names say what a value is, and which leave that to a name beside them."""

from functools import lru_cache
from typing import Final

from codetracer_otel.filters.patterns.name_words import split_words

NAMING: Final = (
    *("attr", "attribute", "col", "column", "field", "flag", "header", "item", "k", "key"),
    *("label", "locator", "name", "option", "param", "parameter", "prop", "property"),
    *("selector", "setting", "var", "variable"),
)
HOLDING: Final = ("content", "default", "v", "val", "value", "values")

_MOST_NAMES: Final = 4096
_MAX_KNOWN_LENGTH: Final = 64  # of a name that is kept: keys of a program's objects have no bound


def names_something(name: str) -> bool:
    """Return whether what is called so may say what another value is: ``header_name``."""
    return last_word(name) in NAMING


def holds_something(name: str) -> bool:
    """Return whether what is called so may be what another value says: ``ParameterValue``."""
    return _holds_something(name) if len(name) <= _MAX_KNOWN_LENGTH else last_word(name) in HOLDING


@lru_cache(_MOST_NAMES)  # asked for every field of every little object
def _holds_something(name: str) -> bool:
    return last_word(name) in HOLDING


def last_word(name: str) -> str:
    """Return what tells the part of a variable or field: ``name`` of ``header_name``."""
    # An attribute of a span has dots, and nothing to do with others that end alike.
    words = split_words(name) if name.isidentifier() else ()
    return words[-1] if words else ""
