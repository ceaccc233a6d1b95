"""Addresses of a host, found within a deadline."""

from __future__ import annotations

import _socket
from typing import Any, Final

from codetracer_otel.bindings import Event, Threads, Time

_FAMILIES: Final = (_socket.AF_INET, _socket.AF_INET6)


class _Names:
    """Out of reach of what replaces attributes of modules."""

    getaddrinfo = _socket.getaddrinfo


class Resolver:
    """Asks the system for the addresses of one host and port.

    The system's resolver knows no deadline, so it runs in a thread of its own, and is left behind
    there when the time is over; the next question waits for the same answer. An address needs no
    thread, and where none can be started (while the interpreter ends) there is no deadline.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host.encode("ascii")  # text would be encoded by a codec that is imported
        self._port = port
        self._pending: _Lookup | None = None

    def addresses(self, deadline: float) -> list[tuple[int, Any]]:
        """Return (family, address) in the order in which to try them.

        Raises:
            OSError: there is none, or none came before ``deadline`` (monotonic s).
        """
        lookup = self._pending or _Lookup(self._host, self._port)
        self._pending = lookup
        if not lookup.is_over.wait(deadline - Time.monotonic()):
            raise TimeoutError
        self._pending = None
        return lookup.answer()


class _Lookup:
    def __init__(self, host: bytes, port: int) -> None:
        self._question = (host, port, 0, _socket.SOCK_STREAM)
        self._found: list[Any] = []
        self._error: OSError | None = None
        self.is_over = Event()
        if packed(host.decode("ascii")) is not None:  # an address, not a name
            self._run()
            return
        try:
            Threads.start_new_thread(self._run, ())
        except RuntimeError:
            self._run()

    def answer(self) -> list[tuple[int, Any]]:
        if self._error is not None:
            raise self._error
        return self._found

    def _run(self) -> None:
        try:
            found = _Names.getaddrinfo(*self._question)
            self._found = [(entry[0], entry[4]) for entry in found if entry[0] in _FAMILIES]
        except OSError as error:
            self._error = error
        finally:
            self.is_over.set()


def packed(host: str) -> bytes | None:
    """Return the bytes of an IP address, or None if it is a name."""
    for family in _FAMILIES:
        try:
            return _socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
    return None
