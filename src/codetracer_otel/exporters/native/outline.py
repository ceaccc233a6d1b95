"""Reads what happens in ``trace.json`` past the values of its steps, most of what is in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 64 * 1024  # larger blocks come fresh from the system each time, which costs more
_MAX_EVENT: Final = 128 * 1024 * 1024
_NEAR: Final = 16 * 1024
_SEPARATORS: Final = b", \t\r\n"
_STEP: Final = b'{"Step":{"path_id":'
_STEP_END: Final = b"}},"
_STEP_REST: Final = re.compile(rb'\d{1,9},"line":(\d{1,9})\}\},')
_MAX_STEPS: Final = 100_000  # places of a program that are known by their text
# Inside a JSON string a quote follows a backslash: this can only be the beginning of an event.
_NAMES: Final = (
    rb'"(?:Step|Call|Return|Event|Type|Function|Path|VariableName|Thread(?:Start|Exit|Switch))"'
)
_BOUNDARY: Final = re.compile(rb",(?=\s*\{\s*(?:" + _NAMES + rb'|"Value"))')
# Values up to the next other event. What is an object of theirs is told apart by the first
# alternatives, because most are: 2.6 s for each GB, where the names alone take 4.5 s.
_VALUES: Final = re.compile(
    rb',\{"Value":[^{]*+(?:\{(?:"kind"|"Value"|(?!\s*' + _NAMES + rb"))[^{]*+)*+"
)
_decode: Final = json.JSONDecoder().raw_decode

Item = list[int] | dict[str, Any]


class Outline:
    """The events of an open ``trace.json`` without most of the values of steps.

    Each piece is a list of events, in which steps that follow each other are the list of their
    lines. A step on a line that was not met before comes as an event.

    Args:
        file: open for reading at its beginning.

    Attributes:
        is_whole: whether the end of the array was there; known at the end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_first = True
        self._lines: dict[bytes, int] = {}  # of the text behind _STEP
        self.is_whole = False

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield the events, some at a time.

        Raises:
            ValueError: this is no array of events.
        """
        rest = b""
        while data := self._file.read(max(_CHUNK, len(rest))):
            searched, rest = len(rest), rest + data
            cut = _last_boundary(rest, max(searched - _NEAR, 0))
            if cut >= 0:
                yield self._between(rest[:cut])
                rest = rest[cut + 1 :]
            elif len(rest) > _MAX_EVENT:
                raise ValueError("an event is too large")
        if rest:
            yield self._end(rest)

    def _between(self, text: bytes) -> list[Item]:
        """Return the events of a piece behind which others stand."""
        if self._is_first:
            text = _opened(text)
            self._is_first = False
        # behind a separator each, the first and the last event are like all the others
        parts = _VALUES.sub(b",", b"," + text + b",").split(_STEP)
        runs, others = self._sorted_out(parts)
        events = iter(json.loads(b"[" + b",".join(others) + b"]"))
        found: list[Item] = []
        for run in runs:
            if run is None:
                found += _events(next(events))
            else:
                found.append(run)
        return found

    def _sorted_out(self, parts: list[bytes]) -> tuple[list[list[int] | None], list[bytes]]:
        """Return the runs of steps, None for what stands between them, and the JSON of that.

        Args:
            parts: what stands before the first `_STEP`, and behind each.
        """
        runs: list[list[int] | None] = []
        others: list[bytes] = []

        def add(text: bytes) -> None:
            text = text.strip(_SEPARATORS)
            if text:
                runs.append(None)
                others.append(b"[" + text + b"]")

        add(parts[0])
        lines = [*map(self._lines.get, parts), None]
        position = 1
        while (place := lines.index(None, position)) < len(parts):
            line, text = self._parted(parts[place])
            run = lines[position:place]
            if line is not None:
                run.append(line)
            if run:
                runs.append(run)  # type: ignore[arg-type] # up to the first None
            add(text)
            position = place + 1
        if position < place:
            runs.append(lines[position:place])  # type: ignore[arg-type]
        return runs, others

    def _parted(self, part: bytes) -> tuple[int | None, bytes]:
        """Return the line of a known step and what stands behind it, else None and everything."""
        rest, end, behind = part.partition(_STEP_END)
        line = self._lines.get(rest + end)
        if line is not None:
            return line, behind
        found = _STEP_REST.fullmatch(rest + end)
        if found is not None and len(self._lines) < _MAX_STEPS:
            self._lines[rest + end] = int(found[1])
        return None, _STEP + part

    def _end(self, rest: bytes) -> list[Item]:
        text = rest if self._is_first else b"[" + rest
        try:
            found = json.loads(text)
        except ValueError:
            return self._whole_ones(rest)
        if not isinstance(found, list):
            raise ValueError("no array")  # noqa: TRY004 - what the file holds, not a caller's type
        self.is_whole = True
        return _events(found)

    def _whole_ones(self, rest: bytes) -> list[Item]:
        """Return the events before the place where the file breaks off."""
        text = (_opened(rest) if self._is_first else rest).decode("utf-8", "replace")
        position = 0
        found: list[Item] = []
        while True:
            while text[position : position + 1] in (" ", "\n", "\r", "\t", ","):
                position += 1
            try:
                event, position = _decode(text, position)
            except ValueError:
                return found
            found += _events([event])


def ends_as_it_should(file: BinaryIO) -> bool:
    """Return whether an open ``trace.json`` has its end, by its last events alone."""
    size = file.seek(0, 2)
    reach = _NEAR
    while True:
        file.seek(max(size - reach, 0))
        tail = file.read(reach)
        cut = _last_boundary(tail, 0)
        if cut >= 0:
            return _is_array(b"[" + tail[cut + 1 :])
        if reach >= min(size, _MAX_EVENT):
            return _is_array(tail)
        reach *= 8


def _is_array(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def _opened(text: bytes) -> bytes:
    """Return what stands behind the beginning of the array."""
    text = text.lstrip()
    if not text.startswith(b"["):
        raise ValueError("no array")
    return text[1:]


def _events(found: list[Any]) -> list[Item]:
    """Return the events that are objects; a number is none, and an array would pass for steps."""
    return [event for event in found if type(event) is dict]


def _last_boundary(data: bytes, begin: int) -> int:
    """Return the place of the last separator of events from ``begin`` on, or -1."""
    near = data.rfind(b"," + _STEP, max(len(data) - _NEAR, begin))
    if near >= 0:
        return near
    last = -1
    for found in _BOUNDARY.finditer(data, begin):
        last = found.start()
    return last
