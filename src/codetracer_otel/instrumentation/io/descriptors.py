"""Captures what reaches file descriptors 1 and 2, so that C code and child processes are seen.

Nothing stands in the way of a regular file: what was written is read back from it. A pipe cannot
be looked into; it gets a forwarding process, see `forwarder`. Terminals and devices
stay as they are: a program could tell.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import subprocess
import sys
import tempfile
from codecs import getincrementaldecoder
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Os, Paths, Threads
from codetracer_otel.descriptors import OwnDescriptor, beyond_the_standard_ones
from codetracer_otel.instrumentation.io import forwarder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DESCRIPTORS: Final = {"stdout": 1, "stderr": 2}
_CHUNK: Final = 256 * 1024
_MAX_EXPECTED: Final = 1024 * 1024
_HEAD: Final = 64
NOT_HERE: Final = "nothing can be read back on this platform"
_LINKS: Final = "/proc/self/fd"  # on Linux alone; those below /dev/fd open nothing anew elsewhere


class ExpectedBytes:
    """What a stream was asked to write, piece by piece; it reaches its descriptor later."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, data: bytes) -> None:
        """Expect bytes; the oldest are given up when there are too many."""
        if data:
            self._pieces.append(data)
            self._size += len(data)
        while self._size > _MAX_EXPECTED:
            self._size -= len(self._pieces.popleft())

    def match(self, data: bytes) -> int:
        """Return how many bytes of ``data`` were expected here, and expect them no longer.

        Pieces match as a whole, but for one that goes on behind the end of ``data``.
        """
        position = 0
        while self._pieces and position < len(data):
            piece = self._pieces[0]
            part = data[position : position + len(piece)]
            if not piece.startswith(part):
                break
            self._pieces.popleft()
            if len(part) < len(piece):
                self._pieces.appendleft(piece[len(part) :])
            position += len(part)
        self._size -= position
        return position

    def find(self, data: bytes) -> int:
        """Return where in ``data`` the expected bytes begin, or its length."""
        head = self._head()
        if not head:
            return len(data)
        place = data.find(head)
        if place >= 0:
            return place
        for count in range(min(len(head) - 1, len(data)), 0, -1):
            if data.endswith(head[:count]):
                return len(data) - count
        return len(data)

    def _head(self) -> bytes:
        """Return as many pieces as it takes to know their beginning."""
        head = b""
        for piece in list(self._pieces):
            head += piece
            if b"\n" in head or len(head) >= _HEAD:
                break
        return head[:_HEAD]


class Tail:
    """Reads what is appended to a file.

    Args:
        descriptor: open for reading; closed by `close`, unless the program has closed it and its
            number is another file by then. From then on nothing new is found.
        stream: name of the stream that what nobody expected is said to be of.
        encoding: of that stream.
        expected: one for each stream that writes here.
    """

    def __init__(
        self, descriptor: int, stream: str, encoding: str, expected: Iterable[ExpectedBytes]
    ) -> None:
        self.stream = stream
        self._file = OwnDescriptor(descriptor)
        self._offset = Os.fstat(self._file.use()).st_size
        self._expected = tuple(expected)
        self._decoder = getincrementaldecoder(encoding)("replace")

    def read(self) -> str:
        """Return the new text that did not come through a stream of the program."""
        if not self._file.is_ours:
            return ""
        descriptor, foreign = self._file.use(), bytearray()
        size = Os.fstat(descriptor).st_size
        self._offset = min(self._offset, size)  # somebody has cut the file
        while data := Os.pread(descriptor, _CHUNK, self._offset):
            self._offset += len(data)
            self._sort_out(data, foreign)
        return self._decoder.decode(bytes(foreign))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _sort_out(self, data: bytes, foreign: bytearray) -> None:
        while data:
            known = max([expected.match(data) for expected in self._expected if expected] or [0])
            if not known:
                places = [expected.find(data) for expected in self._expected if expected]
                known = max(min(places, default=len(data)), 1)
                foreign += data[:known]
            data = data[known:]


class DescriptorCapture:
    """Finds output that did not pass through the program's streams.

    Args:
        record: takes (name of the stream, text).
        streams: ``stdout``, ``stderr``, or both.
        notify_skipped: told of each stream whose descriptor is not looked at, and why.
    """

    def __init__(
        self,
        record: Callable[[str, str], None],
        streams: Iterable[str],
        notify_skipped: Callable[[str, str], None],
    ) -> None:
        self._record = record
        # without its stream a descriptor is closed, or somebody else's
        self._streams = [
            name for name in _DESCRIPTORS if name in streams and getattr(sys, f"__{name}__")
        ]
        self._notify_skipped = notify_skipped
        self._expected = {name: ExpectedBytes() for name in self._streams}
        self._encodings = {name: _encoding_of(name) for name in self._streams}
        self._tails: list[Tail] = []
        self._questions: list[Callable[[], None]] = []
        self._is_installed = False
        self._lock = Threads.allocate_lock()

    def expect(self, stream: str, text: str) -> None:
        """Take note of a text that a stream of the program is about to take."""
        self.poll()  # what came before it stands before it
        expected = self._expected.get(stream)
        if self._is_installed and expected is not None:
            encoding, errors = self._encodings[stream]
            with contextlib.suppress(UnicodeError, LookupError):
                expected.add(text.encode(encoding, errors))

    def install(self) -> Callable[[], None]:
        """Begin to look; return the undo, which restores the descriptors."""
        undo = ExitStack()
        # asked before anything is installed: a forwarded descriptor is another file
        places: dict[tuple[int, int], list[str]] = {}
        for name in self._streams:
            places.setdefault(_identity(_DESCRIPTORS[name]), []).append(name)
        for together in places.values():
            self._install_one(together, undo)
        self._is_installed = True
        undo.callback(self._stop)
        return undo.close

    def poll(self) -> None:
        """Record what has arrived since the last time, unless another thread is at it."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            for tail in list(self._tails):
                text = tail.read()
                if text:
                    self._record(tail.stream, text)
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Leave everything to the parent: this is a forked child."""
        self._is_installed = False
        self._lock = Threads.allocate_lock()
        self._tails.clear()
        self._questions.clear()

    def _install_one(self, names: list[str], undo: ExitStack) -> None:
        descriptor = _DESCRIPTORS[names[0]]
        mode = Os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode) and Paths.is_folder(_LINKS):
            self._add_tail(names, Os.open(f"{_LINKS}/{descriptor}", os.O_RDONLY), undo)
        elif stat.S_ISFIFO(mode) and Os.get_blocking(descriptor) and Os.fork is not None:
            self._forward(names, undo)
        elif stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
            self._notify_skipped(names[0], NOT_HERE)
        else:
            self._notify_skipped(names[0], "neither a file nor a pipe")

    def _add_tail(self, names: list[str], descriptor: int, undo: ExitStack) -> None:
        encoding, _ = self._encodings[names[0]]
        tail = Tail(descriptor, names[0], encoding, [self._expected[name] for name in names])
        self._tails.append(tail)
        undo.callback(tail.close)

    def _forward(self, names: list[str], undo: ExitStack) -> None:
        descriptors = [_DESCRIPTORS[name] for name in names]
        forwarder = ForwardedPipe(descriptors)
        self._questions.append(forwarder.wait_until_arrived)
        self._add_tail(names, forwarder.copy_reader, undo)
        undo.callback(forwarder.close)

    def _stop(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        for wait in self._questions:
            wait()
        self.poll()
        self._is_installed = False
        self._tails.clear()


def _identity(descriptor: int) -> tuple[int, int]:
    facts = Os.fstat(descriptor)
    return facts.st_dev, facts.st_ino


def _encoding_of(name: str) -> tuple[str, str]:
    stream: Any = getattr(sys, f"__{name}__")
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return encoding, getattr(stream, "errors", None) or "strict"


_ANSWER_S: Final = 1.0


class ForwardedPipe:
    """A pipe whose bytes go through `forwarder`, and a copy of them into a file.

    Args:
        descriptors: that are this pipe; they become another until `close`.

    Attributes:
        copy_reader: descriptor of the copy, for the caller to read and to close.
    """

    def __init__(self, descriptors: list[int]) -> None:
        self._saved = [
            (descriptor, OwnDescriptor(Os.dup(descriptor))) for descriptor in descriptors
        ]
        source, mine = map(beyond_the_standard_ones, Os.pipe())
        control_reader, control = map(beyond_the_standard_ones, Os.pipe())
        answer, answer_writer = map(beyond_the_standard_ones, Os.pipe())
        self._control, self._answer = OwnDescriptor(control), OwnDescriptor(answer)
        copy, path = tempfile.mkstemp(prefix="codetracer-otel-")
        copy = beyond_the_standard_ones(copy)
        self.copy_reader = beyond_the_standard_ones(Os.open(path, os.O_RDONLY))
        Os.unlink(path)
        passed = (source, self._saved[0][1].use(), copy, control_reader, answer_writer)
        _start_forwarder(passed)
        for descriptor in descriptors:
            Os.dup2(mine, descriptor)
        self._places = [OwnDescriptor(number, is_borrowed=True) for number in descriptors]
        for descriptor in (source, mine, copy, control_reader, answer_writer):
            Os.close(descriptor)

    def wait_until_arrived(self) -> None:
        """Wait until what was written before has reached its destination."""
        with contextlib.suppress(OSError):
            Os.write(self._control.use(), b"?")
            answer = self._answer.use()
            if select.select([answer], [], [], _ANSWER_S)[0]:
                Os.read(answer, 1)

    def close(self) -> None:
        """Put the descriptors back; one that the program has closed or made another file stays."""
        for (descriptor, saved), place in zip(self._saved, self._places, strict=True):
            if place.is_ours and saved.is_ours:
                Os.dup2(saved.use(), descriptor)
            saved.close()
        self._control.close()
        self._answer.close()


def _start_forwarder(descriptors: tuple[int, ...]) -> None:
    command = [sys.executable, "-I", "-S", forwarder.__file__]
    subprocess.run(  # noqa: S603 - our own file, run by this interpreter
        [*command, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=10,
    )
