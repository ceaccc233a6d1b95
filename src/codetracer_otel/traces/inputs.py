"""Finds the traces that a person names: files, folders, their children's and rotated files."""

from __future__ import annotations

import os
import re
from enum import Enum
from typing import TYPE_CHECKING, Final

from codetracer_otel.data_classes import dataclass
from codetracer_otel.errors import ErrorCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

STDIN: Final = "-"
_EVENTS: Final = "trace.json"
_PART: Final = re.compile(r"\.part-(\d+)(\.gz)?\Z")
_CHILD: Final = re.compile(r"(?:\.\d+)+\Z")
_LINES: Final = re.compile(r"\.(?:jsonl|ndjson|json)(?:\.\d+)*(?:\.part-\d+)?(?:\.gz)?\Z")
_EXPECTED: Final = (
    "expected JSON lines (--exporter jsonl=FILE, or of the Collector's file exporter), such a file "
    "packed with gzip, the directory of a native trace, a folder of those, or -"
)
_PACKED_RECORDING: Final = re.compile(r"trace\.bin|.*\.ct")


class Kind(Enum):
    """What an input holds."""

    LINES = "JSON lines"
    NATIVE = "native recording"


@dataclass(frozen=True, slots=True)
class Input:
    """A trace, or a part of one.

    Attributes:
        path: of the file or directory; ``-`` is the standard input.
        goes_on: the run of the input before goes on in it: the file was rotated.
    """

    path: str
    kind: Kind = Kind.LINES
    goes_on: bool = False

    @property
    def label(self) -> str:
        """The name by which it is shown."""
        return "-" if self.path == STDIN else os.path.basename(os.path.abspath(self.path))


def find_inputs(paths: Sequence[str]) -> list[Input]:
    """Return what is behind the paths, each once, with the files of child processes.

    Raises:
        UsageError: one is missing, or of a kind that is read elsewhere.
    """
    found: dict[str, Input] = {}
    for path in paths:
        for item in _behind(path):
            key = STDIN if item.path == STDIN else os.path.realpath(item.path)
            found.setdefault(key, item)
    return list(found.values())


def not_opened(path: str, error: OSError) -> UsageError:
    """Return the error of an input that the system does not let us read."""
    reason = error.strerror or str(error)
    return UsageError(f"{path}: cannot be read: {reason}; expected a trace", ErrorCode.IO)


def unreadable(path: str, reason: str) -> UsageError:
    """Return the error of an input that cannot be shown."""
    return UsageError(f"{path}: {reason}; {_EXPECTED}", ErrorCode.UNSUPPORTED_FORMAT)


def _behind(path: str) -> Iterator[Input]:
    if path == STDIN:
        yield Input(path)
    elif os.path.isdir(path):
        yield from _with_children(path) if _is_recording(path) else _in_folder(path)
    elif os.path.basename(path) == _EVENTS:
        yield Input(os.path.dirname(path) or os.curdir, Kind.NATIVE)
    elif _PACKED_RECORDING.fullmatch(os.path.basename(path)):
        raise _packed(path)
    else:
        yield from _with_children(path)


def _is_recording(path: str) -> bool:
    return os.path.exists(os.path.join(path, _EVENTS))


def _with_children(path: str) -> Iterator[Input]:
    """Yield the parts that a file was rotated to, the file, and those of child processes."""
    yield from _family(path)
    for child in children_of(path):
        yield from _family(child)


def _family(path: str) -> Iterator[Input]:
    if os.path.isdir(path):
        yield Input(path, Kind.NATIVE)
        return
    parts = parts_of(path)
    if os.path.lexists(path) or not parts:
        parts = [*parts, path]
    for place, part in enumerate(parts):
        yield Input(part, goes_on=place > 0)


def parts_of(path: str) -> list[str]:
    """Return the files that ``path`` was rotated to, the oldest first."""
    base = os.path.basename(path)
    found: dict[int, str] = {}
    for name in _names_in(os.path.dirname(path)):
        part = _PART.fullmatch(name, len(base)) if name.startswith(base) else None
        if part is not None:  # a packed one is whole only where the file itself is gone
            found.setdefault(int(part[1]), os.path.join(os.path.dirname(path), name))
    return [name for _, name in sorted(found.items())]


def children_of(path: str) -> list[str]:
    """Return what child processes wrote beside ``path``: its name with their process ids."""
    folder, base = os.path.split(path.rstrip("/"))
    is_folder = os.path.isdir(path)
    found = []
    for name in _names_in(folder):
        stem = _PART.sub("", name)
        beside = os.path.join(folder, stem)
        if not (stem.startswith(base) and _CHILD.fullmatch(stem, len(base))):
            continue
        if _is_recording(beside) if is_folder else not os.path.isdir(beside):
            found.append(beside)
    return sorted(set(found))


def _names_in(folder: str) -> Iterable[str]:
    try:
        return sorted(os.listdir(folder or os.curdir))
    except OSError:
        return ()


def _in_folder(path: str) -> Iterator[Input]:
    names = _names_in(path)
    found = 0
    for name in names:
        inner = os.path.join(path, name)
        is_lines = not os.path.isdir(inner) and _LINES.search(name)
        if is_lines or _is_recording(inner):
            found += 1
            yield from _family(_PART.sub("", inner))
    if not found:
        for name in names:
            if _PACKED_RECORDING.fullmatch(name):
                raise _packed(os.path.join(path, name))
        raise unreadable(path, "it holds no trace")


def _packed(path: str) -> UsageError:
    return UsageError(
        f"{path}: a recording in a container of CodeTracer's own, which only its programs read; "
        "open it with CodeTracer, or record anew: --exporter native=DIR, --exporter jsonl=FILE",
        ErrorCode.UNSUPPORTED_FORMAT,
    )
