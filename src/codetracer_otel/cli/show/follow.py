"""Follows a file of JSON lines: prints spans as they end, until it is interrupted."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.analysis.captured_values import holds
from codetracer_otel.analysis.run_texts import loss_text, run_text
from codetracer_otel.cli.show.spans import complete, error_lines
from codetracer_otel.cli.show.tree import Shown, call_line, value_line
from codetracer_otel.errors import UsageError
from codetracer_otel.filters.patterns.glob import compile_glob
from codetracer_otel.model.value_texts import visible
from codetracer_otel.traces.inputs import children_of
from codetracer_otel.traces.reader import MAIN_THREAD
from codetracer_otel.traces.runs import LOSS_SCHEMA, RUN_SCHEMA, Run
from codetracer_otel.traces.sources.line_source import details_of, spans_in
from codetracer_otel.traces.sources.times import Times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codetracer_otel.cli.show.tree import Selection

_PAUSE_S: Final = 0.2


def follow(
    paths: Sequence[str],
    selection: Selection,
    value: str | None,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Print what a file and those of its child processes hold and get; return 0 when interrupted.

    Args:
        paths: one file, which need not be there yet.
        selection: of it, name and errors.
        value: text that a value must hold, or None.
        pause: waits so many seconds.

    Raises:
        UsageError: it is several, or no file.
    """
    if len(paths) != 1 or os.path.isdir(paths[0]) or paths[0] == "-":
        raise UsageError(
            "show: -f follows a file of JSON lines, got "
            f"{', '.join(map(repr, paths))}; expected one file"
        )
    lines = FollowedLines(selection, value)
    tails: dict[str, _Tail] = {}
    with suppress(KeyboardInterrupt):
        while True:
            for path in (paths[0], *children_of(paths[0])):
                tail = tails.setdefault(path, _Tail(path))
                for data in tail.new_lines():
                    for line in lines.shown(data, tail.label):
                        sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            pause(_PAUSE_S)
    return 0


class _Tail:
    """A file that grows, and may be replaced by another of its name."""

    def __init__(self, path: str) -> None:
        self.label = os.path.basename(path)
        self._path = path
        self._offset = 0
        self._rest = b""
        self._identity: tuple[int, int] | None = None

    def new_lines(self) -> Iterator[bytes]:
        """Yield the lines that were completed since the last time."""
        try:
            with open(self._path, "rb") as file:
                found = os.fstat(file.fileno())
                identity = (found.st_dev, found.st_ino)
                if identity != self._identity or found.st_size < self._offset:
                    self._identity, self._offset, self._rest = identity, 0, b""
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return  # not there yet, or just being rotated
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from lines


class FollowedLines:
    """Turns lines into what is printed of them."""

    def __init__(self, selection: Selection, value: str | None) -> None:
        name = selection.name
        self._matches = compile_glob(name) if name is not None else lambda _name: True
        self._only_errors = selection.errors
        self._value = value
        self._times = Times()

    def shown(self, data: bytes, label: str) -> Iterator[str]:
        """Yield the texts for a line."""
        try:
            line = json.loads(data)
            schema = line.get("schema", "")
            if schema == RUN_SCHEMA:
                yield visible(run_text(Run(label, facts=line)))
            elif schema == LOSS_SCHEMA:
                text = loss_text(Run(label, losses=[line]))
                yield from [f"!! {visible(text)}"] if text else []
            else:
                yield from filter(None, map(self._span, spans_in(line)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return  # somebody else's line

    def _span(self, line: dict[str, Any]) -> str:
        details = details_of(line, self._times)
        is_failed = line["status"]["code"] == "ERROR"
        thread = str(line["attributes"].get("thread.name") or MAIN_THREAD)
        call = Shown(
            line["name"],
            0,
            duration_ms=float(line["duration_ms"]),
            error="error" if is_failed else "",
            thread="" if thread == MAIN_THREAD else thread,
        )
        if not self._matches(call.name) or (self._only_errors and not is_failed):
            return ""
        if self._value is not None and not holds(details, self._value):
            return ""
        complete(call, details)
        values = map(value_line, error_lines(call)) if self._only_errors else ()
        return "\n".join([call_line(call), *values])
