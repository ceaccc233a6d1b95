"""A collector on a loopback port that answers as a test tells it to."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    import ssl


class Collector:
    """What came, and what the next requests are told.

    ``script`` holds one entry per request: a status, (status, headers), (status, headers, body),
    or a function of the handler that does as it likes. When it is empty every request succeeds.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: list = []
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.accepted: list[ExportTraceServiceRequest] = []
        self.release = threading.Event()
        self.connections = 0
        self.answered: list[ExportTraceServiceRequest] = []  # the client knows, then

    def names(self) -> list[str]:
        """Return the span names of every request that was accepted."""
        return [
            span.name
            for request in self.accepted
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def partial_success(rejected: int, message: str = "") -> tuple:
    success = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    body = ExportTraceServiceResponse(partial_success=success).SerializeToString()
    return 200, {"Content-Type": "application/x-protobuf"}, body


def hang(handler) -> None:
    """Never answer, until the test is over."""
    handler.server.collector.release.wait(60)
    handler.close_connection = True


def close(handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def break_off_the_answer(handler) -> None:
    """Promise a body, and close in the middle of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    close(handler)


def hang_in_the_answer(handler) -> None:
    """Promise a body, and never send it."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    hang(handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.collector.connections += 1

    def do_POST(self):
        collector = self.server.collector
        body = self.rfile.read(int(self.headers["Content-Length"]))
        decode = {"gzip": gzip.decompress, "deflate": zlib.decompress}
        decode = decode.get(self.headers.get("Content-Encoding"), bytes)
        request = ExportTraceServiceRequest.FromString(decode(body))
        collector.requests.append(request)
        collector.paths.append(self.path)
        collector.headers.append({key.lower(): value for key, value in self.headers.items()})
        answer = collector.script.pop(0) if collector.script else 200
        if callable(answer):
            answer(self)
        else:
            self.answer(request, *(answer if isinstance(answer, tuple) else (answer,)))

    def answer(self, request, status, headers=(), body=b""):
        if status == 200:
            self.server.collector.accepted.append(request)
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.collector.answered.append(request)

    def log_message(self, *args):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing: tests break connections on purpose."""


@contextmanager
def running_collector(tls: ssl.SSLContext | None = None):
    server = Server(("127.0.0.1", 0), Handler)
    scheme = "https" if tls else "http"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.collector = Collector(f"{scheme}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.collector
    finally:
        server.collector.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def unused_port():
    """Give a loopback port that refuses connections, until a server of ours listens there."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
