"""A loopback server that does with each connection what the test's function says."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextlib import contextmanager

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Peer:
    """The server's end of a connection."""

    def __init__(self, connection: socket.socket, server: Server) -> None:
        self.connection = connection
        self.ended = server.ended
        self._server = server
        self._file = connection.makefile("rb")

    def request(self) -> tuple[str, dict[str, str], bytes]:
        """Return first line, headers and body of the next request; none at the end."""
        first = self._file.readline().decode().rstrip()
        if not first:
            raise ConnectionError
        headers = {}
        while line := self._file.readline().decode().rstrip():
            name, _, value = line.partition(": ")
            assert name not in headers
            headers[name] = value
        body = self._file.read(int(headers.get("content-length", 0)))
        self._server.requests.append((first, headers, body))
        return first, headers, body

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, pause: float = 0.05) -> None:
        """Send byte by byte until the test is over."""
        for byte in data:
            self.send(bytes((byte,)))
            if self.ended.wait(pause):
                return

    def answer_all(self, answer: bytes = OK) -> None:
        while True:
            self.request()
            self.send(answer)


class Server:
    """Attributes: url, port, requests, connections so far."""

    def __init__(self, behave, tls=None, host="127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.bind((host, 0))
        self._listener.listen()
        self.host, self.port = host, self._listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if tls else 'http'}://{shown}:{self.port}"
        self.ended = threading.Event()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections: list[socket.socket] = []
        self._behave, self._tls = behave, tls
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ConnectionError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                self._behave(Peer(connection, self))

    def stop(self) -> None:
        self.ended.set()
        for each in (self._listener, *self.connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(60)


@contextmanager
def serving(behave=Peer.answer_all, **options):
    server = Server(behave, **options)
    try:
        yield server
    finally:
        server.stop()
