"""A loopback OTLP/HTTP receiver that parses what arrives, for exact checks of exported spans."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


@dataclass
class ReceivedEvent:
    name: str
    time_ns: int
    attributes: dict[str, object]


@dataclass
class ReceivedLink:
    trace_id: str
    span_id: str
    attributes: dict[str, object]


@dataclass
class ReceivedSpan:
    """One span out of a request; ``parent_id`` is None for the root of a trace."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    kind: int
    start_ns: int
    end_ns: int
    status: int
    status_message: str
    attributes: dict[str, object]
    events: list[ReceivedEvent]
    links: list[ReceivedLink]
    resource: dict[str, object]
    scope: str


@dataclass
class Request:
    """One POST: path, headers (lower-case names), the body before and after parsing."""

    path: str
    headers: dict[str, str]
    body: bytes
    message: ExportTraceServiceRequest

    def spans(self) -> list[ReceivedSpan]:
        return [
            _span(span, _attributes(resource_spans.resource.attributes), scope_spans.scope.name)
            for resource_spans in self.message.resource_spans
            for scope_spans in resource_spans.scope_spans
            for span in scope_spans.spans
        ]


@dataclass
class Answer:
    """What the receiver says to one request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = ExportTraceServiceResponse().SerializeToString()


class Receiver:
    """Collects requests; ``answers`` are given in order, then every request succeeds.

    Attributes:
        endpoint: base address, without the path ``/v1/traces``.
        requests: every request so far, refused ones included.
        answers: what the next requests are told.
    """

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self._changed = threading.Condition()

    def accept(self, request: Request) -> Answer:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else Answer()

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> bool:
        """Return whether ``count`` requests have come within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, timeout)

    def spans(self) -> list[ReceivedSpan]:
        """Return the spans of every request so far, in the order of arrival."""
        with self._changed:
            return [span for request in self.requests for span in request.spans()]


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Serve on a free loopback port until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="otlp-receiver")
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        is_other = "json" in headers.get("content-type", "") or "logs" in self.path
        message = ExportTraceServiceRequest.FromString(b"" if is_other else plain)
        self._reply(self.server.receiver.accept(Request(self.path, headers, body, message)))

    def _reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: a test's output is its own."""


def _span(span, resource: dict[str, object], scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=span.status.code,
        status_message=span.status.message,
        attributes=_attributes(span.attributes),
        events=[
            ReceivedEvent(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in span.events
        ],
        links=[
            ReceivedLink(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes))
            for link in span.links
        ],
        resource=resource,
        scope=scope,
    )


def _attributes(pairs: list[KeyValue]) -> dict[str, object]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind)
