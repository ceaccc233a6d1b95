"""Collects how calls ended: exceptions by path, and results by function and arguments."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.analysis.captured_values import ARGUMENT, RETURN
from codetracer_otel.data_classes import dataclass
from codetracer_otel.model.value import DROPPED, REDACTED
from codetracer_otel.traces.span_columns import NONE, Mark

if TYPE_CHECKING:
    from array import array

    from codetracer_otel.analysis.call_paths import PathCalls
    from codetracer_otel.traces import Traces
    from codetracer_otel.traces.span_columns import Details

_ERROR: Final = int(Mark.ERROR)
_SUSPENDED: Final = int(Mark.SUSPENDED)
_GENERATOR: Final = int(Mark.GENERATOR)
_HIDDEN: Final = (REDACTED, DROPPED)
_CUT: Final = re.compile(r"\.\.\. \[\d+ in all\]")
_OBJECT: Final = re.compile(r"<[\w.<>]+>")
# What differs from run to run by its nature: ids, times, addresses, long fractions.
_VOLATILE: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-"
    r"|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
    r"|\b\d{10,}\b"
    r"|\d\.\d{7,}|\de-\d"
    r"|0x[0-9a-f]{4,}"
    r"|/tmp/",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Results:
    """The results of one function for one set of arguments.

    Attributes:
        counts: key of a result -> calls.
        examples: key of a result -> index of a span.
        is_open: the arguments do not tell the result: objects, nothing, or other threads below.
        is_volatile: a result looks like a time or an id.
    """

    counts: Counter[int] = field(default_factory=Counter)
    examples: dict[int, int] = field(default_factory=dict)
    is_open: bool = False
    is_volatile: bool = False


@dataclass(slots=True)
class Outcomes:
    """How the calls of a run ended.

    Attributes:
        results: name of a function -> key of arguments -> results.
        is_concurrent: several threads ran, or tasks.
    """

    results: dict[str, dict[int, Results]] = field(default_factory=dict)
    is_concurrent: bool = False


def collect(traces: Traces, calls: dict[int, PathCalls], paths: array[int]) -> Outcomes:
    """Return the results of a run, and count exceptions into ``calls``."""
    spans = traces.spans
    concurrent = _concurrent(traces, paths)
    found = Outcomes(is_concurrent=any(concurrent))
    for index, path in enumerate(paths):
        if path == NONE:
            continue
        calls[path].waits = calls[path].waits or bool(concurrent[index])
        folded = spans.folded.get(index)
        if folded is not None:
            if folded.errors:
                calls[path].errors["folded"] += folded.errors
            continue
        details = traces.details(index)
        if spans.marks[index] & _ERROR:
            calls[path].errors[exception_type(details)] += 1
        else:
            name = spans.function_table[spans.functions[index]].name
            _take(found, name, index, details, is_concurrent=bool(concurrent[index]))
    return found


def _concurrent(traces: Traces, paths: array[int]) -> bytearray:
    """Return which spans have a task or another thread somewhere below them, or are a task."""
    spans = traces.spans
    found = bytearray(len(spans))
    for index in reversed(traces.tree.order):
        marks = spans.marks[index]
        if marks & _SUSPENDED and not marks & _GENERATOR:
            found[index] = 1
        parent = spans.parents[index]
        if parent == NONE or paths[index] == NONE:
            continue
        if found[index] or spans.threads[parent] != spans.threads[index]:
            found[parent] = 1
    return found


def exception_type(details: Details) -> str:
    """Return the type of the exception that left a call; ``error`` where none is known."""
    values = dict(details.values)
    if "error.type" in values:
        return str(values["error.type"])
    for name, _, pairs in details.events:
        if name == "exception":
            facts = dict(pairs)
            text = str(facts.get("exception.type") or facts.get("text") or "error")
            return text.partition(":")[0]
    return "error"


def _take(found: Outcomes, name: str, index: int, details: Details, *, is_concurrent: bool) -> None:
    arguments: list[tuple[str, str]] = []
    result = None
    for key, value in details.values:
        if key.startswith(ARGUMENT):
            arguments.append((key, _text(value)))
        elif key == RETURN:
            result = _text(value)
    if result is None or any(map(_is_partly_hidden, (result, *(text for _, text in arguments)))):
        return
    by_arguments = found.results.setdefault(name, {})
    results = by_arguments.setdefault(hash(tuple(arguments)), Results())
    is_open = not arguments or any(_OBJECT.search(text) for _, text in arguments)
    results.is_open = results.is_open or is_open or is_concurrent
    results.is_volatile = results.is_volatile or _VOLATILE.search(result) is not None
    outcome = hash(result)
    results.counts[outcome] += 1
    results.examples.setdefault(outcome, index)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_partly_hidden(text: str) -> bool:
    return any(mark in text for mark in _HIDDEN) or _CUT.search(text) is not None
