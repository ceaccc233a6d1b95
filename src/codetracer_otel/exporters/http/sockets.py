"""Streams of bytes over a socket of our own, each operation with a deadline."""

from __future__ import annotations

import _socket
from typing import TYPE_CHECKING, Any, Final, Protocol

from codetracer_otel.bindings import Time
from codetracer_otel.descriptors import beyond_the_standard_ones, identity

if TYPE_CHECKING:
    from collections.abc import Buffer

# a program may let SIGPIPE end it; absent where a socket option does the same
_SEND_FLAGS: Final = getattr(_socket, "MSG_NOSIGNAL", 0)


class Stream(Protocol):
    """A connection; deadlines are in monotonic seconds, past them `TimeoutError` is raised."""

    def send(self, data: Buffer, deadline: float) -> None:
        """Send all of it."""

    def receive(self, size: int, deadline: float) -> bytes:
        """Return up to ``size`` bytes, none at the end of the stream."""

    def is_quiet(self) -> bool:
        """Return whether it is ours and open, and has received nothing unexpected."""

    def abort(self) -> None:
        """End every wait for it; may be called from any thread."""

    def close(self) -> None:
        """Close it."""


def time_left(deadline: float) -> float:
    """Return the seconds until a deadline.

    Raises:
        TimeoutError: it is over.
    """
    left = deadline - Time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class SocketStream:
    """A TCP connection that never touches a descriptor that is no longer ours.

    Args:
        family: of the address.
        address: where to.
        deadline: monotonic seconds until which it must be connected.

    Raises:
        OSError: it cannot be connected.
    """

    def __init__(self, family: int, address: Any, deadline: float) -> None:
        made = _socket.socket(family, _socket.SOCK_STREAM)
        self._socket = _socket.socket(fileno=beyond_the_standard_ones(made.detach()))
        self._descriptor = self._socket.fileno()
        self._identity = identity(self._descriptor)
        try:
            self._socket.settimeout(time_left(deadline))
            self._socket.connect(address)
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        except BaseException:
            self.close()
            raise

    def send(self, data: Buffer, deadline: float) -> None:
        """Send all of it."""
        self._prepare(deadline)
        self._socket.sendall(data, _SEND_FLAGS)

    def receive(self, size: int, deadline: float) -> bytes:
        """Return up to ``size`` bytes, none at the end of the stream."""
        self._prepare(deadline)
        return self._socket.recv(size)

    def is_quiet(self) -> bool:
        """Return whether it is ours and open, and has received nothing unexpected."""
        if not self._is_ours():
            return False
        try:
            self._socket.settimeout(0.0)
            self._socket.recv(1, _socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False  # bytes, or the end

    def abort(self) -> None:
        """End every wait for it; may be called from any thread."""
        try:
            if self._is_ours():
                self._socket.shutdown(_socket.SHUT_RDWR)
        except OSError:  # not connected any more
            return

    def close(self) -> None:
        """Close it; a descriptor that is the program's by now stays open."""
        if self._is_ours():
            self._socket.close()
        else:
            self._socket.detach()

    def _prepare(self, deadline: float) -> None:
        if not self._is_ours():
            raise ConnectionResetError
        self._socket.settimeout(time_left(deadline))

    def _is_ours(self) -> bool:
        return self._identity is not None and identity(self._descriptor) == self._identity
