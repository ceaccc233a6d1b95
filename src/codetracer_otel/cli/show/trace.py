"""``codetracer-otel show``: prints traces as an indented call tree, or what was asked of them."""

from __future__ import annotations

import heapq
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.analysis.captured_values import holds
from codetracer_otel.analysis.run_texts import loss_text, run_text
from codetracer_otel.cli.numbers import whole_number
from codetracer_otel.cli.show.follow import follow
from codetracer_otel.cli.show.native import read_native
from codetracer_otel.cli.show.spans import (
    detail_lines,
    error_lines,
    json_line,
    kept_text,
    shown_spans,
)
from codetracer_otel.cli.show.tree import (
    Selection,
    Shown,
    call_line,
    select,
    summary_lines,
    sums,
    tree_lines,
    value_line,
    ways_to,
)
from codetracer_otel.cli.terminal import complain
from codetracer_otel.errors import ErrorCode, UsageError
from codetracer_otel.model.value_texts import visible
from codetracer_otel.traces import open_traces
from codetracer_otel.traces.inputs import Kind, find_inputs
from codetracer_otel.traces.sources.native_source import run_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from codetracer_otel.cli.show.spans import SpanCall
    from codetracer_otel.traces import Traces

_MOST: Final = 10**9  # levels or calls
_EXAMPLES: Final = """\
examples:
  codetracer-otel show trace-dir
  codetracer-otel show spans.jsonl --depth 3 --errors
  codetracer-otel show traces/ --slowest 10
  codetracer-otel show spans.jsonl --value 4711
  codetracer-otel show trace-dir --name 'shop.*' --summary
  codetracer-otel show -f spans.jsonl
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``show``."""
    parser = commands.add_parser(
        "show",
        description="Print traces as call trees. A trace is a file of JSON lines, ours or from the "
        "Collector's file exporter, also gzipped; the directory of a native trace; a folder of "
        "those; or - for standard input. A single native trace that was cut off is repaired.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("traces", nargs="+", metavar="TRACE", help="file, directory, folder or -")
    parser.add_argument(
        "--depth", type=whole_number(_MOST), metavar="N", help="print at most N levels of calls"
    )
    parser.add_argument(
        "--name", metavar="GLOB", help="only calls whose name matches, with what they called"
    )
    parser.add_argument(
        "--errors", action="store_true", help="only calls that failed, and what called them"
    )
    parser.add_argument(
        "--value",
        metavar="TEXT",
        help="only calls with TEXT in a value, and what called them; redacted values never match",
    )
    parser.add_argument(
        "--slowest", type=whole_number(_MOST), metavar="N", help="the N longest calls, by time"
    )
    parser.add_argument(
        "--span", metavar="ID", help="one span with all its values, what called it, what it called"
    )
    parser.add_argument(
        "--summary", action="store_true", help="one line per function instead of per call"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument(
        "-f", "--follow", action="store_true", help="print spans of one file as they end"
    )
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace) -> int:
    """Print what the traces hold; return 0.

    Raises:
        UsageError: one is no trace.
    """
    if options.follow:
        return follow(options.traces, Selection(None, options.name, options.errors), options.value)
    count = 0
    for line in _lines(options):
        count += 1
        sys.stdout.write(f"{line}\n")
    if not count:
        asked = filter(None, (options.name, options.value, options.span))
        complain(f"codetracer-otel: no call {_asked(options)}", asked)
    return 0


def _asked(options: argparse.Namespace) -> str:
    asked = (
        f"has a name like {options.name!r}" if options.name else "",
        "failed" if options.errors else "",
        f"has a value with {options.value!r}" if options.value else "",
        f"has the id {options.span!r}" if options.span else "",
    )
    return " and ".join(filter(None, asked)) or "is in it"


def _lines(options: argparse.Namespace) -> Iterator[str]:
    selection = Selection(options.depth, options.name, options.errors)
    needs_all = options.json or options.slowest or options.span or options.value is not None
    inputs = find_inputs(options.traces)
    if len(inputs) == 1 and inputs[0].kind is Kind.NATIVE and not needs_all:
        yield from _native_lines(inputs[0].path, selection, is_summary=options.summary)
        return
    with open_traces(options.traces) as traces:
        for note in traces.notes:
            complain(f"codetracer-otel: {note}")
        yield from _Page(traces, options, selection).lines()


def _native_lines(path: str, selection: Selection, *, is_summary: bool) -> Iterator[str]:
    try:
        calls = read_native(path, None if is_summary else selection)
        if text := loss_text(run_of(path)):
            yield f"!! {visible(text)}"
        if is_summary:
            yield from summary_lines(calls, selection.name)
        else:
            yield from tree_lines(calls, selection)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}; "
            "expected the directory of a native trace or a file of JSON lines",
            ErrorCode.IO,
        ) from error


class _Page:
    """What is printed of some traces."""

    def __init__(self, traces: Traces, options: argparse.Namespace, selection: Selection) -> None:
        self._traces = traces
        self._options = options
        self._selection = selection
        self._run: int | None = None
        self._trace = ""

    def lines(self) -> Iterator[str]:
        options = self._options
        calls = shown_spans(self._traces)
        if options.json:
            found = (
                _summary_objects(calls, options.name)
                if options.summary
                else map(json_line, self._selected(calls))
            )
            return (json.dumps(item) for item in found)
        if options.summary:
            return self._summary(calls)
        if options.slowest:
            return self._slowest(self._selected(calls))
        if options.span:
            return self._one(calls)
        return self._tree(self._selected(calls))

    def _selected(self, spans: Iterable[SpanCall]) -> Iterator[Shown]:
        options = self._options
        calls: Iterable[Shown] = self._around(spans) if options.span else spans
        if options.value is not None:
            calls = ways_to(calls, lambda call: _has_value(call, options.value))
        found = select(calls, self._selection)
        if options.slowest:
            return iter(heapq.nlargest(options.slowest, list(found), key=lambda call: call.amount))
        return found

    def _summary(self, calls: Iterable[Shown]) -> Iterator[str]:
        yield from self._losses()
        yield from summary_lines(calls, self._options.name)

    def _losses(self) -> Iterator[str]:
        for run in self._traces.spans.runs:
            if text := loss_text(run):
                yield f"!! {visible(text)}"

    def _tree(self, calls: Iterable[Shown]) -> Iterator[str]:
        yield from self._losses()
        for call in calls:
            line = call_line(call)
            if not call.level:
                yield from self._headings(call)
            yield line
            if self._options.errors:
                yield from (value_line(text, call.level) for text in error_lines(call))

    def _headings(self, call: Shown) -> Iterator[str]:
        run = None if call.run is None else self._traces.spans.runs[call.run]
        has_several = len(self._traces.spans.runs) > 1
        if call.run != self._run and run is not None and (run.facts or has_several):
            self._run, self._trace = call.run, ""
            yield visible(run_text(run))
        if call.trace_id != self._trace:
            self._trace = call.trace_id
            yield f"trace {call.trace_id}{kept_text(call)}"

    def _slowest(self, calls: Iterable[Shown]) -> Iterator[str]:
        yield from self._losses()
        for call in calls:
            call.level = 0
            yield call_line(call)
            if call.span_id:
                yield f"{'':>13}  span {call.span_id} of trace {call.trace_id}"

    def _around(self, calls: Iterable[SpanCall]) -> Iterator[Shown]:
        """Yield the span that is asked for behind what called it, and what it called."""
        wanted = set(self._traces.ids.find(self._options.span))
        below: int | None = None
        way: list[Shown] = []
        for call in calls:
            if below is not None and call.level > below:
                yield call
                continue
            below = None
            del way[call.level :]
            way.append(call)
            if call.index in wanted:
                below = call.level
                yield from way

    def _one(self, calls: Iterable[SpanCall]) -> Iterator[str]:
        wanted = self._options.span.lower().lstrip("0")
        for line, call in ((call_line(call), call) for call in self._selected(calls)):
            if not call.level:
                yield from self._headings(call)
            yield line
            if call.span_id.lstrip("0") == wanted:
                yield from map(value_line, detail_lines(call))


def _has_value(call: Shown, text: str) -> bool:
    call.complete()
    return call.details is not None and holds(call.details, text)


def _summary_objects(calls: Iterable[Shown], name: str | None) -> Iterator[dict[str, Any]]:
    functions, has_times = sums(calls, name)
    unit = "ms" if has_times else "steps"
    for found in functions:
        yield {
            "name": found.name,
            "calls": found.calls,
            "errors": found.errors,
            f"total_{unit}": found.total,
            f"p50_{unit}": found.percentile(0.5),
            f"p95_{unit}": found.percentile(0.95),
        }
