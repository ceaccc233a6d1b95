"""The whole cost of a span: CPU of all threads, from the call to its bytes on the wire.

usage: python -m benchmarks.delivery [--rounds N] [--calls N]

Every figure is taken in a process of its own, the variants in turn; a collector on this host, in
another process, takes the bytes and counts the spans: a figure counts only when all have arrived.
What the same calls cost untraced is subtracted.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import inspect
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

from tools.numeric_arguments import whole_from

from benchmarks.filter_header import HEADER
from benchmarks.measuring import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WARM_UP = 500
FILTER = (
    HEADER
    + """
[[scope.rules]]
selector = "obj:**.{handle,validate}"
exec = "trace"
"""
)
VARIANTS = {
    "untraced": "untraced",
    "ours": "ours, arguments and return",
    "ours-gzip": "ours, the same, gzip",
    "otel": "OpenTelemetry decorator, batch processor, OTLP over HTTP",
}


SPANS_PER_CALL = 2


def handle(order_id, user, password, amount):
    return validate(order_id, amount)


def validate(order_id, amount):
    return "accepted"


def calls_of(function: Callable[..., object], count: int) -> None:
    for number in range(count):
        function(number, f"user-{number % 1000}", "hunter2", number / 7)


class Counter(BaseHTTPRequestHandler):
    """Takes bodies at once, and counts their spans when it is asked for the number."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(
            gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
        )
        self._answer(b"")

    def do_GET(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        self.bodies.clear()
        spans = [
            len(scope.spans)
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
        ]
        self._answer(json.dumps(sum(spans)).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def collect() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counter)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


def cpu_ns(body: Callable[[], object]) -> int:
    began = time.process_time_ns()
    body()
    return time.process_time_ns() - began


def untraced(_url: str, calls: int) -> int:
    return cpu_ns(lambda: calls_of(handle, calls))


def ours(url: str, calls: int, compression: str = "none") -> int:
    from codetracer_otel.filters import filter_from_text
    from codetracer_otel.sdk.session.configure import begin_session
    from codetracer_otel.sdk.settings.limits import Buffer

    keywords = {
        "trace_filter": filter_from_text(FILTER),
        "exporter": f"otlp={url}",
        "buffer": Buffer(records=SPANS_PER_CALL * (calls + WARM_UP)),
    }
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    with begin_session(keywords, environment=environment) as session:
        calls_of(handle, WARM_UP)
        assert session.flush(60)

        def body() -> None:
            calls_of(handle, calls)
            assert session.flush(60)

        return cpu_ns(body)


def decorated(tracer: Any, function: Any, line: int, named: Any = None) -> Any:
    """Return a function under OpenTelemetry's SDK with the attributes that ours writes."""
    named = named or function
    names = inspect.signature(named).parameters

    @functools.wraps(named)
    def wrapper(*values):
        with tracer.start_as_current_span(f"__main__.{named.__name__}") as span:
            span.set_attribute("code.function.name", f"__main__.{named.__name__}")
            span.set_attribute("code.file.path", __file__)
            span.set_attribute("code.line.number", line)
            for name, value in zip(names, values, strict=True):
                shown = "<redacted>" if name == "password" else value
                span.set_attribute(f"codetracer.arg.{name}", shown)
            result = function(*values)
            span.set_attribute("codetracer.return", result)
            return result

    return wrapper


def otel(url: str, calls: int) -> int:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces")
    processor = BatchSpanProcessor(exporter, max_queue_size=SPANS_PER_CALL * (calls + WARM_UP))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("benchmark")

    decorated_validate = decorated(tracer, validate, 65)
    decorated_handle = decorated(
        tracer,
        lambda order_id, _user, _password, amount: decorated_validate(order_id, amount),
        61,
        handle,
    )
    calls_of(decorated_handle, WARM_UP)
    assert processor.force_flush(60_000)

    def body() -> None:
        calls_of(decorated_handle, calls)
        assert processor.force_flush(60_000)

    took = cpu_ns(body)
    provider.shutdown()
    return took


RUNS = {
    "untraced": untraced,
    "ours": ours,
    "ours-gzip": functools.partial(ours, compression="gzip"),
    "otel": otel,
}


def measured(variant: str, url: str, calls: int) -> float:
    """Return CPU ns per span of a variant, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.delivery", "--run", variant, url, str(calls)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    with urllib.request.urlopen(f"{url}/") as answer:
        arrived = json.load(answer)
    expected = 0 if variant == "untraced" else SPANS_PER_CALL * (calls + WARM_UP)
    if arrived != expected:
        raise SystemExit(f"{variant}: {arrived} of {expected} spans arrived\n{done.stderr}")
    return int(done.stdout) / (SPANS_PER_CALL * calls)


def rounds_of(url: str, rounds: int, calls: int) -> dict[str, Series]:
    figures: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(rounds):
        for variant, values in figures.items():
            values.append(measured(variant, url, calls))
    return {variant: Series(tuple(values)) for variant, values in figures.items()}


def rows(figures: dict[str, Series]) -> Iterator[str]:
    base, theirs = figures["untraced"], figures["otel"].minus(figures["untraced"])
    for variant, label in VARIANTS.items():
        if variant == "untraced":
            continue
        whole = figures[variant].minus(base)
        ratio = theirs.over(whole)
        microseconds = Series(tuple(value / 1000 for value in whole.values))
        yield f"| {label} | {microseconds.text(digits=1)} | {ratio.text('x', 1)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole_from(1), default=7)
    parser.add_argument("--calls", type=whole_from(1), default=20_000)
    parser.add_argument("--collect", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.collect:
        collect()
        return
    if arguments.run:
        variant, url, calls = arguments.run
        print(RUNS[variant](url, int(calls)))
        return
    command = [sys.executable, "-m", "benchmarks.delivery", "--collect"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as collector:
        url = f"http://127.0.0.1:{collector.stdout.readline().strip()}"
        figures = rounds_of(url, arguments.rounds, arguments.calls)
        collector.stdin.close()
    print("`handle` with four arguments, one redacted, calls `validate` with two; both return a")
    print("value. CPU of all threads per span, in us\n")
    print("| | added to a call: median (lowest - highest) | against OpenTelemetry |")
    print("|---|---|---|")
    print("\n".join(rows(figures)))


if __name__ == "__main__":
    main()
