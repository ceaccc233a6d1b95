"""Opens what topics are printed to, and says where their lines are lost."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from codetracer_otel.errors import CodetracerError
from codetracer_otel.exporters.files.json_text import encode_line
from codetracer_otel.exporters.files.line_writer import (
    MAX_LINE_BYTES,
    DescriptorOutput,
    FileOutput,
)
from codetracer_otel.exporters.files.watched_writer import WatchedWriter
from codetracer_otel.exporters.standard_error import standard_error
from codetracer_otel.instrumentation.topics import Level
from codetracer_otel.sdk.topics.line_format import own_line

if TYPE_CHECKING:
    from collections.abc import Callable

_LOST: Final = "lines of topics are lost as long as this lasts"


def open_writer(
    output: str | None, on_loss: Callable[[str], None], wall_ns: Callable[[], int]
) -> WatchedWriter:
    """Return a writer for ``fd:N``, ``file:PATH`` or, for None, the standard error of the moment.

    What cannot be opened is standard error, too: a line must not cost the program an exception.

    Args:
        output: as in ``CODETRACER_TRACE_OUTPUT``.
        on_loss: told, once, why lines cannot be written; not where they go to standard error.
        wall_ns: Unix time.
    """
    kind, _, target = (output or "").partition(":")
    opened: DescriptorOutput | None = None
    with contextlib.suppress(OSError, CodetracerError):
        if kind == "fd":
            opened = DescriptorOutput(int(target))
        elif kind == "file":
            opened = FileOutput(target)

    def tell(reason: str) -> None:
        if opened is not None and not standard_error().is_same_as(opened):
            on_loss(f"CODETRACER_TRACE_OUTPUT={output}: {reason}; {_LOST}")

    def line_of_loss(missing: int, reason: str) -> str:
        facts = {"lines": missing, "reason": reason}
        line = own_line(
            "session", "lines_lost", facts, level=Level.WARN, kind="event", time_ns=wall_ns()
        )
        return encode_line(line, MAX_LINE_BYTES)

    return WatchedWriter(opened, tell, line_of_loss)
