"""Compares the spans of one period of recording with the calls that a program has counted."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from tools.live_cycles.program import THREADS, WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

INNER_CALLS = 2
_MAX_TOLD = 5


@dataclass(frozen=True)
class Period:
    """The numbers of the calls of each worker, as recording had begun and before it ended."""

    first: tuple[int, ...]
    last: tuple[int, ...]


@dataclass
class Calls:
    """What the spans of one worker say: how often each call came, and who stands above it."""

    outer: dict[int, list[dict]] = field(default_factory=lambda: defaultdict(list))
    inner: dict[int, list[dict]] = field(default_factory=lambda: defaultdict(list))


def spans_of(file: Path) -> Iterator[dict]:
    with file.open() as lines:
        for line in lines:
            span = json.loads(line)
            if span["schema"] == "span/1":
                yield span


def losses_in(file: Path) -> dict:
    with file.open() as lines:
        told = [line for line in map(json.loads, lines) if line["schema"] == "loss/1"]
    return {cause: count for line in told for cause, count in line["dropped"].items()}


def by_worker(spans: Iterable[dict]) -> dict[int, Calls]:
    workers: dict[int, Calls] = {who: Calls() for who in range(WORKERS)}
    for span in spans:
        attributes = span["attributes"]
        calls = workers[attributes["codetracer.arg.who"]]
        is_inner = span["name"].endswith(".inner")
        number = attributes["codetracer.arg.number"]
        (calls.inner if is_inner else calls.outer)[number].append(span)
    return workers


def problems_of(workers: dict[int, Calls], periods: list[Period]) -> tuple[list[str], int]:
    """Return what is wrong, and how many calls had to be there."""
    problems: list[str] = []
    expected = 0
    for who, calls in workers.items():
        certain = {
            number
            for period in periods
            for number in range(period.first[who] + 1, period.last[who])
        }
        expected += len(certain) * (1 + INNER_CALLS)
        told = f"worker {who} ({'thread' if who < THREADS else 'task'})"
        problems += (f"{told}: {each}" for each in _problems_of(calls, certain, len(periods)))
    return problems, expected


def _problems_of(calls: Calls, certain: set[int], periods: int) -> Iterator[str]:
    outer, inner = calls.outer, calls.inner
    below = {number: len(spans) for number, spans in inner.items()}
    yield from _tell("no span of call", (n for n in certain if not outer.get(n)))
    yield from _tell("too few spans below", (n for n in certain if below.get(n, 0) < INNER_CALLS))
    yield from _tell("two spans of call", (n for n, spans in outer.items() if len(spans) > 1))
    yield from _tell("too many spans below", (n for n in below if below[n] > INNER_CALLS))
    strays, edges = [], set()
    for number, spans in inner.items():
        above = {span["span_id"] for span in outer.get(number, ())}
        for span in spans:
            parent = span["parent_span_id"]
            if parent is None and number not in certain:
                edges.add(number)  # its caller was open as recording began
            elif parent not in above:
                strays.append(f"{number} (its own: {sorted(above)}, got {parent})")
    yield from _tell("another parent than its caller in call", strays)
    if strays:
        yield f"its calls {min(outer)} to {max(outer)}, certain {min(certain)} to {max(certain)}"
    roots = [n for n, spans in outer.items() for span in spans if span["parent_span_id"]]
    yield from _tell("a parent above call", roots)
    if len(edges) > periods:
        yield f"{len(edges)} calls without their caller at {periods} beginnings"
    numbers = sorted(outer)
    gaps = sum(after != before + 1 for before, after in pairwise(numbers))
    if gaps > periods - 1:
        yield f"{gaps} gaps in {periods} periods"


def _tell(what: str, numbers: Iterable[int | str]) -> Iterator[str]:
    found = sorted(numbers, key=str)
    if found:
        yield f"{what} {', '.join(map(str, found[:_MAX_TOLD]))} ({len(found)} in all)"
