"""Encodes one JSON line: strict, ASCII, and cut to a size at its longest values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final

from codetracer_otel.bindings import Json
from codetracer_otel.main_module import module_called
from codetracer_otel.model.value import Node, attribute_value, cut_marker, decimal
from codetracer_otel.model.value_texts import encodable

_MAX_DEPTH: Final = 16
_MAX_NAMED: Final = 16
_MAX_NAME: Final = 128
_RESERVE: Final = 4096  # room for the names in ``truncated``
_LEAST: Final = 48  # below this an item is left out instead of cut

_dumps: Final = Json.dumps


def encode_line(fields: Mapping[str, Any], max_bytes: int) -> str:
    """Return ``fields`` as one line of ASCII JSON with its line end, at most ``max_bytes`` long.

    Values that JSON has no form for become text without running user code. A line that would be
    longer has its longest values cut, named in ``truncated``.
    """
    text = encoded(fields)
    if len(text) >= max_bytes:
        text = _encode_cut(Json.loads(text), max_bytes - 1)
    return text + "\n"


def encoded(fields: Any) -> str:
    """Return ``fields`` as ASCII JSON of any length."""
    try:
        text = _dumps(fields)
    except (ValueError, TypeError, RecursionError):
        return _dumps(strict(fields))
    # a lone surrogate is an escape that strict readers refuse; pairs are rare enough to look twice
    return _dumps(strict(fields)) if "\\ud" in text else text


def strict(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return ``value`` as JSON's own types: finite numbers, encodable text, string keys.

    Anything else becomes text without running user code; what lies deeper than ``depth`` levels
    becomes the text ``<...>``.
    """
    if isinstance(value, str):
        return encodable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _number(int.__index__(value))
    if isinstance(value, float):
        number = float.__float__(value)
        return number if math.isfinite(number) else repr(number)
    if isinstance(value, Node):
        return strict(attribute_value(value), depth)
    return _strict_container(value, depth - 1)


def _strict_container(value: Any, depth: int) -> Any:
    if isinstance(value, bytes):
        return repr(bytes.__bytes__(value))
    if isinstance(value, Mapping):
        return {_key(k): strict(v, depth) for k, v in value.items()} if depth else "<...>"
    if isinstance(value, list | tuple | set | frozenset):
        return [strict(item, depth) for item in value] if depth else "<...>"
    return f"<{module_called(type(value).__module__)}.{type(value).__qualname__}>"


def _key(key: Any) -> str:
    return encodable(key) if isinstance(key, str) else str(strict(key, 1))


def _number(value: int) -> int | str:
    text = decimal(value)
    return text if text.startswith(("0x", "-0x")) else value


def _encode_cut(fields: dict[str, Any], max_bytes: int) -> str:
    names: list[str] = []
    cut = _cut_mapping(fields, max(max_bytes - _RESERVE, 0), "", names)
    cut["truncated"] = [name[:_MAX_NAME] for name in names[:_MAX_NAMED]]
    while len(text := _dumps(cut)) > max_bytes:
        cut["truncated"].pop()
    return text


def _cut(value: Any, budget: int, path: str, names: list[str]) -> Any:
    """Return ``value`` so that its JSON takes at most ``budget`` bytes."""
    if isinstance(value, dict):
        return _cut_mapping(value, budget, path, names)
    if isinstance(value, list):
        return _cut_list(value, budget, path, names)
    names.append(path)
    return _cut_text(value if isinstance(value, str) else _dumps(value), budget)


def _cut_text(text: str, budget: int) -> str:
    mark = cut_marker(len(text))
    sizes = accumulate(len(_dumps(character)) - 2 for character in text[:budget])
    room = budget - len(mark) - 2
    return text[: sum(1 for size in sizes if size <= room)] + mark


def _cut_mapping(
    mapping: dict[str, Any], budget: int, path: str, names: list[str]
) -> dict[str, Any]:
    keys = {key: len(_dumps(key)) + 2 for key in mapping}
    sizes = {key: len(_dumps(value)) for key, value in mapping.items()}
    kept, level = _fit(list(keys.values()), list(sizes.values()), budget - 2)
    if kept < len(mapping):
        names.append(path or "...")
    prefix = f"{path}." if path else ""
    return {
        key: value if sizes[key] <= level else _cut(value, level, prefix + key, names)
        for key, value in list(mapping.items())[:kept]
    }


def _cut_list(items: list[Any], budget: int, path: str, names: list[str]) -> list[Any]:
    sizes = [len(_dumps(item)) for item in items]
    mark = f"... {len(items)} in all"
    kept, level = _fit([1] * len(items), sizes, budget - 4 - len(mark))
    cut = [
        item if size <= level else _cut(item, level, f"{path}[{index}]", names)
        for index, (item, size) in enumerate(zip(items[:kept], sizes, strict=False))
    ]
    if kept < len(items):
        names.append(path)
        cut.append(mark)
    return cut


def _fit(overheads: list[int], sizes: list[int], budget: int) -> tuple[int, int]:
    """Return how many leading items fit, and the size above which those are cut."""
    least = accumulate(
        overhead + min(size, _LEAST) for overhead, size in zip(overheads, sizes, strict=True)
    )
    kept = sum(1 for total in least if total <= budget)
    room = budget - sum(overheads[:kept])
    level = _LEAST
    for count, size in zip(range(kept, 0, -1), sorted(sizes[:kept]), strict=True):
        if size * count > room:
            return kept, room // count
        room -= size
        level = size
    return kept, level
