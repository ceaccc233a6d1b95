"""A loopback collector that can be killed, and started where another one was."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from contextlib import contextmanager

from tests.exporters.collector import Collector, Handler, Server
from tests.faults.running import wait_until


class MortalServer(Server):
    """Knows its connections, so that a kill breaks those too."""

    def __init__(self, port: int) -> None:
        self.connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self):
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def kill(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def collecting(port: int = 0):
    """Collect on a port, a free one by default, until the block ends; then it is killed."""
    server = MortalServer(port)
    server.collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.collector
    finally:
        server.collector.release.set()
        server.kill()
        thread.join()


def spans_of(requests) -> list:
    """Return the spans of some requests."""
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def wait_for_spans(collector: Collector, count: int) -> None:
    """Wait until they were accepted, and the client has been answered: it would send them again."""

    def have_come() -> bool:
        return (
            len(collector.answered) >= len(collector.accepted) and len(collector.names()) >= count
        )

    wait_until(have_come, f"{count} spans")


def wait_for_requests(collector: Collector, count: int) -> None:
    wait_until(lambda: len(collector.requests) >= count, f"{count} requests")


def arrived_once(collector: Collector, *others: Collector) -> Counter:
    """Return how many spans of each name arrived; none may have come twice."""
    spans = [span for each in (collector, *others) for span in spans_of(each.accepted)]
    ids = Counter(span.span_id for span in spans)
    assert set(ids.values()) <= {1}
    return Counter(span.name for span in spans)
