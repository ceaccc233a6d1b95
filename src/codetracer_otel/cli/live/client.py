"""Finds the control sockets of this machine's processes and asks them."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.errors import EnvironmentFailure, ErrorCode
from codetracer_otel.sdk.control.messages import NotAMessage, receive, send, user_behind
from codetracer_otel.sdk.control.places import (
    candidates,
    is_private,
    is_there,
    socket_path,
    sockets_in,
)
from codetracer_otel.sdk.settings.model import from_process_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT: Final = 0
_PATIENCE_S: Final = 15.0  # a detach delivers what is there, which may take 5 s


def find_socket(pid: int) -> str | None:
    """Return the path of the control socket of a process, or None.

    Raises:
        EnvironmentFailure: there is no such process.
    """
    if not is_there(pid):
        raise EnvironmentFailure(f"process {pid}: not running", ErrorCode.NO_SUCH_PROCESS)
    for user in _owners(pid):
        for folder in candidates(from_process_environment(), user):
            path = socket_path(folder, pid)
            if is_private(folder, user) and os.path.exists(path):
                return path
    return None


def user_of(pid: int) -> int:
    """Return the user of a process, as far as the system says so."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
            # the folder in /proc is root's where a process has given up being root
            return next(int(line.split()[2]) for line in status if line.startswith("Uid:"))
    except OSError:
        return os.geteuid()


def _owners(pid: int) -> tuple[int, ...]:
    """Return the users that may own a process's socket: root too, if it began as root."""
    return tuple(dict.fromkeys((user_of(pid), _ROOT)))


def all_sockets() -> Iterator[tuple[int, str]]:
    """Give process and socket of each process of this user that takes commands."""
    user = os.geteuid()
    for folder in candidates(from_process_environment(), user):
        if is_private(folder, user):
            yield from ((pid, path) for pid, path in sockets_in(folder) if is_there(pid))


def ask(pid: int, path: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of a process.

    Raises:
        EnvironmentFailure: it refuses, or does not answer in time.
    """
    deadline = time.monotonic() + _PATIENCE_S
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(path)
            _check_owner(pid, connection)
            send(connection, request, deadline)
            answer = receive(connection, deadline)
    except PermissionError:
        raise _not_permitted(pid) from None
    except (ConnectionError, FileNotFoundError):
        raise EnvironmentFailure(
            f"process {pid}: takes no commands any more", ErrorCode.NO_ANSWER
        ) from None
    except (OSError, NotAMessage):
        raise EnvironmentFailure(
            f"process {pid}: did not answer within {_PATIENCE_S:g} s", ErrorCode.NO_ANSWER
        ) from None
    if not answer.get("ok"):
        raise refusal(pid, answer)
    return answer


def refusal(pid: int, answer: Mapping[str, Any]) -> EnvironmentFailure:
    """Return the error for an answer that refuses."""
    known = {str(code): code for code in ErrorCode}
    code = known.get(str(answer.get("code")), ErrorCode.CONTROL_FAILED)
    return EnvironmentFailure(f"process {pid}: {answer.get('line')}", code)


def _check_owner(pid: int, connection: socket.socket) -> None:
    """Refuse an answer of another user: filters may name what is secret."""
    behind = user_behind(connection)
    if behind is not None and behind not in _owners(pid):
        raise _not_permitted(pid)


def _not_permitted(pid: int) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"process {pid}: belongs to another user, who alone may do that", ErrorCode.NOT_PERMITTED
    )
