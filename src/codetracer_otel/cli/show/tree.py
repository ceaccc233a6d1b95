"""Lays calls out as text: an indented tree, or one line per function."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codetracer_otel.filters.patterns.glob import compile_glob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_WIDTH: Final = 160
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MAX_INDENT: Final = 60


@dataclass(slots=True)
class Shown:
    """One call as it is shown.

    Attributes:
        name: of the function.
        level: 0 for a root.
        arguments: (name, short text) of each.
        result: short text, or None where there is none.
        duration_ms: None where the trace has no times.
        steps: None where the trace has no steps.
        error: what went wrong, or empty.
        thread: what tells the thread from the main one, or empty.
    """

    name: str
    level: int
    arguments: list[tuple[str, str]] = field(default_factory=list)
    result: str | None = None
    duration_ms: float | None = None
    steps: int | None = None
    error: str = ""
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls are shown.

    Attributes:
        depth: how many levels, or None for all.
        name: glob; calls that match it are shown with what is below them, as roots.
        errors: only calls that failed, and those they were made in.
    """

    depth: int | None = None
    name: str | None = None
    errors: bool = False


def tree_lines(calls: Iterable[Shown], selection: Selection) -> Iterator[str]:
    """Yield a line for each selected call; ``calls`` in order, each after the one it is in."""
    if selection.errors:
        calls = _ways_to_errors(calls)
    if selection.name is not None:
        calls = _below(calls, compile_glob(selection.name))
    for call in calls:
        if selection.depth is None or call.level < selection.depth:
            yield _line(call)


def summary_lines(calls: Iterable[Shown], name: str | None) -> Iterator[str]:
    """Yield a line for each function: calls, errors, and time or steps of its own calls."""
    matches = compile_glob(name) if name is not None else lambda _name: True
    functions: dict[str, list[float]] = {}
    has_times = False
    for call in calls:
        if matches(call.name):
            totals = functions.setdefault(call.name, [0, 0, 0.0])
            totals[0] += 1
            totals[1] += bool(call.error)
            has_times = has_times or call.duration_ms is not None
            totals[2] += call.duration_ms if call.duration_ms is not None else call.steps or 0
    unit = "ms" if has_times else "steps"
    yield f"{'calls':>8} {'errors':>8} {unit:>12}  function"
    for function, (count, errors, total) in sorted(functions.items(), key=_by_total):
        amount = f"{total:.3f}" if has_times else f"{total:.0f}"
        yield f"{count:>8.0f} {errors:>8.0f} {amount:>12}  {_clean(function)}"


def _by_total(item: tuple[str, list[float]]) -> tuple[float, str]:
    return -item[1][2], item[0]


def _below(calls: Iterable[Shown], matches: Callable[[str], bool]) -> Iterator[Shown]:
    """Yield matching calls and what is below them; a match outside of another is a root."""
    root: int | None = None
    for call in calls:
        if root is not None and call.level <= root:
            root = None
        if root is None and matches(call.name):
            root = call.level
        if root is not None:
            call.level -= root
            yield call
            call.level += root


def _ways_to_errors(calls: Iterable[Shown]) -> Iterator[Shown]:
    """Yield failed calls after the calls they were made in; memory grows with the depth only."""
    way: list[Shown | None] = []  # None: it was shown already
    for call in calls:
        del way[call.level :]
        way.append(call)
        if call.error:
            yield from (item for item in way if item is not None)
            way = [None] * len(way)


def _line(call: Shown) -> str:
    indent = "  " * min(call.level, _MAX_INDENT)
    arguments = ", ".join(f"{name}={text}" for name, text in call.arguments)
    text = f"{call.name}({arguments})"
    if call.result is not None:
        text += f" -> {call.result}"
    if call.error:
        text += f"  !! {call.error}"
    if call.thread:
        text += f"  [{call.thread}]"
    measure = _measure(call)
    return f"{measure}{indent}{_cut(_clean(text), _WIDTH)}"


def _measure(call: Shown) -> str:
    if call.duration_ms is not None:
        return f"{call.duration_ms:>10.3f} ms  "
    return f"{call.steps:>6} steps  " if call.steps is not None else ""


def _clean(text: str) -> str:
    """Return ``text`` without characters that would act on a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
