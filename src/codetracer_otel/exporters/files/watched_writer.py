"""Writes lines, reports once that lines are lost, and says how many when it can write again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codetracer_otel.exporters.files.line_writer import LineWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetracer_otel.exporters.files.line_writer import Output


class WatchedWriter(LineWriter):
    """A writer of lines that no exporter counts: those of the log, and of topics.

    Args:
        output: where they go; by default to what ``sys.stderr`` is at each write.
        on_loss: told why the first line could not be written; once, however often that changes.
        line_of_loss: returns the line that says how many are missing behind the line before it.

    Attributes:
        lost: how many lines could not be written.
    """

    def __init__(
        self,
        output: Output | None,
        on_loss: Callable[[str], None],
        line_of_loss: Callable[[int, str], str],
    ) -> None:
        super().__init__(output)
        self._on_loss = on_loss
        self._line_of_loss = line_of_loss
        self._has_told = False
        self._missing = 0
        self.lost = 0

    def write_text(self, text: str) -> bool:
        """Write finished text in one piece; return whether it went out."""
        with self._lock:
            if self._missing and super().write_text(self._line_of_loss(self._missing, self.reason)):
                self._missing = 0
            is_written = super().write_text(text)
            if not is_written:
                self._note_loss()
            return is_written

    def reopen_after_fork(self, path: str | None = None) -> bool:
        """Become usable in a forked child, which counts its own lines."""
        self.lost = self._missing = 0
        self._has_told = False
        return super().reopen_after_fork(path)

    def stats(self) -> dict[str, int]:
        """Return how many lines were written, and how many could not be."""
        return {"lines": self.lines, "lost": self.lost}

    def _note_loss(self) -> None:
        self.lost += 1
        self._missing += 1
        if not self._has_told:
            self._has_told = True
            self._on_loss(self.reason)
