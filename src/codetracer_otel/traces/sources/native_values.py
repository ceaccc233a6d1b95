"""Turns the typed values of a native trace into what a page shows."""

from __future__ import annotations

import base64
from typing import Any, Final

from codetracer_otel.model.value import decimal

_FIELDS: Final = {"Int": "i", "Float": "f", "Bool": "b", "String": "text", "Raw": "r"}
_MAX_DEPTH: Final = 16
_DICT: Final = "Dict"


class NativeTypes:
    """The table of types, as far as values need it."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._fields: list[list[str]] = []

    def add(self, body: dict[str, Any]) -> None:
        """Take in the next definition."""
        info = body.get("specific_info")
        fields = info.get("fields") if isinstance(info, dict) else None
        self._names.append(str(body.get("lang_type", "")))
        self._fields.append([str(field["name"]) for field in fields or ()])

    def plain(self, value: dict[str, Any], depth: int = _MAX_DEPTH) -> Any:
        """Return a value as JSON's own types."""
        kind = value["kind"]
        if kind in _FIELDS:
            return value[_FIELDS[kind]]
        if kind == "Error":
            return value["msg"]
        if kind == "None":
            return None
        if kind == "BigInt":
            number = int.from_bytes(base64.b64decode(value["b"]), "big")
            return decimal(-number if value["negative"] else number)
        return self._items(value, depth - 1) if depth else "..."

    def _items(self, value: dict[str, Any], depth: int) -> Any:
        if "field_values" in value:
            items = [self.plain(item, depth) for item in value["field_values"]]
            names = self._fields[value["type_id"]]
            return dict(zip(names, items, strict=False)) if len(names) == len(items) else items
        elements = value.get("elements")
        if elements is None:
            return str(value["kind"])
        items = [self.plain(item, depth) for item in elements]
        is_dict = value["kind"] == "Sequence" and self._names[value["type_id"]] == _DICT
        return _mapping(items) if is_dict else items


def _mapping(items: list[Any]) -> Any:
    pairs = [item for item in items if isinstance(item, list) and len(item) == 2]  # noqa: PLR2004
    found = {key if isinstance(key, str) else str(key): value for key, value in pairs}
    others = [item for item in items if not isinstance(item, list)]
    if others:
        found["..."] = others[0]
    return found
