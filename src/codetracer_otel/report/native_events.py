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
_NEXT_STEP: Final = b',{"Step":'
_VALUE: Final = b',{"Value":'
_OTHER: Final = re.compile(
    rb',\{"(?:Call|Return|Event|Type|Function|Path|VariableName|Thread(?:Start|Exit|Switch))":'
)
_STEP: Final = re.compile(rb'\{"path_id":\d{1,9},"line":(\d{1,9})\}\}')
_BETWEEN: Final = b", \t\r\n"
_MAX_STEPS: Final = 100_000  # places of a program that are known by their text
_decode: Final = json.JSONDecoder().raw_decode


class Events:
    """The events of an open ``trace.json``: most of them are steps, which come as their lines.

    Attributes:
        is_whole: whether the end of the array was there; known at the end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_first = True
        self._steps: dict[bytes, int] = {}
        self.is_whole = False

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield the events in lists, a step as its line, most of the values of steps left out.

        Raises:
            ValueError: this is no array of events.
        """
        rest = b""
        while data := self._file.read(_CHUNK):
            rest += data
            cut = _last_boundary(rest)
            if cut is not None:
                yield self._between(rest[: cut.start()])
                rest = rest[cut.end() :]
            elif len(rest) > _MAX_PIECE:
                raise ValueError("an event is too large")
        if rest:
            yield self._end(rest)

    def _between(self, text: bytes) -> list[Any]:
        """Return the events of a piece behind which others stand."""
        if self._is_first:
            text = text.lstrip()
            if not text.startswith(b"["):
                raise ValueError("no array")
            self._is_first = False
            text = text[1:].lstrip()
        if not text.startswith(b'{"'):
            return _events(json.loads(b"[" + text + b"]"))
        lines, runs = self._sorted_out(b"," + text)
        others = iter(json.loads(b"[" + b",".join(runs) + b"]"))
        found: list[Any] = []
        for line in lines:
            if line is None:
                found += _events(next(others))
            else:
                found.append(line)
        return found

    def _sorted_out(self, text: bytes) -> tuple[list[int | None], list[bytes]]:
        """Return the lines of steps, None for each run of others, and the JSON of these runs.

        Values right behind a step are left out; they end where an event of a known name begins.
        """
        lines: list[int | None] = []
        runs: list[bytes] = []
        known = self._steps.get
        before, *steps = text.split(_NEXT_STEP)
        if before:
            runs.append(b"[" + before.lstrip(_BETWEEN) + b"]")
            lines.append(None)
        for part in steps:
            values = part.find(_VALUE)
            step = part if values < 0 else part[:values]
            line, others = known(step), b""
            if line is None:
                line, others = self._parted(step)
            if line is not None:
                lines.append(line)
            if values >= 0:
                other = _OTHER.search(part, values)
                others += part[other.start() :] if other else b""
            if others:
                runs.append(b"[" + others.lstrip(_BETWEEN) + b"]")
                lines.append(None)
        return lines, runs

    def _parted(self, text: bytes) -> tuple[int | None, bytes]:
        """Return the line of the step that the text begins with, and what stands behind it.

        A step that is not written as recorders do comes back as a whole, without a line.
        """
        found = _STEP.match(text)
        if found is None:
            return None, _NEXT_STEP + text
        line = int(found[1])
        if len(self._steps) < _MAX_STEPS:
            self._steps[found[0]] = line
        return line, text[found.end() :]

    def _piece(self, text: bytes) -> list[Any]:
        found = json.loads(text if self._is_first else b"[" + text)
        self._is_first = False
        if not isinstance(found, list):
            raise ValueError("no array")  # noqa: TRY004 - what the file holds, not a caller's type
        return _events(found)

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
            found += _events([event])


def _events(found: list[Any]) -> list[Any]:
    """Return the events that are objects; a number would be taken for a step."""
    return [event for event in found if type(event) is dict]


def _last_boundary(data: bytes) -> re.Match[bytes] | None:
    for begin in (max(len(data) - _NEAR, 0), 0):
        last = None
        for last in _BOUNDARY.finditer(data, begin):  # noqa: B007 - the last one is what is wanted
            pass
        if last is not None:
            return last
    return None
