"""Collectors of OTLP in many moods, over HTTP and gRPC; they know each span that came once."""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MOODS = ("healthy", "moody", "dripping", "refusing", "dying")
_RESET = struct.pack("ii", 1, 0)  # closes a connection without good-bye


class Arrived:
    """The names of spans that came, by id: what is sent again is the same span."""

    def __init__(self, mood: str, chance: random.Random) -> None:
        self.names: dict[bytes, str] = {}
        self.mood = mood
        self._chance = chance
        self._lock = Lock()

    def take(self, request: ExportTraceServiceRequest) -> str:
        """Keep what came; return how to answer."""
        with self._lock:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.names |= {span.span_id: span.name for span in scope.spans}
            return self._how_to_answer()

    def _how_to_answer(self) -> str:
        if self.mood == "moody":
            return self._chance.choice(("healthy", "healthy", "refusing", "dying", "late"))
        return self.mood


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        how = self.server.arrived.take(ExportTraceServiceRequest.FromString(body))
        with contextlib.suppress(OSError):
            getattr(self, how)()

    def healthy(self, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refusing(self) -> None:
        self.healthy(503)

    def late(self) -> None:
        time.sleep(0.3)
        self.healthy()

    def dying(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def dripping(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b" ")
            time.sleep(0.3)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    arrived: Arrived

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no error."""


class _Service(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, arrived: Arrived) -> None:
        self._arrived = arrived

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name in the protocol
        how = self._arrived.take(request)
        if how in ("refusing", "dying"):
            context.abort(grpc.StatusCode.UNAVAILABLE, how)
        if how in ("late", "dripping"):
            time.sleep(0.3 if how == "late" else 8)
        return ExportTraceServiceResponse()


@contextlib.contextmanager
def collecting(mood: str = "healthy", seed: int = 0) -> Iterator[tuple[str, Arrived]]:
    """Collect over HTTP; yield the URL and what arrived."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.arrived = Arrived(mood, random.Random(seed))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.arrived
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def collecting_by_grpc(mood: str = "healthy", seed: int = 0) -> Iterator[tuple[str, Arrived]]:
    """Collect over gRPC; yield the URL and what arrived."""
    arrived = Arrived(mood, random.Random(seed))
    server = grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Service(arrived), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", arrived
    finally:
        server.stop(0).wait(10)
