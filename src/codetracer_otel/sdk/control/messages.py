"""Sends and receives one JSON line over a socket, within a bound of bytes and a deadline."""

from __future__ import annotations

import _socket
import struct
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Json, Time

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES: Final = 4 * 1024 * 1024
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred of Linux: pid, uid, gid


class NotAMessage(Exception):  # noqa: N818 - it is what came, not what failed
    """What came is no JSON object in one line, or too long."""


def send(connection: _socket.socket, message: Mapping[str, Any], deadline: float) -> None:
    """Send a message; ``deadline`` in monotonic seconds.

    Raises:
        OSError: it could not be sent in time.
    """
    connection.settimeout(max(deadline - Time.monotonic(), 0.001))
    connection.sendall(Json.dumps(message).encode() + b"\n")


def receive(connection: _socket.socket, deadline: float) -> dict[str, Any]:
    """Return the message that the other side sends; ``deadline`` in monotonic seconds.

    Raises:
        NotAMessage: it sends something else.
        OSError: no whole message came in time, however slowly its pieces came.
    """
    received = bytearray()
    while not received.endswith(b"\n"):
        left = deadline - Time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(65536)
        received += part
        if not part or len(received) > MAX_BYTES:
            raise NotAMessage
    try:
        message = Json.loads(received.decode())
    except (ValueError, RecursionError) as error:
        raise NotAMessage from error
    if not isinstance(message, dict):
        raise NotAMessage
    return message


def user_behind(connection: _socket.socket) -> int | None:
    """Return the user of the process at the other end, or None where the system does not say."""
    option = getattr(_socket, "SO_PEERCRED", None)
    if option is None:
        return None
    answer = connection.getsockopt(_socket.SOL_SOCKET, option, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(answer)[1]
    return user
