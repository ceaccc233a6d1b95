"""Reads the events of a native trace many at a time; `exporters.native` reads and judges each."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 4 * 1024 * 1024
_MAX_PIECE: Final = 128 * 1024 * 1024
_NEAR: Final = 64 * 1024
# Inside a JSON string a quote follows a backslash, so that this can only be between two events.
_BOUNDARY: Final = re.compile(rb',\s*(?=\{\s*"Step"\s*:)')
_OPENING: Final = b',{"'
_VALUE: Final = b'Value":'
_OTHERS: Final = tuple(
    name + b'":'
    for name in (
        *(b"Step", b"Call", b"Return", b"Event", b"Type", b"Function", b"Path", b"VariableName"),
        *(b"ThreadStart", b"ThreadExit", b"ThreadSwitch"),
    )
)
_decode: Final = json.JSONDecoder().raw_decode


class Events:
    """The events of an open ``trace.json``.

    Attributes:
        is_whole: whether the end of the array was there; known at the end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_first = True
        self.is_whole = False

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield the events in lists, most of the values of steps left out.

        Raises:
            ValueError: this is no array of events.
        """
        rest = b""
        while data := self._file.read(_CHUNK):
            rest += data
            cut = _last_boundary(rest)
            if cut is not None:
                yield self._piece(_without_values(rest[: cut.start()]) + b"]")
                rest = rest[cut.end() :]
            elif len(rest) > _MAX_PIECE:
                raise ValueError("an event is too large")
        if rest:
            yield self._end(rest)

    def _piece(self, text: bytes) -> list[Any]:
        found = json.loads(text if self._is_first else b"[" + text)
        self._is_first = False
        if not isinstance(found, list):
            raise ValueError("no array")  # noqa: TRY004 - what the file holds, not a caller's type
        return found

    def _end(self, rest: bytes) -> list[Any]:
        try:
            found = self._piece(rest)
        except ValueError:
            return self._whole_ones(rest)
        self.is_whole = True
        return found

    def _whole_ones(self, rest: bytes) -> list[Any]:
        """Return the events before the place where the file breaks off."""
        text = rest.decode("utf-8", "replace")
        position = text.find("[") + 1 if self._is_first else 0
        if self._is_first and text[:position].strip() != "[":
            raise ValueError("no array")
        found: list[Any] = []
        while True:
            while text[position : position + 1] in (" ", "\n", "\r", "\t", ","):
                position += 1
            try:
                event, position = _decode(text, position)
            except ValueError:
                return found
            found.append(event)


def _without_values(text: bytes) -> bytes:
    """Return events without those that no page shows, which are most of a recording.

    They end where an event of a known name begins; where spaces stand between, nothing is left out.
    """
    kept = []
    is_value = False
    for part in text.split(_OPENING):
        if part.startswith(_VALUE):
            is_value = True
        elif not is_value or part.startswith(_OTHERS):
            is_value = False
            kept.append(part)
    return _OPENING.join(kept)


def _last_boundary(data: bytes) -> re.Match[bytes] | None:
    for begin in (max(len(data) - _NEAR, 0), 0):
        last = None
        for last in _BOUNDARY.finditer(data, begin):  # noqa: B007 - the last one is what is wanted
            pass
        if last is not None:
            return last
    return None
