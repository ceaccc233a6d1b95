"""JSON trailers: one line on stderr for each failure, for programs that read it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from codetracer_otel.exporters.lines import LineWriter, StreamOutput, TextStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codetracer_otel.errors import CodetracerError


def trailer_line(
    code: str,
    kind: str,
    message: str,
    context: Mapping[str, object],
    run_id: str | None,
    trace_id: str | None,
) -> str:
    """Return the line of one failure, without a line end; ASCII only."""
    return json.dumps(
        {
            "context": {str(key): str(value) for key, value in context.items()},
            "error_code": str(code),
            "error_kind": kind,
            "message": message,
            "run_id": run_id,
            "trace_id": trace_id,
        }
    )


def write_trailer(line: str, stream: Callable[[], TextStream | None] | None = None) -> None:
    """Write a trailer; a closed or absent stream loses it.

    Args:
        line: see `trailer_line`.
        stream: returns where to; by default ``sys.stderr`` of the moment.
    """
    LineWriter(StreamOutput(stream or (lambda: sys.stderr))).write_text(f"{line}\n")


def trailer_of(error: CodetracerError, run_id: str | None = None) -> str:
    """Return the trailer of an error that no log line has told of."""
    return trailer_line(error.code, error.kind, error.message, error.context, run_id, None)
