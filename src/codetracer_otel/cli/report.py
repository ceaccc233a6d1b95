"""``codetracer-otel report``: one self-contained HTML page with the timeline of a trace."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import webbrowser
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.report_rules import FilterRules
from codetracer_otel.report import build_report
from codetracer_otel.report.build import DEFAULT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codetracer_otel.report import Report

_MAX_LIMIT: Final = 1_000_000

_EXAMPLES: Final = """\
examples:
  codetracer-otel report spans.jsonl --open
  codetracer-otel report trace.jsonl trace.jsonl.4711 -o run.html
  codetracer-otel report recording-dir --trace-filter app.toml
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``report``."""
    parser = commands.add_parser(
        "report",
        help="write one HTML page with the timeline of a trace",
        description="Write one self-contained HTML page: timeline, search, function table, "
        "details. It loads nothing from anywhere. It shows the values that the trace holds.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "traces",
        nargs="+",
        metavar="TRACE",
        help="file of JSON lines, or directory of a native trace; several of one run",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="report.html",
        metavar="FILE",
        help="the page; default: %(default)s",
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.add_argument(
        "--limit",
        type=_limit,
        default=DEFAULT_LIMIT,
        metavar="N",
        help="most slices on the timeline, siblings beyond are folded; default: %(default)s",
    )
    parser.add_argument(
        "--trace-filter",
        action="append",
        default=[],
        metavar="F",
        help="name the rules of these filters, too; as for `run`",
    )
    parser.set_defaults(handler=report)


def report(options: argparse.Namespace) -> int:
    """Write the page; return 0.

    Raises:
        UsageError: an input cannot be shown.
        FilterError: a filter is not valid.
        EnvironmentFailure: the page cannot be written.
    """
    rules = FilterRules(options.trace_filter)
    with _without_collection():
        done = build_report(options.traces, options.output, limit=options.limit, rules=rules)
    _say(done)
    if options.open:
        webbrowser.open(Path(done.path).as_uri())
    return 0


@contextmanager
def _without_collection() -> Iterator[None]:
    """Let no collector go through millions of objects that form no cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _say(done: Report) -> None:
    for note in done.notes:
        print(f"codetracer-otel: {note}", file=sys.stderr)
    size = f"{done.size / 1e6:.1f} MB" if done.size >= 1e6 else f"{done.size / 1e3:.0f} kB"  # noqa: PLR2004
    print(f"{os.path.relpath(done.path)}: {done.spans:,} spans, {size}")


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_LIMIT:
        raise argparse.ArgumentTypeError(f"a number from 1 to {_MAX_LIMIT:,}, got {text!r}")
    return int(text)
