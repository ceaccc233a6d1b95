"""Rotates a file of lines: a full file gets a number, older ones are compressed, then removed."""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Fcntl, Os, Paths
from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.files.line_writer import BEGINNING, FileOutput
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from os import PathLike

_UNITS: Final = {"": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
_OPTION: Final = lazy_regex(r"max=(\d+) ?(KB|MB|GB)?|keep=(\d+)|(gzip)", re.IGNORECASE)
_IS_MEANT: Final = lazy_regex(r"\s*(max|keep)\s*=", re.IGNORECASE)
_PART: Final = lazy_regex(r"\.part-(\d+)(\.gz)?\Z")
_KEEP: Final = 5
_GZIP_BITS: Final = 31  # zlib's way to say which format
_CHUNK: Final = 1024 * 1024
_LEAST: Final = 1000
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Rotation:
    """How a file is rotated.

    Attributes:
        most: bytes of a file, about: what is written at once stays together.
        keep: number of full files that stay.
        packs: whether these are packed with gzip, all but the latest.
    """

    most: int
    keep: int = _KEEP
    packs: bool = False


def is_option(text: str) -> bool:
    """Return whether a text is an option of a target rather than a part of its path."""
    return _OPTION.fullmatch(text.strip()) is not None


def read_target(target: str) -> tuple[str, Rotation | None]:
    """Return path and rotation of ``FILE``, or of ``FILE,max=100MB,keep=5,gzip``.

    Raises:
        ValueError: options without ``max``, or one that cannot be used.
    """
    path, *words = target.split(",")
    while words and not is_option(words[0]):
        if _IS_MEANT.match(words[0]):
            raise ValueError(target)  # rather than write to a file of that name
        path = f"{path},{words.pop(0)}"
    if not words:
        return path, None
    most, keep, packs = 0, _KEEP, False
    for word in words:
        found = _OPTION.fullmatch(word.strip())
        if found is None:
            raise ValueError(word)
        if found[1]:
            most = int(found[1]) * _UNITS[(found[2] or "").upper()]
        keep = int(found[3]) if found[3] else keep
        packs = packs or bool(found[4])
    if most < _LEAST or keep < 1:
        raise ValueError(target)
    return path, Rotation(most, keep, packs)


class RotatedFile(FileOutput):
    """A file that becomes ``FILE.part-<number>`` when it is full; the numbers grow.

    The first line that a process writes, about its run, begins each file that follows. Several
    processes may write to one file: whoever finds it replaced goes on in the new one.

    Args:
        path: of the file.
        rotation: when and how.
    """

    def __init__(self, path: str | PathLike[str], rotation: Rotation) -> None:
        self._rotation = rotation
        self._head: bytes | None = None
        super().__init__(path, BEGINNING)

    def reopen_after_fork(self, path: str | None = None) -> None:
        """Go on in a file of the child's own, with a first line of its own."""
        self._head = None
        super().reopen_after_fork(path)

    def write_bytes(self, data: bytes | memoryview) -> None:
        """Write encoded text; rotate first if the file would grow too large."""
        self.written = 0
        if self._head is None:
            self._head = bytes(data) if b'"schema":"run/1"' in bytes(data[-200:]) else b""
        descriptor = self._descriptor_now()
        size = Os.fstat(descriptor).st_size
        if size > len(self._head) and size + len(data) > self._rotation.most:
            self._rotate(descriptor)
        super().write_bytes(data)

    def _descriptor_now(self) -> int:
        descriptor = super()._descriptor_now()
        if self._is_open and not self._is_at_path(descriptor):
            self._file.close()  # another process has rotated it
            self._open()
        return self._file.use()

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            there, ours = Os.stat(self.path), Os.fstat(descriptor)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _rotate(self, descriptor: int) -> None:
        if self._is_mine_to_rotate(descriptor):
            parts = self._parts()
            number = max(parts, default=0) + 1
            Os.replace(self.path, f"{self.path}.part-{number:06d}")
            self._settle(parts)
        self._file.close()
        self._open()
        if self._head:
            try:
                super().write_bytes(self._head)
            finally:
                self.written = 0  # of what is to be written

    def _is_mine_to_rotate(self, descriptor: int) -> bool:
        """Return whether no other process has rotated the file, or is about to."""
        if Fcntl.is_there:
            try:
                Fcntl.flock(descriptor, Fcntl.LOCK_EX_NB)
            except OSError:
                return False
        return self._is_at_path(descriptor)

    def _settle(self, parts: dict[int, str]) -> None:
        """Remove what is too old, and pack the rest; the newest file may still be written to.

        What fails is tried the next time: the lines come first.
        """
        old = sorted(parts, reverse=True)
        for number in old[self._rotation.keep - 1 :]:
            with contextlib.suppress(OSError):
                Os.unlink(parts[number])
        if self._rotation.packs:
            for number in old[: self._rotation.keep - 1]:
                if not parts[number].endswith(".gz"):
                    with contextlib.suppress(OSError):
                        _pack(parts[number])

    def _parts(self) -> dict[int, str]:
        """Return number -> path of the full files."""
        folder, base = Paths.split(self.path)
        found = {}
        for name in sorted(Os.listdir(folder or os.curdir)):
            part = _PART.fullmatch(name, len(base)) if name.startswith(base) else None
            # beside the file itself a packed one is not whole: whoever packed it was killed
            if part is not None and not (part[2] and int(part[1]) in found):
                found[int(part[1])] = Paths.join(folder, name)
        return found


def _pack(path: str) -> None:
    """Replace a file by one packed with gzip, readable for its owner alone.

    Raises:
        OSError: that cannot be, or another process is at it.
    """
    packed = f"{path}.gz"
    source = Os.open(path, os.O_RDWR)  # NFS locks nothing that is only read
    try:
        if Fcntl.is_there:
            Fcntl.flock(source, Fcntl.LOCK_EX_NB)  # fails while another process packs it
            Os.stat(path)  # fails where it has done so
        with contextlib.suppress(FileNotFoundError):  # as somebody left it who was killed
            Os.unlink(packed)
        target = Os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        try:
            _pack_into(target, source)
        except OSError:
            Os.unlink(packed)
            raise
        finally:
            Os.close(target)
        if Fcntl.is_there:
            Os.unlink(path)  # before another process can have the lock
    finally:
        Os.close(source)
    if not Fcntl.is_there:
        Os.unlink(path)


def _pack_into(target: int, source: int) -> None:
    packer = zlib.compressobj(wbits=_GZIP_BITS)
    while data := Os.read(source, _CHUNK):
        _write_all(target, packer.compress(data))
    _write_all(target, packer.flush())


def _write_all(descriptor: int, data: bytes) -> None:
    done = 0
    while done < len(data):
        done += Os.write(descriptor, data[done:])
