"""The growing files of a native trace: its events, and those of threads that wait for their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Os
from codetracer_otel.exporters.native.directory import SPOOL_PREFIX, SPOOL_SUFFIX, write_all

if TYPE_CHECKING:
    from codetracer_otel.descriptors import OwnDescriptor
    from codetracer_otel.exporters.native.directory import TraceDirectory

_SPOOL_CHARACTERS: Final = 256 * 1024  # of a thread's open call tree; what is beyond goes to a file
_COPY_BYTES: Final = 1024 * 1024


class EventFile:
    """``trace.json`` while it grows.

    A write that fails may leave the beginning of its events; `repair` saves the whole ones.

    Args:
        file: empty, at its end wherever it is opened again; closed by `close`.
        opening: what stands before the first event.
    """

    def __init__(self, file: OwnDescriptor, opening: bytes = b"[") -> None:
        self._file = file
        self.size = 0
        self._separator = opening

    def write(self, text: str) -> None:
        """Append events that are separated by commas.

        Raises:
            OSError: they could not all be written.
        """
        self._append(self._separator + text.encode("ascii"))
        self._separator = b","

    def copy(self, file: OwnDescriptor) -> None:
        """Append the events that another file consists of.

        Raises:
            OSError: they could not all be copied.
        """
        self._append(self._separator)
        position = 0
        while data := Os.pread(file.use(), _COPY_BYTES, position):
            self._append(data)
            position += len(data)
        self._separator = b","

    def end(self) -> None:
        """Append the end of the array.

        Raises:
            OSError: it could not be written.
        """
        self._append(b"]")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        write_all(self._file.use(), data)
        self.size += len(data)


class Spool:
    """The events of a thread whose outermost call is still open, beyond a size on disk.

    Args:
        directory: of the trace.
        thread: its number.
    """

    def __init__(self, directory: TraceDirectory, thread: int) -> None:
        self._directory = directory
        self._name = f"{SPOOL_PREFIX}{thread}{SPOOL_SUFFIX}"
        self._texts: list[str] = []
        self._characters = 0
        self._file: EventFile | None = None

    def __bool__(self) -> bool:
        return bool(self._texts) or self._file is not None

    def add(self, texts: list[str]) -> None:
        """Keep events."""
        if not texts:
            return
        self._texts.extend(texts)
        self._characters += sum(map(len, texts))
        if self._characters > _SPOOL_CHARACTERS:
            self._to_disk()

    def move_to(self, file: EventFile) -> None:
        """Append everything to ``file`` and be empty."""
        if self._file is not None:
            file.copy(self._own)
            self.close()
        if self._texts:
            file.write(",".join(self._texts))
            self._texts, self._characters = [], 0

    def close(self) -> None:
        """Remove the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._directory.remove(self._name)

    def _to_disk(self) -> None:
        if self._file is None:
            self._own = self._directory.create(self._name)
            self._file = EventFile(self._own, b"")
        self._file.write(",".join(self._texts))
        self._texts, self._characters = [], 0
