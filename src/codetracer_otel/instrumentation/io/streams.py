"""Takes note of what the program writes to and reads from its standard streams.

A stream that lets us is not replaced: its ``write`` is covered by an attribute of the instance, so
that its type, its identity and everything else about it stay as they are. Other streams, and
``sys.stdin``, whose iteration cannot be covered that way, get a proxy.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    type Record = Callable[[str, str], None]
    """Takes a text of a stream after it has reached its destination; must not raise."""

STREAMS: Final = ("stdout", "stderr", "stdin")


class IoCapture:
    """Covers the standard streams of a session.

    Args:
        record: takes (name of the stream, text).
        streams: of `STREAMS`, which are covered.
        announce: told of the same before it is written, or None; must not raise.
    """

    def __init__(
        self,
        record: Record,
        streams: Iterable[str] = STREAMS,
        announce: Record | None = None,
    ) -> None:
        self._record = record
        self._announce = announce
        self._streams = [name for name in STREAMS if name in streams]

    def install(self) -> Callable[[], None]:
        """Cover the streams; return the idempotent undo, which restores exactly what was there."""
        undo = ExitStack()
        for name in self._streams:
            stream = getattr(sys, name)
            if stream is None:
                continue
            if name == "stdin":
                _replace(name, stream, self._record, undo)
            else:
                _cover(name, stream, self._record, self._announce, undo)
        return undo.close


def _cover(
    name: str, stream: Any, record: Record, announce: Record | None, undo: ExitStack
) -> None:
    covering_write = _build_write(name, stream.write, record, announce)
    try:
        stream.write = covering_write
    except (AttributeError, TypeError):  # its class has slots, or is written in C
        _replace(name, stream, record, undo)
    else:
        undo.callback(_uncover, stream, covering_write)


def _build_write(
    name: str, write: Callable[[str], Any], record: Record, announce: Record | None
) -> Callable[[str], Any]:
    def covering_write(text: str, /) -> Any:
        written = write(text)
        record(name, text)
        return written

    def announcing_write(text: str, /) -> Any:
        announce(name, text)  # type: ignore[misc]
        return covering_write(text)

    return covering_write if announce is None else announcing_write


def _uncover(stream: Any, covering_write: object) -> None:
    # whoever covered it after us keeps a write of ours, which goes on to the stream's own
    if vars(stream).get("write") is covering_write:
        del stream.write


def _replace(name: str, stream: Any, record: Record, undo: ExitStack) -> None:
    proxy = StreamProxy(stream, name, record)
    setattr(sys, name, proxy)
    undo.callback(_restore, name, stream, proxy)


def _restore(name: str, stream: object, proxy: StreamProxy) -> None:
    # a program may still hold it
    object.__setattr__(proxy, "_record", lambda _stream, _text: None)
    if getattr(sys, name) is proxy:
        setattr(sys, name, stream)


class StreamProxy:
    """Stands for a text stream and takes note of what passes.

    Args:
        stream: everything else is its.
        name: ``stdout``, ``stderr`` or ``stdin``.
        record: takes what passes.
    """

    _stream: Any
    _name: str
    _record: Record

    def __init__(self, stream: Any, name: str, record: Record) -> None:
        object.__setattr__(self, "_stream", stream)
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_record", record)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._stream)

    def write(self, text: str, /) -> Any:
        """Write a text."""
        written = self._stream.write(text)
        self._record(self._name, text)
        return written

    def writelines(self, lines: Iterable[str], /) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def read(self, *size: Any) -> Any:
        """Read text."""
        return self._noted(self._stream.read(*size))

    def readline(self, *size: Any) -> Any:
        """Read a line."""
        return self._noted(self._stream.readline(*size))

    def readlines(self, *hint: Any) -> list[Any]:
        """Read lines."""
        lines: list[Any] = self._stream.readlines(*hint)
        for line in lines:
            self._noted(line)
        return lines

    def __iter__(self) -> Iterator[Any]:
        iter(self._stream)
        return self

    def __next__(self) -> Any:
        return self._noted(next(self._stream))

    def __enter__(self) -> Any:
        self._stream.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        return self._stream.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._stream, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._stream, name)

    def __repr__(self) -> str:
        return repr(self._stream)

    def _noted(self, text: Any) -> Any:
        if text:
            self._record(self._name, text)
        return text
