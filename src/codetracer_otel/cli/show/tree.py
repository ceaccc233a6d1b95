"""Lays calls out as text: an indented tree, or one line per function."""

from __future__ import annotations

from array import array
from dataclasses import field
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.model.value_texts import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from codetracer_otel.traces.span_columns import Details

_WIDTH: Final = 160
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
        run: its number, or None where the trace has no runs.
        count: how many calls it stands for.
        trace_id: hexadecimal, or empty; so is ``span_id``.
        details: all that is known of it, once it is complete.
    """

    name: str
    level: int
    arguments: list[tuple[str, str]] = field(default_factory=list)
    result: str | None = None
    duration_ms: float | None = None
    steps: int | None = None
    error: str = ""
    thread: str = ""
    run: int | None = None
    count: int = 1
    trace_id: str = ""
    span_id: str = ""
    details: Details | None = None

    def complete(self) -> None:
        """Read what is shown of the call and was not needed to select it."""

    @property
    def amount(self) -> float:
        """Its length in ms, or in steps."""
        return self.duration_ms if self.duration_ms is not None else self.steps or 0


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


def select(calls: Iterable[Shown], selection: Selection) -> Iterator[Shown]:
    """Yield the selected calls; ``calls`` in order, each after the one it is in."""
    if selection.errors:
        calls = ways_to(calls, lambda call: bool(call.error))
    if selection.name is not None:
        calls = _below(calls, compile_glob(selection.name))
    for call in calls:
        if selection.depth is None or call.level < selection.depth:
            yield call


def tree_lines(calls: Iterable[Shown], selection: Selection) -> Iterator[str]:
    """Yield a line for each selected call; ``calls`` in order, each after the one it is in."""
    return map(call_line, select(calls, selection))


@dataclass(slots=True)
class FunctionSum:
    """What a summary says of one function; amounts in ms or steps."""

    name: str
    calls: int = 0
    errors: int = 0
    total: float = 0.0
    amounts: array[float] = field(default_factory=lambda: array("d"))

    def percentile(self, share: float) -> float:
        """Return the amount that this share of the calls took at most."""
        ordered = sorted(self.amounts)
        return ordered[round((len(ordered) - 1) * share)]


def sums(calls: Iterable[Shown], name: str | None) -> tuple[list[FunctionSum], bool]:
    """Return the functions by their time, and whether that is ms; else it is steps."""
    matches = compile_glob(name) if name is not None else lambda _name: True
    functions: dict[str, FunctionSum] = {}
    has_times = False
    for call in calls:
        if matches(call.name):
            found = functions.setdefault(call.name, FunctionSum(call.name))
            found.calls += call.count
            found.errors += bool(call.error)
            has_times = has_times or call.duration_ms is not None
            found.total += call.amount
            found.amounts.append(call.amount / call.count)
    return sorted(functions.values(), key=lambda found: (-found.total, found.name)), has_times


def summary_lines(calls: Iterable[Shown], name: str | None) -> Iterator[str]:
    """Yield a line for each function: calls, errors, and time or steps of its own calls."""
    functions, has_times = sums(calls, name)
    unit = "ms" if has_times else "steps"
    yield f"{'calls':>8} {'errors':>8} {unit:>12} {'p50':>10} {'p95':>10}  function"
    digits = 3 if has_times else 0
    for found in functions:
        p50, p95 = found.percentile(0.5), found.percentile(0.95)
        yield (
            f"{found.calls:>8} {found.errors:>8} {found.total:>12.{digits}f} "
            f"{p50:>10.{digits}f} {p95:>10.{digits}f}  {visible(found.name)}"
        )


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


def ways_to(calls: Iterable[Shown], wanted: Callable[[Shown], bool]) -> Iterator[Shown]:
    """Yield wanted calls after the calls they were made in; memory grows with the depth only."""
    way: list[Shown | None] = []  # None: it was shown already
    for call in calls:
        del way[call.level :]
        way.append(call)
        if wanted(call):
            yield from (item for item in way if item is not None)
            way = [None] * len(way)


def call_line(call: Shown) -> str:
    """Return the line of a call."""
    call.complete()
    indent = "  " * min(call.level, _MAX_INDENT)
    arguments = ", ".join(f"{name}={text}" for name, text in call.arguments)
    text = f"{call.name}({arguments})"
    if call.count > 1:
        text = f"{call.name} x{call.count:,} folded"
    if call.result is not None and not call.error:
        text += f" -> {call.result}"
    if call.error:
        text += f"  !! {call.error}"
    if call.thread:
        text += f"  [{call.thread}]"
    measure = _measure(call)
    return f"{measure}{indent}{_cut(visible(text), _WIDTH)}"


def value_line(text: str, level: int = 0) -> str:
    """Return a line with a value of a call, below the line of a call of this level."""
    indent = "  " * min(level, _MAX_INDENT)
    return f"{'':>13}{indent}| {visible(text)}"


def _measure(call: Shown) -> str:
    if call.duration_ms is not None:
        return f"{call.duration_ms:>10.3f} ms  "
    return f"{call.steps:>6} steps  " if call.steps is not None else ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
