"""Reads HTTP/1 responses: bounded, strict about where one ends, and without decoding bodies."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Time
from codetracer_otel.data_classes import dataclass
from codetracer_otel.exporters.http.errors import AnswerError

if TYPE_CHECKING:
    from codetracer_otel.exporters.http.sockets import Stream

LONGEST: Final = 64 * 1024  # bytes of a head, and of a body; what is longer is not read
_BODY_PATIENCE_S: Final = 1.0  # the status has come by then, and a body says little more
_PIECE: Final = 8 * 1024
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: .*)?")
_HEADER_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_DIGITS: Final = re.compile(rb"[0-9]{1,18}")
_LAST_INTERIM: Final = 199
_BODYLESS: Final = (204, 304)


@dataclass(slots=True)
class HttpAnswer:
    """An answer.

    Attributes:
        status: HTTP status.
        headers: by lower-case name; several of one name are joined by commas.
        body: as it was sent; empty if it is encoded, longer than `LONGEST`, or did not come.
        keeps_connection: whether the connection can carry the next request.
    """

    status: int
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    keeps_connection: bool = False


class AnswerReader:
    """Reads the answer to one request.

    Args:
        stream: where it comes from.
        deadline: monotonic seconds until which its head must be there; its body is waited for a
            second at most beyond that of the head, since the status decides.
    """

    def __init__(self, stream: Stream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._buffer = bytearray()
        self._budget = LONGEST

    def read(self) -> HttpAnswer:
        """Return the answer; if its body is late, broken or too long, without it.

        Raises:
            AnswerError: what came is no answer.
            OSError: the connection broke, or the deadline is over.
        """
        answer, is_persistent = self.read_head()
        self._budget = LONGEST
        self._deadline = min(self._deadline, Time.monotonic() + _BODY_PATIENCE_S)
        try:
            body, has_end = self._read_body(answer)
        except OSError:
            return answer
        if answer.headers.get(b"content-encoding", b"identity").lower() == b"identity":
            answer.body = body
        answer.keeps_connection = is_persistent and has_end and not self._buffer
        return answer

    def read_head(self) -> tuple[HttpAnswer, bool]:
        """Return the answer without its body, and whether the connection stays open after it.

        Interim answers before it are left out.
        """
        while True:
            match = _STATUS_LINE.fullmatch(self._read_line())
            if not match:
                raise AnswerError
            answer = HttpAnswer(int(match[2]))
            is_clean = self._read_headers(answer.headers)
            if answer.status > _LAST_INTERIM:
                return answer, is_clean and _is_persistent(match[1], answer.headers)

    @property
    def has_more(self) -> bool:
        """Whether more than the head has come."""
        return bool(self._buffer)

    def _read_headers(self, headers: dict[bytes, bytes]) -> bool:
        """Read up to the empty line; return whether all lines are headers."""
        is_clean = True
        while line := self._read_line():
            match = _HEADER_LINE.fullmatch(line)
            is_clean = is_clean and match is not None
            if match:
                name = match[1].lower()
                headers[name] = headers[name] + b", " + match[2] if name in headers else match[2]
        return is_clean

    def _read_body(self, answer: HttpAnswer) -> tuple[bytes, bool]:
        """Return the body, and whether its end is known."""
        encoding = answer.headers.get(b"transfer-encoding")
        length = answer.headers.get(b"content-length")
        if answer.status in _BODYLESS:
            return b"", True
        if encoding is not None:
            is_chunked = encoding.lower() == b"chunked" and length is None
            return (self._read_chunks(), True) if is_chunked else (b"", False)
        if length is None:
            return self._read_to_end(), False
        if not _DIGITS.fullmatch(length) or int(length) > LONGEST:
            return b"", False
        return self._read_exactly(int(length)), True

    def _read_chunks(self) -> bytes:
        body = b""
        while size := self._read_size():
            body += self._read_exactly(size)
            if self._read_line():
                raise AnswerError
        while self._read_line():  # trailers
            pass
        return body

    def _read_size(self) -> int:
        match = _SIZE_LINE.fullmatch(self._read_line())
        if not match:
            raise AnswerError
        return int(match[1], 16)

    def _read_exactly(self, size: int) -> bytes:
        if size > self._budget + len(self._buffer):
            raise AnswerError
        while len(self._buffer) < size:
            self._receive()
        return self._take(size)

    def _read_to_end(self) -> bytes:
        try:
            while True:
                self._receive()
        except AnswerError:
            return self._take(len(self._buffer)) if self._budget else b""

    def _read_line(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            self._receive()
        return self._take(end + 1)[:-1].removesuffix(b"\r")

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _receive(self) -> None:
        """Receive more; past the bound or the end of the stream `AnswerError` is raised."""
        piece = self._stream.receive(min(_PIECE, self._budget), self._deadline)
        if not piece:  # the end, or no budget is left
            raise AnswerError
        self._buffer += piece
        self._budget -= len(piece)


def _is_persistent(minor: bytes, headers: dict[bytes, bytes]) -> bool:
    options = {word.strip().lower() for word in headers.get(b"connection", b"").split(b",")}
    return b"close" not in options if minor == b"1" else b"keep-alive" in options
