"""Tells which names say what a value is, and which leave that to a name beside them."""

from typing import Final

NAMING: Final = (
    *("attr", "attribute", "col", "column", "field", "flag", "header", "item", "k", "key"),
    *("label", "locator", "name", "option", "param", "parameter", "prop", "property"),
    *("selector", "setting", "var", "variable"),
)
HOLDING: Final = ("content", "default", "v", "val", "value", "values")


def last_word(name: str) -> str:
    """Return what tells a variable's part: ``name`` of ``header_name``."""
    return name.rpartition("_")[2].lower()
