"""Reads the events of ``trace.json`` and skips the values of its steps, which are most of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 64 * 1024  # larger blocks come fresh from the system each time, which costs more
_MAX_READ: Final = 16 * 1024 * 1024  # of an event that is larger than what was read before
_MAX_EVENT: Final = 128 * 1024 * 1024
_NEAR: Final = 16 * 1024
_SEPARATORS: Final = b", \t\r\n"
_STEP: Final = b',{"Step":{"path_id":'
_KNOWN_STEP: Final = re.compile(rb'\{"Step":\{"path_id":\d{1,9},"line":(\d{1,9})\}\}')
_CALL: Final = re.compile(rb'\{"Call":\{"function_id":(\d{1,9}),"args":')
_RETURN: Final = b'{"Return":{"return_value":'
_MAX_STEPS: Final = 100_000  # places of a program that are known by their text
# Inside a JSON string a quote follows a backslash: this can only be the beginning of an event.
_NAMES: Final = (
    rb'"(?:Step|Call|Return|Event|Type|Function|Path|VariableName|Thread(?:Start|Exit|Switch))"'
)
_NEXT: Final = re.compile(rb",\s*(?=\{\s*" + _NAMES + rb")")
_BOUNDARY: Final = re.compile(rb",(?=\s*\{\s*(?:" + _NAMES + rb'|"Value"))')
# Values up to the next other event. What is an object of theirs is told apart by the first
# alternatives, because most are: 2.6 s for each GB, where the names alone take 4.5 s.
_VALUES: Final = re.compile(
    rb',\{"Value":[^{]*+(?:\{(?:"kind"|"Value"|(?!\s*' + _NAMES + rb"))[^{]*+)*+"
)
_decode: Final = json.JSONDecoder().raw_decode

Item = list[int] | tuple[int | None, bytes] | dict[str, Any]


class Outline:
    """The events of an open ``trace.json`` without most of the values of steps.

    They come as objects, except that
    * steps that follow each other are the list of their lines, but for the first on each line;
    * a call is the number of its function, and a text that begins with the array of its arguments;
    * a return is None, and a text that begins with its value; `value_in` decodes both.

    Args:
        file: open for reading at its beginning.

    Attributes:
        is_whole: whether the end of the array was there; known at the end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_first = True
        self._lines: dict[bytes, int] = {}  # of the texts of steps
        self.is_whole = False

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield the events, some at a time.

        Raises:
            ValueError: this is no array of events.
        """
        rest = b""
        while data := self._file.read(max(_CHUNK, min(len(rest), _MAX_READ))):
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
        """Return the events of a piece that is not the last one."""
        if self._is_first:
            text = _opened(text)
            self._is_first = False
        text = _VALUES.sub(b",", b"," + text).strip(_SEPARATORS)
        texts = _NEXT.split(text) if text else []
        lines = [*map(self._lines.get, texts), None]
        found: list[Item] = []
        position = 0
        while (place := lines.index(None, position)) < len(texts):
            if position < place:
                found.append(lines[position:place])  # type: ignore[arg-type] # up to a None
            found += self._taken_apart(texts[place])
            position = place + 1
        if position < place:
            found.append(lines[position:place])  # type: ignore[arg-type]
        return found

    def _taken_apart(self, text: bytes) -> list[Item]:
        """Return what an event is, and those of unknown names behind it."""
        if text.startswith(_RETURN):
            return [(None, text[len(_RETURN) :])]
        call = _CALL.match(text)
        if call is not None:
            return [(int(call[1]), text[call.end() :])]
        step = _KNOWN_STEP.fullmatch(text)
        if step is not None and len(self._lines) < _MAX_STEPS:
            self._lines[text] = int(step[1])
        return _events(json.loads(b"[" + text.strip(_SEPARATORS) + b"]"))

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


def value_in(text: bytes) -> Any:
    """Return the value that a text begins with.

    Raises:
        ValueError: it begins with none.
    """
    return _decode(text.decode().lstrip())[0]


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
        reach = min(reach * 8, _MAX_EVENT)


def _is_array(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _opened(text: bytes) -> bytes:
    """Return what follows the beginning of the array."""
    text = text.lstrip()
    if not text.startswith(b"["):
        raise ValueError("no array")
    return text[1:]


def _events(found: list[Any]) -> list[Item]:
    """Return the events that are objects; a number is none, and an array would pass for steps."""
    return [event for event in found if type(event) is dict]


def _last_boundary(data: bytes, begin: int) -> int:
    """Return the place of the last separator of events from ``begin`` on, or -1."""
    near = data.rfind(_STEP, max(len(data) - _NEAR, begin))
    if near >= 0:
        return near
    last = -1
    for found in _BOUNDARY.finditer(data, begin):
        last = found.start()
    return last
