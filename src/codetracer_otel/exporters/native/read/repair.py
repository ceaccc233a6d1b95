"""Ends a native trace whose recorder could not: the prefix that is there becomes a valid trace."""

from __future__ import annotations

import contextlib
import os
from dataclasses import field
from typing import Any, Final

from codetracer_otel.bindings import Files, Json, Os, Paths
from codetracer_otel.data_classes import dataclass
from codetracer_otel.descriptors import O_BINARY
from codetracer_otel.errors import ErrorCode
from codetracer_otel.exporters.native.directory import (
    EVENTS,
    PATHS,
    lock_directory,
    write_all,
)
from codetracer_otel.exporters.native.read.events import EventStream, TraceError, TruncatedError
from codetracer_otel.exporters.native.read.outline import ends_as_it_should
from codetracer_otel.exporters.native.tables import TypeKind

_SPARE_BYTES: Final = (0, 4 * 1024, 16 * 1024, 256 * 1024, 4 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done to a trace.

    Attributes:
        was_needed: whether the trace was cut off.
        events: whole events that were found.
        calls: of these, without the one that stands for the program.
        closed_calls: calls that got a return.
        removed_bytes: of what was no whole event.
    """

    was_needed: bool
    events: int = 0
    calls: int = 0
    closed_calls: int = 0
    removed_bytes: int = 0


@dataclass(slots=True)
class _Prefix:
    """The part of a trace that can stay, and what is open at its end."""

    end: int = 0
    events: int = 0
    calls: int = -1  # the first one stands for the program
    depth: int = 0
    types: int = 0
    home_depth: int | None = None  # while another thread's calls stand there
    has_begun: bool = False
    is_whole: bool = False
    paths: list[Any] = field(default_factory=list)

    def take(self, event: Any, end: int) -> None:
        """Go past an event."""
        name = next(iter(event), "") if isinstance(event, dict) else ""
        self.depth += (name == "Call") - (name == "Return")
        self.calls += name == "Call"
        self.has_begun = self.has_begun or name == "Call"
        self.types += name == "Type"
        if name == "Path":
            self.paths.append(event[name])
        if name == "ThreadSwitch":
            self.home_depth = None if event[name] == 1 else self.depth
        self.end, self.events = end, self.events + 1


def repair(path: str) -> Repair:
    """Make the trace in a directory valid; do nothing, not even open it to write, when it is.

    What is no whole event at its end goes away; calls that are open are ended as unfinished.

    Raises:
        TraceError: what is there is not the beginning of a trace, or a program still records it.
        OSError: it cannot be read or written.
    """
    events = Paths.join(path, EVENTS)
    with Files.open(events, "rb") as file:
        if ends_as_it_should(file):
            return Repair(was_needed=False)
    lock = lock_directory(path)
    if lock is None:
        rule = "a program is still recording here; wait for its end"
        raise TraceError(rule, code=ErrorCode.TRACE_DIR_CONFLICT)
    try:
        return end_trace(path)
    finally:
        if lock >= 0:
            Os.close(lock)


def end_trace(path: str, room: int = 0) -> Repair:
    """Do what `repair` does, for a caller that holds the directory's lock.

    Args:
        path: of the directory.
        room: bytes by which the file shrinks at least, for what is still to be written elsewhere.
    """
    with Files.open(Paths.join(path, EVENTS), "r+b") as file:
        size = Os.fstat(file.fileno()).st_size
        for spare in _SPARE_BYTES:
            file.seek(0)
            prefix = _read_prefix(file, size - room - spare)
            if prefix.is_whole:
                return Repair(was_needed=False)
            if _close(file.fileno(), prefix, size - room if room else None):
                break
        else:
            raise OSError("no room to end the trace")
    with contextlib.suppress(OSError):  # the file was written when the recording began
        _replace(path, PATHS, Json.dumps(prefix.paths))
    return Repair(True, prefix.events, prefix.calls, prefix.depth, size - prefix.end)


def _read_prefix(file: Any, limit: int) -> _Prefix:
    prefix = _Prefix()
    stream = EventStream(file)
    try:
        for event in stream:
            if prefix.has_begun and stream.end > limit:
                return prefix
            prefix.take(event, stream.end)
    except TruncatedError:
        if not prefix.has_begun:
            raise TraceError("the trace does not even have its first call", prefix.events) from None
        return prefix
    prefix.is_whole = True
    return prefix


def _close(descriptor: int, prefix: _Prefix, limit: int | None) -> bool:
    """Write the missing end; return whether there was room, and the file is within ``limit``."""
    ending = _ending(prefix)
    if limit is not None and prefix.end + len(ending) > limit:
        return False
    Os.ftruncate(descriptor, prefix.end)
    Os.lseek(descriptor, 0, os.SEEK_END)
    try:
        write_all(descriptor, ending)
    except OSError:
        Os.ftruncate(descriptor, prefix.end)
        return False
    return True


def _ending(prefix: _Prefix) -> bytes:
    if not prefix.depth:
        return b"]"
    error, text = prefix.types, prefix.types + 1
    events = [_type(TypeKind.ERROR, "Unfinished"), _type(TypeKind.STRING, "String")]
    unfinished = {"kind": "Error", "msg": "<unfinished>", "type_id": error}
    inner = prefix.depth - 1
    if prefix.home_depth is not None:
        events += [_return(unfinished)] * (prefix.depth - prefix.home_depth)
        events.append({"ThreadSwitch": 1})
        inner = prefix.home_depth - 1
    events += [_return(unfinished)] * inner
    events.append(_return({"kind": "String", "text": "<exit>", "type_id": text}))
    texts = [Json.dumps(event) for event in events]
    return ("," + ",".join(texts) + "]").encode("ascii")


def _type(kind: TypeKind, name: str) -> dict[str, Any]:
    return {"Type": {"kind": int(kind), "lang_type": name, "specific_info": {"kind": "None"}}}


def _return(value: dict[str, Any]) -> dict[str, Any]:
    return {"Return": {"return_value": value}}


def _replace(path: str, name: str, text: str) -> None:
    temporary = Paths.join(path, f"{name}.new")
    with contextlib.suppress(FileNotFoundError):
        Os.unlink(temporary)
    descriptor = Os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | O_BINARY, 0o600)
    try:
        write_all(descriptor, text.encode("ascii"))
    except OSError:
        Os.unlink(temporary)
        raise
    finally:
        Os.close(descriptor)
    Os.replace(temporary, Paths.join(path, name))
