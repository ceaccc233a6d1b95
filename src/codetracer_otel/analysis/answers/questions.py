"""The questions that can be asked of some traces, each with an answer within its budget."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.answers.budget import within
from codetracer_otel.analysis.answers.calls import Calls
from codetracer_otel.analysis.captured_values import ARGUMENT, RETURN, holds, short_text
from codetracer_otel.analysis.differences.change_texts import comparison_lines
from codetracer_otel.analysis.differences.comparison import compare
from codetracer_otel.analysis.differences.outcomes import exception_type
from codetracer_otel.analysis.function_table import measure
from codetracer_otel.analysis.run_texts import loss_text, run_labels, run_text
from codetracer_otel.errors import counted
from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.traces.span_columns import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codetracer_otel.analysis.rules import Rules
    from codetracer_otel.traces import Traces

_ERROR: Final = int(Mark.ERROR)
_NS_PER_MS: Final = 1e6
_FUNCTIONS: Final = 25
_FAILURES: Final = 10
_SLOWEST: Final = 5
_ROOTS: Final = 10


def summary(loaded: Iterable[Traces]) -> str:
    """Return what the traces are: runs, losses, functions by their own time, failures, roots."""
    lines = (line for traces in loaded for line in _summary(traces))
    return within(lines, "find_calls(name=...) shows calls of a function")


def _summary(traces: Traces) -> Iterator[str]:
    spans, calls = traces.spans, Calls(traces)
    for label, run in zip(run_labels(spans.runs), spans.runs, strict=True):
        held = counted(run.spans, "span") if traces.is_timed else "a recording"
        text = f"{label}: {held}"
        yield f"{text}, {run_text(run)}" if run.facts else text
        if loss := loss_text(run):
            yield f"LOST {loss}"
    yield from (f"note: {note}" for note in traces.notes)
    times = measure(spans, traces.tree)
    yield f"{counted(len(spans), 'call')} of {counted(len(times), 'function')}; by own time:"
    yield "calls errors own total p50 p95 max function"
    order = sorted(range(len(times)), key=lambda number: -times[number].own)
    for number in order[:_FUNCTIONS]:
        found, function = times[number], spans.function_table[number]
        figures = (found.own, found.total, found.p50, found.p95, found.longest)
        lengths = " ".join(map(calls.length_text, figures))
        yield f"{found.calls} {found.errors} {lengths} {function.name}"
    yield from _failures(traces, calls)
    slowest = sorted(range(len(spans)), key=calls.length, reverse=True)[:_SLOWEST]
    yield "slowest calls:"
    yield from map(calls.line, slowest)
    roots = list(traces.tree.children(-1))
    yield f"{len(roots)} roots:"
    yield from map(calls.line, roots[:_ROOTS])
    threads = Counter(spans.thread_table[number].name for number in spans.threads)
    yield "threads: " + ", ".join(f"{name} {count}" for name, count in threads.most_common(10))


def _failures(traces: Traces, calls: Calls) -> Iterator[str]:
    found: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], int] = {}
    for index, marks in enumerate(traces.spans.marks):
        if marks & _ERROR:
            key = (calls.name(index), exception_type(traces.details(index)))
            found[key] += 1
            first.setdefault(key, index)
    yield f"{sum(found.values())} failed calls:"
    for (name, kind), count in found.most_common(_FAILURES):
        yield f"{count} {name} {kind}, first {calls.id_of(first[name, kind])}"


def find_calls(
    loaded: Iterable[Traces], name: str, error: str, min_ms: float, value: str, limit: int
) -> str:
    """Return the calls that match everything that is asked, earliest first.

    Args:
        loaded: the traces.
        name: a glob or a part of the name; empty for any.
        error: ``any``, or a part of type and message of the exception; empty for all calls.
        min_ms: least length in ms, or of recordings in steps.
        value: a text in an argument, a result, an attribute or a message; never a redacted one.
        limit: most calls that are shown; all are counted.
    """
    lines: list[str] = []
    total = 0
    for traces in loaded:
        calls = Calls(traces)
        for index in _found(calls, name, error, min_ms, value):
            total += 1
            if total <= limit:
                parent = traces.spans.parents[index]
                where = "" if parent < 0 else f"  in {calls.name(parent)}"
                lines.append(calls.line(index) + where)
    head = f"{total} calls" + (f", the first {limit}:" if total > limit else ":")
    return within([head, *lines], "narrow name, min_ms, value or error")


def _found(calls: Calls, name: str, error: str, min_ms: float, value: str) -> Iterator[int]:
    traces = calls.traces
    functions = [
        not name or name in function.name or compile_glob(name)(function.name)
        for function in traces.spans.function_table
    ]
    least = min_ms * (_NS_PER_MS if traces.is_timed else 1)
    for index in traces.tree.order:
        if not functions[traces.spans.functions[index]] or calls.length(index) < least:
            continue
        if error and not (calls.has_failed(index) and _is_error(calls.failure(index), error)):
            continue
        if value and not holds(traces.details(index), value):
            continue
        yield index


def _is_error(failure: str, asked: str) -> bool:
    return asked.lower() in ("any", "true", "yes", "*") or asked.lower() in failure.lower()


def one_call(loaded: Iterable[Traces], span_id: str) -> str:
    """Return everything about one call.

    Raises:
        KeyError: there is none with this id.
    """
    calls, index = _at(loaded, span_id)
    return within(calls.full(index), "subtree shows the calls in it")


def subtree(loaded: Iterable[Traces], span_id: str, depth: int, max_tokens: int) -> str:
    """Return a call with those in it, as a tree.

    Raises:
        KeyError: there is none with this id.
    """
    calls, index = _at(loaded, span_id)
    hint = "ask for a call further down, or for less depth"
    return within(calls.subtree(index, depth), hint, max_tokens)


def difference(old: Traces, new: Traces) -> str:
    """Return what two runs differ in, the heaviest first."""
    return within(comparison_lines(compare([old], [new]), is_complete=True), "fix the first ones")


def why(loaded: Iterable[Traces], span_id: str, value: str, rules: Rules) -> str:
    """Return which rule traces a function, and which shows or hides its values.

    Raises:
        KeyError: there is no call with this id.
    """
    calls, index = _at(loaded, span_id)
    spans, details = calls.traces.spans, calls.traces.details(index)
    function = spans.function_table[spans.functions[index]]
    values = {key: item for key, item in details.values if _is_asked(key, value)}
    texts = rules.of(function, values)
    lines = [f"{function.name} at {function.file}:{function.line}"]
    lines.append(texts.decision if texts else "no filter of now knows its file")
    for key, item in values.items():
        rule = texts.values.get(key, "") if texts else ""
        lines.append(f"{key} = {short_text(item)}" + (f": {rule}" if rule else ""))
    if value and not values:
        lines.append(f"it has no value named {value!r}: dropped by a rule, or not captured")
    lines += [f"{key}: {item}" for key, item in details.values if key == "codetracer.redaction"]
    return within(lines, "name one value")


def _is_asked(key: str, value: str) -> bool:
    if not value:
        return key.startswith((ARGUMENT, RETURN, "codetracer.local.", "codetracer.global."))
    return key == value or key.rpartition(".")[2] == value or key.endswith(f".{value}")


def _at(loaded: Iterable[Traces], span_id: str) -> tuple[Calls, int]:
    for traces in loaded:
        calls = Calls(traces)
        try:
            return calls, calls.find(span_id.strip().lower())
        except KeyError:
            continue
    raise KeyError(span_id)
