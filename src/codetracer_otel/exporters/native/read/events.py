"""Reads the events of ``trace.json`` one by one, in bounded memory, and says where each ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from codetracer_otel.errors import ErrorCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 1024 * 1024
_MAX_EVENT: Final = 64 * 1024 * 1024
TOO_DEEP: Final = "the event is nested too deeply"
_SPACE: Final = " \t\r\n"

_decode: Final = json.JSONDecoder().raw_decode


class TraceError(UsageError):
    """A native trace that breaks a rule of the format.

    Attributes:
        event_index: number of the first event that does, from 0; None when it is not an event.
    """

    def __init__(
        self,
        rule: str,
        event_index: int | None = None,
        code: ErrorCode = ErrorCode.UNSUPPORTED_FORMAT,
    ) -> None:
        self.rule = rule
        self.event_index = event_index
        where = "native trace" if event_index is None else f"native trace: event {event_index}"
        super().__init__(f"{where}: {rule}", code)


class TruncatedError(TraceError):
    """A native trace whose end is missing.

    Attributes:
        size: bytes up to the end of the last whole event.
    """

    def __init__(self, event_index: int, size: int) -> None:
        self.size = size
        super().__init__(
            "the trace is cut off here; codetracer-otel show repairs it",
            event_index,
            ErrorCode.TRACE_INCOMPLETE,
        )


class EventStream:
    """The events of an open ``trace.json``.

    Args:
        file: open for reading at its beginning; ASCII.

    Attributes:
        index: number of the next event.
        end: bytes up to the end of the last event.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.index = 0
        self.end = 0
        self._file = file
        self._text = ""
        self._position = 0
        self._offset = 0  # where `_text` begins in the file
        self._is_exhausted = False

    def __iter__(self) -> Iterator[Any]:
        """Yield each event.

        Raises:
            TraceError: the file is no array of events.
            TruncatedError: it ends too early.
        """
        if self._next_character() != "[":
            if self.end or self._offset or self._text:
                raise TraceError("the file is no JSON array", 0)
            raise TruncatedError(0, 0)
        self._advance(1)
        if self._next_character() == "]":
            self._finish()
            return
        while True:
            yield from self._compact_events()
            yield self._event()
            if not self._goes_on():
                return

    def _compact_events(self) -> Iterator[Any]:
        """Yield the adjacent events of the text that was read, in the compact form of recorders."""
        text, position = self._text, self._position
        while True:
            try:
                event, position = _decode(text, position)
            except (ValueError, RecursionError):
                return
            if text[position : position + 1] != ",":
                return
            self.index += 1
            self.end = self._offset + position
            position += 1
            self._position = position
            yield event

    def _event(self) -> Any:
        self._next_character()
        while True:
            try:
                event, position = _decode(self._text, self._position)
            except ValueError:
                self._read_or_give_up()
                continue
            except RecursionError:
                raise TraceError(TOO_DEEP, self.index) from None
            if position == len(self._text) and not self._is_exhausted:
                self._read()  # a number or a name may continue in the next chunk
                continue
            self._advance(position - self._position)
            self.index += 1
            self.end = self._offset + self._position
            return event

    def _goes_on(self) -> bool:
        character = self._next_character()
        if character == ",":
            self._advance(1)
            return True
        if character == "]":
            self._finish()
            return False
        if character:
            raise TraceError(f"expected ',' or ']' behind the event, got {character!r}", self.index)
        raise TruncatedError(self.index, self.end)

    def _finish(self) -> None:
        self._advance(1)
        if self._next_character():
            raise TraceError("something follows the end of the array", self.index)

    def _read_or_give_up(self) -> None:
        if self._is_exhausted:
            raise TruncatedError(self.index, self.end)
        if len(self._text) - self._position > _MAX_EVENT:
            raise TraceError("the event is no JSON, or too large", self.index)
        self._read()

    def _next_character(self) -> str:
        while True:
            while self._position < len(self._text) and self._text[self._position] in _SPACE:
                self._position += 1
            if self._position < len(self._text):
                return self._text[self._position]
            if self._is_exhausted:
                return ""
            self._read()

    def _advance(self, characters: int) -> None:
        self._position += characters

    def _read(self) -> None:
        data = self._file.read(_CHUNK)
        if not data:
            self._is_exhausted = True
            return
        self._offset += self._position
        # one byte is one character, whatever a damaged file holds
        self._text = self._text[self._position :] + data.decode("latin-1")
        self._position = 0
