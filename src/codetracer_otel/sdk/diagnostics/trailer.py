"""JSON trailers: one line on stderr for each failure, for programs that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.bindings import Json
from codetracer_otel.exporters.files.line_writer import LineWriter
from codetracer_otel.exporters.standard_error import standard_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codetracer_otel.errors import CodetracerError
    from codetracer_otel.exporters.files.line_writer import Output


def trailer_line(
    code: str,
    kind: str,
    message: str,
    context: Mapping[str, object],
    run_id: str | None,
    trace_id: str | None,
) -> str:
    """Return the line of one failure, without a line end; ASCII only."""
    return Json.dumps(
        {
            "context": {str(key): str(value) for key, value in context.items()},
            "error_code": str(code),
            "error_kind": kind,
            "message": message,
            "run_id": run_id,
            "trace_id": trace_id,
        },
        is_spaced=True,
    )


def write_trailer(line: str, output: Output | None = None) -> None:
    """Write a trailer; a closed or absent stream loses it.

    Args:
        line: see `trailer_line`.
        output: where to; by default the standard error.
    """
    LineWriter(output or standard_error()).write_text(f"{line}\n")


def trailer_of(error: CodetracerError, run_id: str | None = None) -> str:
    """Return the trailer of an error that has no log line."""
    return trailer_line(error.code, error.kind, error.message, error.context, run_id, None)
