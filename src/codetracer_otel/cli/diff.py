"""``codetracer-otel diff``: what two runs of a program differ in, and a gate for CI."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from codetracer_otel.analysis.differences.change_texts import comparison_lines, comparison_object
from codetracer_otel.analysis.differences.comparison import compare
from codetracer_otel.analysis.differences.gate import broken, parse_gate
from codetracer_otel.cli.report import FilterRules
from codetracer_otel.cli.terminal import complain, say
from codetracer_otel.errors import ErrorCode, UsageError, counted
from codetracer_otel.report import build_comparison
from codetracer_otel.traces import open_traces

if TYPE_CHECKING:
    import argparse

    from codetracer_otel.analysis.differences.comparison import Comparison

_EXAMPLES: Final = """\
examples:
  codetracer-otel diff before.jsonl after.jsonl
  codetracer-otel diff --old a1.jsonl a2.jsonl a3.jsonl --new b1.jsonl b2.jsonl b3.jsonl
  codetracer-otel diff before.jsonl after.jsonl --fail-on 'self>20%,calls>10%,errors,new'
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``diff``."""
    parser = commands.add_parser(
        "diff",
        description="Compare two runs by call path, the largest difference first: new and vanished "
        "functions, numbers of calls, times, errors, other results for the same arguments.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("traces", nargs="*", metavar="TRACE", help="two: the old and the new run")
    parser.add_argument(
        "--old", nargs="+", default=[], metavar="TRACE", help="several traces of the old run"
    )
    parser.add_argument(
        "--new", nargs="+", default=[], metavar="TRACE", help="several traces of the new run"
    )
    parser.add_argument(
        "--all", action="store_true", help="list changes that follow from others, too"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--html", metavar="FILE", help="write the report page of the first run of each side"
    )
    parser.add_argument(
        "--fail-on",
        metavar="CONDITIONS",
        help="exit with 1 if one of them holds: errors, results, new, vanished, calls, self, "
        "total, with a limit such as self>20%%",
    )
    parser.set_defaults(handler=diff)


def diff(options: argparse.Namespace) -> int:
    """Print what differs; return 0, or 1 where a condition of ``--fail-on`` holds.

    Raises:
        UsageError: the sides are not given, or one is no trace.
        EnvironmentFailure: the page cannot be written.
    """
    old, new = _sides(options)
    conditions = parse_gate(options.fail_on) if options.fail_on else ()
    with ExitStack() as opened:
        sides = [
            [opened.enter_context(open_traces([path])) for path in side] for side in (old, new)
        ]
        if len({traces.is_timed for side in sides for traces in side}) > 1:
            raise UsageError(
                "diff: one side is a native recording, which holds steps, the other one holds "
                "times; give two of one kind",
                ErrorCode.UNSUPPORTED_FORMAT,
            )
        for path, traces in zip((*old, *new), (*sides[0], *sides[1]), strict=True):
            for note in traces.notes:
                complain(f"codetracer-otel: {path}: {note}")
        found = compare(*sides)
        _print(found, options)
    if options.html:
        done = build_comparison(old[:1], new[:1], options.html, rules=FilterRules([]))
        complain(f"codetracer-otel: {done.path}: {done.size:,} bytes")
    wrong = broken(conditions, found.changes)
    for change in wrong:
        complain(f"codetracer-otel: --fail-on: {change.kind.value} {change.name}")
    return 1 if wrong else 0


def _sides(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    if len(options.traces) == 2 and not options.old and not options.new:  # noqa: PLR2004
        return options.traces[:1], options.traces[1:]
    if not options.traces and options.old and options.new:
        return options.old, options.new
    raise UsageError(
        f"diff: two sides are compared, got {counted(len(options.traces), 'trace')}; "
        "expected OLD NEW, or --old TRACE... --new TRACE..."
    )


def _print(found: Comparison, options: argparse.Namespace) -> None:
    if options.json:
        sys.stdout.write(f"{json.dumps(comparison_object(found))}\n")
        return
    for line in comparison_lines(found, is_complete=options.all):
        say(line)
