"""``codetracer-otel show``: a native trace or a JSON-lines file as an indented call tree."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.show.jsonl import read_spans
from codetracer_otel.cli.show.native import read_native
from codetracer_otel.cli.show.tree import Selection, Shown, summary_lines, tree_lines
from codetracer_otel.errors import ErrorCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXAMPLES: Final = """\
examples:
  codetracer-otel show trace-dir
  codetracer-otel show spans.jsonl --depth 3 --errors
  codetracer-otel show trace-dir --name 'shop.*' --summary
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``show``."""
    parser = commands.add_parser(
        "show",
        help="print a trace as an indented call tree",
        description="Print a native trace (its directory) or a JSON-lines file as a call tree. "
        "A native trace that was cut off is repaired.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("trace", metavar="TRACE", help="directory, or file of JSON lines")
    parser.add_argument("--depth", type=_depth, metavar="N", help="print at most N levels of calls")
    parser.add_argument(
        "--name", metavar="GLOB", help="only calls whose name matches, with what they called"
    )
    parser.add_argument(
        "--errors", action="store_true", help="only calls that failed, and what called them"
    )
    parser.add_argument(
        "--summary", action="store_true", help="one line per function instead of per call"
    )
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace) -> int:
    """Print what ``options.trace`` holds; return 0.

    Raises:
        UsageError: it is no trace.
    """
    if options.summary:
        lines: Iterator[str] = summary_lines(_read(options.trace, None), options.name)
    else:
        selection = Selection(options.depth, options.name, options.errors)
        lines = tree_lines(_read(options.trace, selection), selection)
    count = 0
    for line in lines:
        count += 1
        sys.stdout.write(f"{line}\n")
    if not count:
        sys.stderr.write(f"codetracer-otel: no call {_asked(options)}\n")
    return 0


def _asked(options: argparse.Namespace) -> str:
    name = f"has a name like {options.name!r}" if options.name else ""
    failed = "failed" if options.errors else ""
    return " and ".join(filter(None, (name, failed))) or "is in it"


def _read(path: str, selection: Selection | None) -> Iterator[Shown]:
    try:
        if os.path.isdir(path):
            return read_native(path, selection)
        if os.path.basename(path) == "trace.json":
            return read_native(os.path.dirname(path) or ".", selection)
        return read_spans(path, with_values=selection is not None)
    except OSError as error:
        raise UsageError(
            f"show: {path} cannot be read: {error.strerror}; "
            "expected the directory of a native trace or a file of JSON lines",
            ErrorCode.IO,
        ) from error


def _depth(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number of levels from 1, got {text!r}")
    return int(text)
